"""What is made from what is stored of references, and follows what is added and removed."""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from originid.collection.database import Database
from originid.details.features import Features
from originid.index import Codes
from originid.types import Ids

BATCH = 4096  # references read at a time: 10 MB of vectors
STALE_SHARE = 0.1  # of what is not kept: above it, it is kept again
P = TypeVar("P", contravariant=True)


class Follower(Protocol[P]):
    """What can follow what is stored of references, in arrays or lists of the type P.

    Every `Index` can follow the stored vectors. The methods are those of `Index`.
    """

    history: str
    """A text that says what was added, which `keep` keeps too; empty where nothing was kept."""

    @property
    def last_id(self) -> int:
        """The largest id that was ever added; -1 before the first."""
        ...

    def __len__(self) -> int:
        """How many references it knows."""
        ...

    def add(self, ids: Ids, codes: P, /) -> None:
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


S = TypeVar("S")
F = TypeVar("F", bound=Follower[Any])


@dataclass(frozen=True)
class Stored(Generic[S]):
    """What is followed.

    Args:
        database: that it is stored in.
        after: reads the next ids above one, at most so many, and what is stored of each.
        count: how many there are in all.
    """

    database: Database
    after: Callable[[int, int], tuple[Ids, S]]
    count: Callable[[], int]


def stored_vectors(database: Database) -> Stored[Codes]:
    """The vectors of references and of their second forms."""
    return Stored(database, database.codes_after, lambda: database.count() + database.count_forms())


def stored_details(database: Database) -> Stored[list[Features]]:
    """The local features of those references that have them."""
    return Stored(database, database.details_after, database.count_details)


class Followed(Generic[F]):
    """A follower that is opened when it is first needed, and brought up to date at each use.

    Thread-safe.

    Args:
        stored: what is followed.
        opened: opens the follower, as it was kept or empty.
    """

    def __init__(self, stored: Stored[Any], opened: Callable[[], F]) -> None:
        self._stored = stored
        self._open = opened
        self._follower: F | None = None
        self._version = (0, 0)
        self._lock = threading.Lock()

    def up_to_date(self) -> F:
        """The follower, which knows all that is stored."""
        with self._lock:
            if self._follower is None:
                self._follower = self._opened()
            elif self._stored.database.version() != self._version:
                self._catch_up(self._follower)
            return self._follower

    def _opened(self) -> F:
        """The follower as it was kept, or made again where that is not of this database."""
        follower = self._open()
        if len(follower) and not self._stored.database.agrees(follower.history):
            follower.clear()  # kept beside another database, such as before a backup was restored
        self._catch_up(follower)
        if len(follower) != self._stored.count():
            follower.clear()
            self._version = (0, 0)
            self._catch_up(follower)
        return follower

    def _catch_up(self, follower: F) -> None:
        """Take out what was removed since, and add what came."""
        version = self._stored.database.version()
        before = len(follower)
        follower.remove(self._stored.database.removed(self._version[1]))
        kept = len(follower)
        ids, codes = self._stored.after(follower.last_id, BATCH)
        while len(ids):
            follower.add(ids, codes)
            ids, codes = self._stored.after(follower.last_id, BATCH)
        self._version = version
        if len(follower) - kept + before - kept > STALE_SHARE * len(follower):
            follower.history = self._stored.database.history(follower.last_id)
            # What cannot be kept costs time at the next opening, nothing else.
            with suppress(OSError):
                follower.keep()
