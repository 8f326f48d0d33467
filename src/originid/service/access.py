"""Who may do what: tokens with roles, and which pages may ask."""

import hashlib
import hmac
import ipaddress
import os
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from enum import IntEnum
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from originid.errors import InputError
from originid.service.errors import LOG, ApiError
from originid.system.small_files import read_small_file

SHORTEST = 20  # characters of a token
MOST_BYTES = 1_000_000  # of a file of tokens
MOST_CHARACTERS = 512  # of a token that is presented: hashing a longer one would only take time


class Role(IntEnum):
    """What a client may do; each role may do what those before it may.

    The first one is what OAuth2 calls the scope ``fetch:manifests`` in the API of the C2PA.
    """

    MANIFESTS = 0  # only find and fetch content credentials
    FIND = 1  # ask, and look at the collection
    WRITE = 2  # also add references, and decide
    ADMIN = 3  # also remove references, and read the metrics


@dataclass(frozen=True)
class Token:
    """A token that lets a client in.

    Args:
        digest: the SHA-256 of the token, 32 bytes.
        role: what it allows.
        expires: from when on it is not valid; None never.
        name: by which the log calls its client.
    """

    digest: bytes
    role: Role
    expires: datetime | None
    name: str


@dataclass(frozen=True)
class Client:
    """Who makes a request."""

    name: str
    role: Role


def read_tokens(path: Path) -> tuple[Token, ...]:
    """Read a file of tokens.

    Args:
        path: a text file with a token a line: its role (manifests, find, write or admin), the
            token, of at least `SHORTEST` characters, and then, if wanted, a name and
            ``expires=2027-01-31``.
            Empty lines and those that begin with # are left out.

    Raises:
        InputError: the file cannot be read, is readable by everybody, or a line is something else.
    """
    advice = "write lines such as: find TOKEN NAME expires=2027-01-31"
    try:
        if os.name == "posix" and path.stat().st_mode & 0o004:
            raise InputError(
                f"everybody on this machine can read {path}",
                "expected a file of tokens that only its owner can read",
                f"chmod 600 {path}",
            )
        lines = read_small_file(path, MOST_BYTES).decode("utf-8").splitlines()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{path}: {reason}", "expected a file of tokens", advice) from error
    found = []
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        try:
            found.append(_token(words, number))
        except ValueError as error:
            raise InputError(
                f"{path}: line {number}: {error}", "expected a role and a token", advice
            ) from error
    if not found:
        raise InputError(f"{path} has no token", "expected at least one", advice)
    return tuple(found)


def _token(words: list[str], number: int) -> Token:
    roles = {role.name.lower(): role for role in Role}
    if words[0] not in roles:
        raise ValueError(f"the role {words[0]!r} is none of {', '.join(roles)}")
    if len(words) < 2 or len(words[1]) < SHORTEST:
        raise ValueError(f"a token has at least {SHORTEST} characters")
    expires, names = None, []
    for word in words[2:]:
        if word.startswith("expires="):
            expires = datetime.fromisoformat(word.removeprefix("expires="))
            expires = expires if expires.tzinfo else expires.replace(tzinfo=timezone.utc)
        else:
            names.append(word)
    digest = hashlib.sha256(words[1].encode()).digest()
    return Token(digest, roles[words[0]], expires, " ".join(names) or f"line {number}")


class Gate:
    """Knows the tokens, and reads their file again when it changes.

    Args:
        path: of the file of tokens; None lets everybody in with every role.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._tokens: tuple[Token, ...] = ()
        self._changed = -1
        self._told = ""  # what was last said to be wrong with the file
        if path is not None:
            self._read(path)

    @property
    def open(self) -> bool:
        """Whether no token is needed."""
        return self._path is None

    def client(self, presented: str | None) -> Client:
        """Who presents a token.

        Raises:
            ApiError: no token, a wrong one, or one that has expired.
        """
        if self._path is None:
            return Client("local", Role.ADMIN)
        self._read(self._path)
        digest = hashlib.sha256((presented or "")[:MOST_CHARACTERS].encode()).digest()
        known = None
        for token in self._tokens:  # all of them, so that the time tells nothing
            if hmac.compare_digest(token.digest, digest):
                known = token
        now = datetime.now(timezone.utc)
        if known is None or (known.expires is not None and now >= known.expires):
            what = "no token" if presented is None else "a token that is not valid"
            raise ApiError(
                401,
                what if known is None else "a token that has expired",
                "expected the header Authorization: Bearer TOKEN",
                "ask whoever runs the service for a token",
            )
        return Client(known.name, known.role)

    def _read(self, path: Path) -> None:
        with self._lock:
            try:
                changed = path.stat().st_mtime_ns
                if changed != self._changed:
                    self._tokens, self._changed = read_tokens(path), changed
            except (OSError, InputError) as error:
                if self._changed < 0:  # at the start: say why
                    self._tokens = read_tokens(path)
                # Later, what was read last goes on to hold, until the file is in order.
                if str(error) != self._told:
                    self._told = str(error)
                    LOG.warning(
                        "the token file cannot be used, and the tokens that it had before go on to "
                        "hold: %s",
                        " ".join(str(error).split()),
                    )
            else:
                self._told = ""


bearer = HTTPBearer(auto_error=False, description="A token of the service's token file.")
Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]


def needs(role: Role) -> Callable[[Request, Bearer], Awaitable[Client]]:
    """A dependency of routes that lets in only those who have a role.

    Args:
        role: the least role.
    """

    async def check(request: Request, credentials: Bearer) -> Client:
        state = request.app.state.shared
        client: Client = state.gate.client(credentials.credentials if credentials else None)
        request.state.client = client
        if client.role < role:
            raise ApiError(
                403,
                f"a token of the role {client.role.name.lower()}",
                f"expected the role {role.name.lower()}",
                "use a token that allows more",
            )
        if role > Role.FIND and state.settings.read_only:
            raise ApiError(
                403,
                "this service is read-only",
                "expected a request that changes nothing",
                "start it without --read-only to add, remove and decide",
            )
        state.rates.take(client.name if not state.gate.open else _address(request))
        return client

    return check


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def is_loopback(host: str) -> bool:
    """Whether an address or a name can only be reached from the machine itself."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
