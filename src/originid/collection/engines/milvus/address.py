"""Where a collection on a Milvus server is: ``milvus://host:port/name``."""

import os
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from originid.errors import InputError

SCHEME = "milvus"
PORT = 19530  # where Milvus listens by default
TIMEOUT = 30.0  # seconds that a request may take, tries included
_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]{0,200}")
_TOKEN = ("ORIGINID_MILVUS_TOKEN", "MILVUS_TOKEN")
_USER, _PASSWORD = "ORIGINID_MILVUS_USER", "ORIGINID_MILVUS_PASSWORD"
_CA = "ORIGINID_MILVUS_CA"


@dataclass(frozen=True)
class Address:
    """A collection on a server, and how to reach it.

    Args:
        host: name or number of the server.
        port: of the server.
        name: of the collection on the server, and in the database of that name.
        database: of the server; empty for its default one.
        tls: whether the connection is encrypted.
        timeout: seconds that a request may take, tries included.
        token: what the server knows the user by, or ``user:password``; empty for none.
        ca: a file with the certificate of who signed the server's; empty for those of the system.
    """

    host: str
    port: int
    name: str
    database: str = ""
    tls: bool = False
    timeout: float = TIMEOUT
    token: str = field(default="", repr=False)
    ca: str = ""

    @property
    def uri(self) -> str:
        """The address of the server, as pymilvus takes it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}"

    @property
    def shown(self) -> str:
        """The address of the collection without any secret."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        database = f"{self.database}/" if self.database else ""
        return f"{SCHEME}://{host}:{self.port}/{database}{self.name}{'?tls=1' * self.tls}"


def read_address(url: str) -> Address:
    """Read an address, and what the environment says of the user.

    Args:
        url: ``milvus://host:port/name`` or ``milvus://host:port/database/name``; with ``?tls=1``
            the connection is encrypted, and ``?timeout=`` gives seconds.

    Raises:
        InputError: it is no such address, or holds a password.
    """
    if "@" in url:
        raise InputError(
            f"the address {re.sub('//.*@', '//...@', url)}, which names a user or a password",
            "expected them in the environment, where other users of the machine do not see them",
            f"set {_USER} and {_PASSWORD}, or {_TOKEN[0]}, and leave them out of the address",
        )
    try:
        parts = urlsplit(url)
        port = parts.port or PORT
        options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
        timeout = float(options.pop("timeout", TIMEOUT))
        tls = {"1": True, "0": False}[options.pop("tls", "0")]
    except (ValueError, KeyError) as error:
        raise _refused(url, f": {error}") from None
    *database, name = parts.path.strip("/").split("/")
    named = len(database) < 2 and all(map(_NAME.fullmatch, (*database, name)))
    if parts.scheme != SCHEME or not parts.hostname or not named or not 0 < timeout < 86400:
        raise _refused(url, "")
    if options or parts.fragment:
        raise _refused(url, f", with {next(iter(options), '#' + parts.fragment)}")
    return Address(
        parts.hostname, port, name, "".join(database), tls, timeout, _token(), _environment(_CA)
    )


def _refused(given: str, why: str) -> InputError:
    return InputError(
        f"the address {given}{why}",
        "expected milvus://HOST:PORT/NAME, where NAME has letters, digits and _ and begins with no "
        "digit; ?tls=1 and ?timeout=SECONDS may follow",
        "correct it, such as milvus://localhost:19530/photos",
    )


def _token() -> str:
    """What the environment says of the user."""
    user = _environment(_USER)
    token = next(filter(None, map(_environment, _TOKEN)), "")
    return token or (f"{user}:{_environment(_PASSWORD)}" if user else "")


def _environment(name: str) -> str:
    return os.environ.get(name, "")
