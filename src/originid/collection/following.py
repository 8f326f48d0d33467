"""What is made from what is stored of references, and follows what is added and removed."""

import re
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from originid.collection.store import Store
from originid.details.features import Features
from originid.index import Codes, OfSigns
from originid.types import Ids

BATCH = 4096  # references read at a time: 10 MB of vectors
# Of what is not kept: above it, it is kept again. What was removed is quickly taken out again.
ADDED_SHARE, REMOVED_SHARE = 0.1, 0.5
_KEPT = re.compile("removed:([0-9]{1,18}):([0-9]{1,18}) passed:([0-9]{1,18}) (.*)", re.DOTALL)
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

    database: Store
    after: Callable[[int, int], tuple[Ids, S]]
    count: Callable[[], int]


def stored_vectors(database: Store) -> Stored[Codes]:
    """The vectors of references and of their second forms."""
    return Stored(database, database.codes_after, lambda: database.count() + database.count_forms())


def stored_details(database: Store) -> Stored[list[Features]]:
    """The local features of those references that have them."""
    return Stored(database, database.details_after, database.count_details)


class Followed(Generic[F]):
    """A follower that is opened when it is first needed, and brought up to date at each use.

    Thread-safe.

    Args:
        stored: what is followed.
        opened: opens the follower, as it was kept or empty.
        file: where it is kept.
    """

    def __init__(self, stored: Stored[Any], opened: Callable[[], F], file: Path) -> None:
        self.file = file
        self._stored = stored
        self._open = opened
        self._follower: F | None = None
        self._version = (0, 0)
        self._lock = threading.Lock()
        self.passed_over = 0
        """What is stored, but damaged, so that it does not follow."""

    def up_to_date(self) -> F:
        """The follower, which knows all that is stored."""
        with self._lock:
            if self._follower is None:
                self._follower = self._opened()
            elif self._stored.database.version() != self._version:
                self._catch_up(self._follower)
            return self._follower

    def is_as_stored(self) -> bool:
        """Whether what is kept is as if it were made again now, which is done to find it out."""
        if not self.file.exists():
            return True
        follower = self.up_to_date()
        if not isinstance(follower, OfSigns):
            return True  # an index of somebody else
        with self._lock:
            again = self._open()
            again.clear()
            self._fill(again)
            self._catch_up(follower)
            return follower.equals(again)

    def _fill(self, follower: F) -> None:
        """Add what is stored above the last id of a follower."""
        ids, codes = self._stored.after(follower.last_id, BATCH)
        while len(ids):
            follower.add(ids, codes)
            ids, codes = self._stored.after(follower.last_id, BATCH)

    def _opened(self) -> F:
        """The follower as it was kept, or made again where that is not of this database."""
        follower = self._open()
        passed_over = self._resumed(follower)
        self._catch_up(follower)
        if len(follower) + passed_over != self._stored.count():
            follower.clear()
            self._version = (0, 0)
            self._catch_up(follower)
        self.passed_over = max(self._stored.count() - len(follower), 0)
        return follower

    def _resumed(self, follower: F) -> int:
        """Go on from where a follower was kept; return how much it had passed over.

        It forgets all if it was kept beside another database, such as before a backup was restored.
        """
        database, kept = self._stored.database, _KEPT.fullmatch(follower.history)
        if not len(follower):
            return 0
        if kept is None or not database.agrees(kept[4]) or not database.removes(kept[1], kept[2]):
            follower.clear()
            return 0
        self._version = (follower.last_id, int(kept[1]))
        return int(kept[3])

    def _catch_up(self, follower: F) -> None:
        """Take out what was removed since, and add what came."""
        database = self._stored.database
        version = database.version()
        if not database.knows_removals(self._version[1]):
            follower.clear()
        before = len(follower)
        if before:
            follower.remove(database.removed(self._version[1]))
        kept = len(follower)
        self._fill(follower)
        self._version = version
        added, removed = len(follower) - kept, before - kept
        if added > ADDED_SHARE * len(follower) or removed > REMOVED_SHARE * len(follower):
            passed_over = max(self._stored.count() - len(follower), 0)
            place, last = version[1], database.removed_at(version[1])
            follower.history = (
                f"removed:{place}:{last} passed:{passed_over} {database.history(follower.last_id)}"
            )
            # What cannot be kept costs time at the next opening, nothing else.
            with suppress(OSError):
                follower.keep()
