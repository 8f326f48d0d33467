"""Requests to a service: with a token, a time limit, and patience with one that is busy."""

import os
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from originid.errors import ExtraError, InputError, ServiceError
from originid.types import Json

try:
    import httpx
except ModuleNotFoundError as missing:
    raise ExtraError("originid.client", "client") from missing

Picture = str | os.PathLike[str] | bytes
"""A picture that is asked about: the path of its file, or the bytes of one."""
Result = TypeVar("Result")

CONNECT_SECONDS = 10.0  # until a machine that does not answer is given up
LONGEST_WAIT = 60.0  # seconds that are waited when a service says: later
AGAIN = (429, 503)  # statuses after which it makes sense to ask again, if a Retry-After says when


class Connection:
    """Requests to one service.

    Args:
        address: of the service.
        token: that is presented; None for none.
        seconds: that an answer may take.
        tries: how often a request is made at most, if the service is busy.

    Raises:
        InputError: the address is none of the web.
    """

    def __init__(self, address: str, token: str | None, seconds: float, tries: int) -> None:
        self._address, self._tries = address.rstrip("/"), max(tries, 1)
        try:
            parsed = httpx.URL(address)
        except (httpx.InvalidURL, ValueError):
            parsed = httpx.URL("")
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise InputError(
                f"the address {address}",
                "expected one such as http://127.0.0.1:8000 or https://example.org/originid",
                "copy the address that originid serve prints",
            )
        if token is not None and not (token.isascii() and token.isprintable()):
            raise InputError(
                "a token with characters that no header may have",
                "expected letters, digits and signs of ASCII",
                "copy the token from the service's token file, without the end of its line",
            )
        self._http = httpx.Client(
            headers={} if token is None else {"Authorization": f"Bearer {token}"},
            timeout=httpx.Timeout(seconds, connect=CONNECT_SECONDS),
        )

    def ask(
        self,
        shape: Callable[[Json], Result],
        method: str,
        route: str,
        form: Mapping[str, object] | None = None,
        picture: Picture | None = None,
    ) -> Result:
        """Make a request whose answer is JSON.

        Args:
            shape: makes the result of the JSON.
            method: of HTTP.
            route: such as ``/v1/stats``, with its query.
            form: the fields of the body.
            picture: that is sent along.

        Raises:
            InputError: the file cannot be read.
            ServiceError: the service does not answer, or says no.
        """
        answer = self._send(method, route, form, picture)
        try:
            return shape(answer.json())
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._foreign(answer.status_code) from error

    def send(
        self,
        method: str,
        route: str,
        form: Mapping[str, object] | None = None,
        picture: Picture | None = None,
    ) -> bytes:
        """Make a request, and return the bytes of the answer; the arguments are those of `ask`.

        Raises:
            InputError: the file cannot be read.
            ServiceError: the service does not answer, or says no.
        """
        return self._send(method, route, form, picture).content

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _send(
        self,
        method: str,
        route: str,
        form: Mapping[str, object] | None,
        picture: Picture | None,
    ) -> httpx.Response:
        fields = {name: str(value) for name, value in (form or {}).items()} or None
        files = None if picture is None else {"image": _named(picture)}
        for left in reversed(range(self._tries)):
            try:
                answer = self._http.request(method, self._address + route, data=fields, files=files)
            except httpx.HTTPError as error:
                raise ServiceError(
                    0,
                    "no_answer",
                    f"{self._address} does not answer: {type(error).__name__}",
                    "expected a service that originid serve runs",
                    f"check that it runs, and its address: curl {self._address}/health",
                ) from error
            if answer.is_success:
                return answer
            wait = _wait(answer)
            if answer.status_code not in AGAIN or wait is None or not left:
                break
            time.sleep(wait)
        raise self._error(answer)

    def _error(self, answer: httpx.Response) -> ServiceError:
        """What an answer says that is no success."""
        try:
            told = answer.json()["error"]
            words = [str(told[name]) for name in ("code", "given", "expected", "todo")]
        except (ValueError, KeyError, TypeError):
            return self._foreign(answer.status_code)
        return ServiceError(answer.status_code, *words)

    def _foreign(self, status: int) -> ServiceError:
        """The error of an answer that is not one of originid: of a proxy, or of another service."""
        return ServiceError(
            status,
            "foreign_answer",
            f"{self._address} answers with status {status}, and not as originid does",
            "expected the address of a service that originid serve runs",
            "check the address, and the proxy in front of the service",
        )


def _named(picture: Picture) -> tuple[str, bytes]:
    """The name and the bytes of a picture."""
    if isinstance(picture, bytes):
        return "picture", picture
    try:
        with open(picture, "rb") as file:
            name = os.path.basename(os.fspath(picture))
            # A name may be any bytes; one of a request is UTF-8.
            return name.encode("utf-8", "replace").decode(), file.read()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"{os.fspath(picture)}: {reason}", "expected a file that can be read", "check its name"
        ) from error


def _wait(answer: httpx.Response) -> float | None:
    """The seconds after which a service wants to be asked again; None if it does not say so."""
    told = answer.headers.get("retry-after", "")
    return min(float(told), LONGEST_WAIT) if told.isascii() and told.isdigit() else None
