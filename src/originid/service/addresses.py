"""Fetches a picture from an address of the web, without reaching into networks of one's own.

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
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote, urljoin, urlsplit

from originid.service.errors import ApiError, too_large
from originid.service.pictures import safe_name

PORTS = {"http": 80, "https": 443}  # others belong to other services
MOST_REDIRECTS = 3
PART = 1 << 16  # bytes read at a time
REDIRECTS = (301, 302, 303, 307, 308)
# An address in them stands for one of IPv4, which a router may take to be in its own network.
TRANSLATED = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2001::/32")))

Allowed = Callable[[str], bool]
"""A function that tells whether an address, such as ``93.184.215.14``, may be connected to."""


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
    ports: dict[str, int] = PORTS,
) -> tuple[str, bytes]:
    """Fetch a picture.

    Args:
        url: its address, http or https.
        most: bytes that it may have.
        seconds: in which it must have been fetched, redirects included.
        allowed: which addresses may be connected to.
        ports: the port of each scheme; an address may name no other.

    Returns:
        A name for it, and its bytes.

    Raises:
        ApiError: the address is not allowed, nothing answers, or the answer is too large.
    """
    until = time.monotonic() + seconds
    for _ in range(MOST_REDIRECTS + 1):
        target = _Target.of(url, ports)
        connection = _connect(target, until, allowed)
        try:
            headers = {"Accept": "image/*", "Host": target.host}
            connection.request("GET", target.path, headers=headers)
            with connection.getresponse() as answer:
                if answer.status in REDIRECTS:
                    url = urljoin(url, answer.getheader("Location", ""))
                    continue
                if answer.status != 200:
                    raise _refused(f"the address answers with status {answer.status}")
                name = os.path.basename(urlsplit(url).path)
                return safe_name(unquote(name)), _read(answer, connection, most, until)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise _refused(f"nothing can be fetched: {type(error).__name__}") from error
        finally:
            connection.close()
    raise _refused(f"more than {MOST_REDIRECTS} redirects")


@dataclass(frozen=True)
class _Target:
    """Where an address leads."""

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def of(cls, url: str, ports: dict[str, int]) -> "_Target":
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise _refused("an address that is none") from error
        if parts.scheme not in ports or not parts.hostname or parts.username is not None:
            raise _refused("an address that is not of the web")
        if port not in (None, ports[parts.scheme]):
            raise _refused(f"an address with the port {port}")
        path = parts.path or "/"
        path += f"?{parts.query}" if parts.query else ""
        if not path.isascii() or any(c.isspace() or ord(c) < 33 for c in path):
            raise _refused("an address with characters that must be written as %20 or so")
        return cls(parts.scheme, parts.hostname, ports[parts.scheme], path)


def _connect(target: _Target, until: float, allowed: Allowed) -> http.client.HTTPConnection:
    """A connection to one of the addresses of a name, if all of them are allowed."""
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise _refused("a name that is not known") from error
    addresses = [str(each[4][0]) for each in found]
    if not addresses or not all(map(allowed, addresses)):
        raise ApiError(
            403,
            "an address of a private network",
            "expected an address of the internet",
            "send the file itself",
        )
    left = max(until - time.monotonic(), 0.1)
    connection = http.client.HTTPConnection(target.host, target.port, timeout=left)
    try:
        connection.sock = socket.create_connection((addresses[0], target.port), timeout=left)
        if target.scheme == "https":
            context = ssl.create_default_context()
            connection.sock = context.wrap_socket(connection.sock, server_hostname=target.host)
    except OSError as error:
        connection.close()
        raise _refused(f"nothing answers: {type(error).__name__}") from error
    return connection


def _read(
    answer: http.client.HTTPResponse,
    connection: http.client.HTTPConnection,
    most: int,
    until: float,
) -> bytes:
    parts, size = [], 0
    while part := answer.read1(PART):
        parts.append(part)
        size += len(part)
        if size > most:
            raise too_large(most)
        if time.monotonic() > until:
            raise _refused("it takes too long to fetch")
        if connection.sock is not None:
            connection.sock.settimeout(max(until - time.monotonic(), 0.1))
    return b"".join(parts)


def _refused(given: str) -> ApiError:
    return ApiError(
        422, given, "expected the address of a picture, http or https", "send the file itself"
    )
