"""Fetches a file from an address of the web, without reaching into networks of one's own.

A name is looked up once, all its addresses are checked, and the connection is made to the address
that was checked: so a name cannot lead elsewhere in between (DNS rebinding). A redirect is another
address, and is checked as the first one.
"""

import http.client
import ipaddress
import os
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from urllib.parse import unquote, urljoin, urlsplit

PORTS: Mapping[str, int | None] = MappingProxyType({"http": 80, "https": 443})
"""The one port of each scheme, as others belong to other services; None allows any."""
MOST_REDIRECTS = 3
PART = 1 << 16  # bytes read at a time
REDIRECTS = (301, 302, 303, 307, 308)
PICTURES: Mapping[str, str] = MappingProxyType({"Accept": "image/*"})
# An address in them stands for one of IPv4, which a router may take to be in its own network.
TRANSLATED = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2001::/32")))

Allowed = Callable[[str], bool]
"""A function that tells whether an address, such as ``93.184.215.14``, may be connected to."""


class Why(Enum):
    """Why nothing was fetched."""

    ADDRESS = "the address is none of the web"
    PORT = "it names another port than the usual one"
    PRIVATE = "it is one of a private network"
    LARGE = "the answer has too many bytes"
    STATUS = "the answer has another status than 200"
    NO_ANSWER = "nothing answers, or too slowly"


class FetchError(Exception):
    """Nothing was fetched.

    Args:
        why: the kind of the reason.
        text: the reason in words.
        status: of HTTP, where there was an answer.
        after: seconds after which the server asks to be asked again; None where it says nothing.
    """

    def __init__(
        self, why: Why, text: str, status: int | None = None, after: float | None = None
    ) -> None:
        super().__init__(text)
        self.why, self.text, self.status, self.after = why, text, status, after


def is_public(address: str) -> bool:
    """Whether an address belongs to the internet, and to nobody's own network."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if any(ip.version == each.version and ip in each for each in TRANSLATED):
        return False
    mapped = getattr(ip, "ipv4_mapped", None) or getattr(ip, "sixtofour", None)
    return ip.is_global and not ip.is_multicast and (mapped is None or mapped.is_global)


def fetch(
    url: str,
    most: int,
    seconds: float,
    allowed: Allowed = is_public,
    ports: Mapping[str, int | None] = PORTS,
    headers: Mapping[str, str] = PICTURES,
) -> tuple[str, bytes]:
    """Fetch a file.

    Args:
        url: its address, http or https.
        most: bytes that it may have.
        seconds: in which it must have been fetched, redirects included.
        allowed: which addresses may be connected to.
        ports: the port of each scheme; an address may name no other.
        headers: what the request says of itself.

    Returns:
        The last part of its address, and its bytes.

    Raises:
        FetchError: the address is not allowed, nothing answers, or the answer is too large.
    """
    until = time.monotonic() + seconds
    for _ in range(MOST_REDIRECTS + 1):
        target = _Target.of(url, ports)
        connection = _connect(target, until, allowed)
        try:
            connection.request("GET", target.path, headers={**headers, "Host": target.host})
            with connection.getresponse() as answer:
                if answer.status in REDIRECTS:
                    url = urljoin(url, answer.getheader("Location", ""))
                    continue
                if answer.status != 200:
                    raise _other_status(answer)
                name = os.path.basename(urlsplit(url).path)
                return unquote(name), _read(answer, connection, most, until)
        except (OSError, http.client.HTTPException, ValueError) as error:
            text = f"nothing can be fetched: {type(error).__name__}"
            raise FetchError(Why.NO_ANSWER, text) from error
        finally:
            connection.close()
    raise FetchError(Why.ADDRESS, f"more than {MOST_REDIRECTS} redirects")


@dataclass(frozen=True)
class _Target:
    """Where an address leads."""

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def of(cls, url: str, ports: Mapping[str, int | None]) -> "_Target":
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise FetchError(Why.ADDRESS, "an address that is none") from error
        if parts.scheme not in ports or not parts.hostname or parts.username is not None:
            raise FetchError(Why.ADDRESS, "an address that is not of the web")
        if ports[parts.scheme] is not None and port not in (None, ports[parts.scheme]):
            raise FetchError(Why.PORT, f"an address with the port {port}")
        path = parts.path or "/"
        path += f"?{parts.query}" if parts.query else ""
        if not path.isascii() or any(c.isspace() or ord(c) < 33 for c in path):
            text = "an address with characters that must be written as %20 or so"
            raise FetchError(Why.ADDRESS, text)
        port = ports[parts.scheme] or port or PORTS[parts.scheme] or 0
        return cls(parts.scheme, parts.hostname, port, path)


def _connect(target: _Target, until: float, allowed: Allowed) -> http.client.HTTPConnection:
    """A connection to one of the addresses of a name, if all of them are allowed."""
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise FetchError(Why.NO_ANSWER, "a name that is not known") from error
    addresses = [str(each[4][0]) for each in found]
    if not addresses or not all(map(allowed, addresses)):
        raise FetchError(Why.PRIVATE, "an address of a private network")
    left = max(until - time.monotonic(), 0.1)
    connection = http.client.HTTPConnection(target.host, target.port, timeout=left)
    try:
        connection.sock = socket.create_connection((addresses[0], target.port), timeout=left)
        if target.scheme == "https":
            context = ssl.create_default_context()
            connection.sock = context.wrap_socket(connection.sock, server_hostname=target.host)
    except OSError as error:
        connection.close()
        text = f"nothing answers: {type(error).__name__}"
        raise FetchError(Why.NO_ANSWER, text) from error
    return connection


def _read(
    answer: http.client.HTTPResponse,
    connection: http.client.HTTPConnection,
    most: int,
    until: float,
) -> bytes:
    parts, size, stated = [], 0, answer.length
    while part := answer.read1(PART):
        parts.append(part)
        size += len(part)
        if size > most:
            raise FetchError(Why.LARGE, f"more than {most:,} bytes")
        if time.monotonic() > until:
            raise FetchError(Why.NO_ANSWER, "it takes too long to fetch")
        if connection.sock is not None:
            connection.sock.settimeout(max(until - time.monotonic(), 0.1))
    if stated is not None and size < stated:
        text = f"the answer ends after {size:,} of {stated:,} bytes"
        raise FetchError(Why.NO_ANSWER, text)
    return b"".join(parts)


def _other_status(answer: http.client.HTTPResponse) -> FetchError:
    text = f"the address answers with status {answer.status}"
    stated = answer.getheader("Retry-After", "")
    after = float(stated) if stated.isascii() and stated.isdigit() and len(stated) < 7 else None
    return FetchError(Why.STATUS, text, answer.status, after)
