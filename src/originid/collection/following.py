"""What is made from the stored vectors, and follows what is added and removed."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, Protocol, TypeVar

from originid.collection.database import Database
from originid.index import Codes
from originid.types import Ids

BATCH = 4096  # stored vectors read at a time: 10 MB
STALE_SHARE = 0.1  # of what is not kept: above it, it is kept again


class Follower(Protocol):
    """What can follow the stored vectors; every `Index` can. Its methods are those of `Index`."""

    @property
    def last_id(self) -> int:
        """The largest id that was ever added; -1 before the first."""
        ...

    def __len__(self) -> int:
        """How many references it knows."""
        ...

    def add(self, ids: Ids, codes: Codes) -> None:
        """Add references."""
        ...

    def remove(self, ids: Ids) -> None:
        """Remove references; unknown ids are ignored."""
        ...

    def clear(self) -> None:
        """Forget all references."""
        ...

    def keep(self) -> None:
        """Keep on disk what would be slow to make again."""
        ...


F = TypeVar("F", bound=Follower)


class Followed(Generic[F]):
    """A follower that is opened when it is first needed, and brought up to date at each use.

    Thread-safe.

    Args:
        database: what is followed.
        opened: opens the follower, as it was kept or empty.
    """

    def __init__(self, database: Database, opened: Callable[[], F]) -> None:
        self._database = database
        self._open = opened
        self._follower: F | None = None
        self._version = (0, 0)
        self._lock = threading.Lock()

    def up_to_date(self) -> F:
        """The follower, which knows all that is stored."""
        with self._lock:
            if self._follower is None:
                self._follower = self._opened()
            elif self._database.version() != self._version:
                self._catch_up(self._follower)
            return self._follower

    def _opened(self) -> F:
        """The follower as it was kept, or made again where that is not of this database."""
        follower = self._open()
        self._catch_up(follower)
        if len(follower) != self._database.count() + self._database.count_forms():
            follower.clear()
            self._version = (0, 0)
            self._catch_up(follower)
        return follower

    def _catch_up(self, follower: F) -> None:
        """Take out what was removed since, and add what came."""
        version = self._database.version()
        removed = self._database.removed(self._version[1])
        follower.remove(removed)
        kept = len(follower)
        ids, codes = self._database.codes_after(follower.last_id, BATCH)
        while len(ids):
            follower.add(ids, codes)
            ids, codes = self._database.codes_after(follower.last_id, BATCH)
        self._version = version
        if len(follower) - kept + len(removed) > STALE_SHARE * len(follower):
            # What cannot be kept costs time at the next opening, nothing else.
            with suppress(OSError):
                follower.keep()
