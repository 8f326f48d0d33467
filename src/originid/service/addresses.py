"""A picture from an address of the web, as an answer of the service."""

from collections.abc import Mapping

from originid.service.errors import ApiError, too_large
from originid.service.pictures import safe_name
from originid.system import fetching
from originid.system.fetching import PORTS, Allowed, FetchError, Why, is_public


def fetch(
    url: str,
    most: int,
    seconds: float,
    allowed: Allowed = is_public,
    ports: Mapping[str, int | None] = PORTS,
) -> tuple[str, bytes]:
    """Fetch a picture, as `fetching.fetch` does.

    Returns:
        A name for it that is safe anywhere, and its bytes.

    Raises:
        ApiError: the address is not allowed, nothing answers, or the answer is too large.
    """
    try:
        name, data = fetching.fetch(url, most, seconds, allowed, ports)
    except FetchError as error:
        if error.why is Why.LARGE:
            raise too_large(most) from error
        if error.why is Why.PRIVATE:
            expected = "expected an address of the internet"
            raise ApiError(403, error.text, expected, "send the file itself") from error
        expected = "expected the address of a picture, http or https"
        raise ApiError(422, error.text, expected, "send the file itself") from error
    return safe_name(name), data
