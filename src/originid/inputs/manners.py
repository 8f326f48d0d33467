"""How pictures are fetched from the web without being a burden: the settings, and one fetch."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from urllib.parse import urlsplit
from urllib.robotparser import RobotFileParser

from originid import __version__
from originid.errors import ImageError, UsageError
from originid.images.decode import ReserveMemory
from originid.images.limits import Limits
from originid.system.fetching import PORTS, FetchError, Why, fetch, is_public

TRIES = 4  # of one picture: the first, and again after 1, 2 and 4 seconds
LONGEST_PAUSE = 60.0  # seconds that a server may ask for, by Retry-After or Crawl-delay
MOST_ROBOTS = 500_000  # bytes of a robots.txt, as RFC 9309 says
HOSTS = 10_000  # that are remembered
AGENT = "originid"


@dataclass(frozen=True)
class Manners:
    """How pictures are fetched from the web.

    Args:
        seconds: in which a picture must have been fetched, redirects included; above 0.
        megabytes: that a picture may have; above 0.
        connections: to one host at the same time; at least 1.
        delay: seconds from the start of one fetch from a host to the start of the next; at least 0.
        robots: whether what robots.txt of a host forbids is left out, and its Crawl-delay kept.
        contact: an address where whoever runs a host can write to; the host sees it.
        private: whether addresses of private networks may be fetched from, and any port.
    """

    seconds: float = 30.0
    megabytes: float = 50.0
    connections: int = 2
    delay: float = 0.0
    robots: bool = True
    contact: str = ""
    private: bool = False

    @property
    def agent(self) -> str:
        """What a host is told of who asks."""
        contact = f"; {self.contact}" if self.contact else ""
        return f"{AGENT}/{__version__} (indexes pictures to find the origins of edits{contact})"

    def shared_by(self, processes: int) -> "Manners":
        """The manners of one of several processes, so that all together keep these."""
        each = max(1, self.connections // processes)
        return replace(self, connections=each, delay=self.delay * processes)


POLITE = Manners()


def read_manners(text: str) -> Manners:
    """Read settings as they are written on a command line, such as ``delay=1,robots=no``.

    Raises:
        UsageError: a setting is unknown, or its value is wrong.
    """
    known = {field.name: field.type for field in fields(Manners)}
    found: dict[str, float | int | bool | str] = {}
    for part in filter(None, text.split(",")):
        name, _, value = (each.strip() for each in part.partition("="))
        try:
            if name == "contact" and value.isascii() and value.isprintable() and value:
                found[name] = value
            elif known[name] in ("bool", bool):
                found[name] = {"yes": True, "no": False}[value]
            else:
                found[name] = _number(name, value)
        except (KeyError, ValueError) as error:
            raise _wrong(part) from error
    return Manners(**found)  # type: ignore[arg-type]


def _number(name: str, value: str) -> float:
    number = int(value) if name == "connections" else float(value)
    least = 1 if name == "connections" else 0
    if name == "contact" or not least <= number <= 1e6 or (number == 0 and name != "delay"):
        raise ValueError(value)
    return number


def _wrong(part: str) -> UsageError:
    return UsageError(
        f"--fetch {part}",
        "expected seconds, megabytes or connections above 0, delay of 0 or more seconds, robots or "
        "private with yes or no, or contact with an address",
        "for example --fetch delay=1,connections=1,contact=archive@example.org",
    )


@dataclass(frozen=True)
class FromWeb:
    """Fetches a picture, in its turn, and again if the host asks for a pause; a `ReadBytes`.

    Args:
        url: its address, http or https.
        manners: how it is fetched.
    """

    url: str
    manners: Manners

    def __call__(self, limits: Limits, reserve: ReserveMemory) -> bytes:
        """Fetch it, as `ReadBytes` says.

        Raises:
            ImageError: it cannot be had.
        """
        host = host_of(self.url, self.manners)
        most = min(limits.max_bytes, int(self.manners.megabytes * 1e6))
        for attempt in range(TRIES):
            with host.turn():
                if not host.allows(self.url):
                    raise _refused("robots.txt of the host does not allow it")
                try:
                    data = host.fetch(self.url, most)
                    break
                except FetchError as error:
                    if attempt + 1 == TRIES or not _is_passing(error):
                        is_private = error.why in (Why.PORT, Why.PRIVATE)
                        more = "; --fetch private=yes takes it" if is_private else ""
                        raise _refused(error.text + more) from error
                    asked = 2.0**attempt if error.after is None else error.after
                    host.rest(min(asked, LONGEST_PAUSE))
        reserve(len(data))
        return data


def _is_passing(error: FetchError) -> bool:
    """Whether it may go well a moment later."""
    if error.why is Why.STATUS:
        return error.status == 429 or (error.status or 0) >= 500
    return error.why is Why.NO_ANSWER


def _refused(given: str) -> ImageError:
    return ImageError(given, "expected a picture that can be fetched", "check the address")


class Host:
    """A host of the web, and whose turn it is there; see `host_of`. Thread-safe."""

    def __init__(self, root: str, manners: Manners) -> None:
        self._root, self._manners = root, manners
        self._connections = threading.BoundedSemaphore(manners.connections)
        self._lock = threading.Lock()
        self._delay, self._next = manners.delay, 0.0
        self._robots: RobotFileParser | None = None

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until one more connection may be made, and keep it."""
        with self._connections:
            with self._lock:
                begins = max(self._next, time.monotonic())
                self._next = begins + self._delay
            time.sleep(max(0.0, begins - time.monotonic()))
            yield

    def rest(self, seconds: float) -> None:
        """Let nobody begin to fetch from the host for some time."""
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)

    def fetch(self, url: str, most: int, accept: str = "image/*") -> bytes:
        """Fetch a file from the host, now."""
        headers = {"Accept": accept, "User-Agent": self._manners.agent}
        private = self._manners.private
        allowed, ports = (_anywhere, dict.fromkeys(PORTS)) if private else (is_public, PORTS)
        return fetch(url, most, self._manners.seconds, allowed, ports, headers)[1]

    def allows(self, url: str) -> bool:
        """Whether robots.txt allows an address; a host that does not tell it allows nothing."""
        if not self._manners.robots:
            return True
        with self._lock:
            if self._robots is None:
                self._robots = self._read_robots()
                asked = float(self._robots.crawl_delay(AGENT) or 0)
                self._delay = max(self._delay, min(asked, LONGEST_PAUSE))
            return self._robots.can_fetch(AGENT, url)

    def _read_robots(self) -> RobotFileParser:
        robots = RobotFileParser()
        try:
            text = self.fetch(f"{self._root}/robots.txt", MOST_ROBOTS, "text/plain")
            robots.parse(text.decode("utf-8", "replace").splitlines())
        except FetchError as error:
            # As RFC 9309 says, a failing host allows nothing, and no such file allows all. Where
            # nothing answers, fetching the picture tells the reason.
            failing = error.why is Why.STATUS and (error.status or 0) >= 500
            robots.allow_all, robots.disallow_all = not failing, failing  # type: ignore[attr-defined]
        return robots


def host_of(url: str, manners: Manners) -> Host:
    """The host of an address, one for all threads of this process."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return Host("", replace(manners, robots=False))  # fetching tells what is wrong
    return _host(f"{parts.scheme}://{parts.netloc}".lower(), manners)


@lru_cache(HOSTS)
def _host(root: str, manners: Manners) -> Host:
    return Host(root, manners)


def _anywhere(address: str) -> bool:
    return True
