"""What a service may cost and who may use it: limits with their reasons."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from originid.errors import InputError
from originid.system.strict_json import read_json
from originid.system.text import closest


@dataclass(frozen=True)
class Settings:
    """The settings of a service.

    Args:
        token_file: a file of tokens, as `access.read_tokens` takes it; None lets everybody in,
            which is allowed on a loopback address only.
        read_only: whether nobody may add, remove or decide.
        allow_urls: whether the service fetches pictures from addresses of the web.
        max_bytes: of the body of one request. Photos of press cameras have up to 30 MB as JPEG; the
            pictures that are asked about are held in memory while they wait.
        max_pixels: of one picture. 100 megapixels are the largest common sensors; decoding them
            takes 0.5 to 1.4 GB.
        body_seconds: in which the body of a request must have arrived. Uploads that trickle in
            would hold memory and a connection; 50 MB in a minute are 7 Mbit/s.
        workers: requests that are worked on at the same time; 0 is one for each core. More would
            only wait for the processor, and take memory meanwhile.
        waiting: further requests that wait for a worker. Beyond them 429 is answered at once, so
            that nobody waits long for an answer that nobody wants any more.
        rate: requests a second that one client may make on average. A person with the page makes
            some, a script that checks an archive more.
        burst: requests that a client may make at once, before `rate` counts: the thumbnails of a
            page come together.
        url_seconds: in which a picture must have been fetched from the web.

    Raises:
        InputError: a number that is too small.
    """

    token_file: Path | None = None
    read_only: bool = False
    allow_urls: bool = False
    max_bytes: int = 50_000_000
    max_pixels: int = 100_000_000
    body_seconds: float = 60.0
    workers: int = 0
    waiting: int = 32
    rate: float = 50.0
    burst: int = 200
    url_seconds: float = 15.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            least = 0 if field.name in ("workers", "waiting") else 1e-3
            if field.type in ("int", "float", int, float) and not value >= least:
                raise InputError(
                    f"{field.name} {value}",
                    f"expected at least {least:g}",
                    "leave it out for the default",
                )


def read_settings(path: Path | None, given: dict[str, Any]) -> Settings:
    """The settings that a file and the command line say.

    Args:
        path: a JSON file with an object of limits, by the names of the fields; None for none.
        given: what the command line says; it counts before the file.

    Raises:
        InputError: the file cannot be read, or has a key that is no limit.
    """
    found: dict[str, Any] = {}
    known = {field.name: field for field in fields(Settings) if field.name not in given}
    try:
        found = read_json(path) if path is not None else {}
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{path}: {reason}", "expected a JSON object", "check the file") from error
    for name, value in found.items():
        if name not in known:
            raise InputError(
                f"{path}: {name}",
                f"expected some of {', '.join(known)}",
                closest(name, known, "leave it out"),
            )
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(f"{path}: {name} {value!r}", "expected a number", "write a number")
        if isinstance(known[name].default, int) and not isinstance(value, int):
            raise InputError(f"{path}: {name} {value}", "expected a whole number", "round it")
    return Settings(**found, **given)
