"""The interface between a collection and where it is stored: `Store`.

A collection and what works with it use nothing else, so that another place comes in by
implementing it. The first one is the folder (`originid.collection.database`); servers are in
`originid.collection.engines`. The collection's tests of stores hold for each of them.

What every store keeps to:

* Ids of vectors ascend in the order in which transactions end, and are never used twice: a reader
  that saw all ids up to n has only to read those above n. Whoever writes, writes alone.
* What is written in a `Store.writing` is kept as a whole, or not at all, whatever ends the process.
* It may be used from several threads, and while other processes use the same collection.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from originid.collection.form_table import Form
from originid.collection.kept_codes import KeptCodes
from originid.collection.name_table import Name
from originid.collection.row import Row
from originid.collection.store_beside import (
    Cohorts,
    Decisions,
    Descriptions,
    Details,
    Failures,
    Folders,
    Manifests,
    Names,
)
from originid.details.features import Features
from originid.index import Searcher
from originid.system.file_status import FileStatus
from originid.system.server_url import ServerUrl
from originid.types import NOT_DESCRIBED, Description, Ids, Manifest


class References(Protocol):
    """What the references are: reading, adding and removing them."""

    def count(self) -> int:
        """How many references there are."""
        ...

    def count_blank(self) -> int | None:
        """How many references have little information; None where it was not measured."""
        ...

    def count_noted(self) -> tuple[int, int, int]:
        """How many references have a file, with a noted ctime, and with a noted inode; of those
        whose location is an address none has.
        """
        ...

    def count_fingerprints(self) -> int:
        """How many references are known by their fingerprints only."""
        ...

    def at(self, location: str) -> Row | None:
        """The reference at a location."""
        ...

    def reached_by(self, location: str) -> Row | None:
        """The reference that has this location, or has it as a further name."""
        ...

    def all_reached_by(self, locations: Sequence[str]) -> dict[str, Row]:
        """The references that have some locations, or have them as further names, by those."""
        ...

    def has_content(self, sha256: bytes) -> bool:
        """Whether a reference whose picture was read has this content."""
        ...

    def contents(self, some: Sequence[bytes]) -> set[bytes]:
        """Those of some contents, as SHA-256, that references have whose picture was read."""
        ...

    def with_content(
        self, sha256: bytes, limit: int = 8, inode: int | None = None, read: bool = False
    ) -> list[Row]:
        """The first few references with this content, oldest first."""
        ...

    def rows(self, ids: Sequence[int]) -> dict[int, Row]:
        """References by id, or by the id of their second form; others are left out."""
        ...

    def all_rows(self, batch: int = 10000) -> Iterator[Row]:
        """Every reference in the order of ids, in bounded memory."""
        ...

    def matching(self, text: str, after: int, limit: int) -> list[Row]:
        """The next references whose path or caption has a text in it, in the order of ids."""
        ...

    def under(self, location: str) -> list[str]:
        """Locations of references that are this one, or begin as `beginnings` of it do."""
        ...

    def damaged_rows(self, batch: int = 1000) -> Iterator[tuple[int, str | None]]:
        """References with a value that cannot be: the id and the path, or None for no path."""
        ...

    def version(self) -> tuple[int, int]:
        """The last id given and the last place in the list of removals, 0 before the first."""
        ...

    def prepare(self, locations: Iterable[str], contents: Iterable[bytes] = ()) -> None:
        """Read together what the writes that follow in a transaction will ask for.

        Args:
            locations: paths that are going to be written.
            contents: the SHA-256 of what is going to be written.
        """
        ...

    def insert(
        self,
        row: Row,
        code: bytes,
        form: Form | None = None,
        features: Features | None = None,
        names: Sequence[Name] = (),
        description: Description = NOT_DESCRIBED,
        thumbnail: bytes | None = None,
        manifest: Manifest | None = None,
    ) -> bool:
        """Add a reference; return whether the location was that of another one."""
        ...

    def free(self, location: str) -> bool:
        """Take a path away from the reference that has it; return whether it was its location."""
        ...

    def remove(self, location: str) -> int:
        """Remove the names that are this path, or lie in this folder; return how many."""
        ...

    def delete(self, old_id: int) -> None:
        """Remove a reference with all that is stored of it."""
        ...

    def relocate(self, row: Row, name: Name, status: FileStatus) -> None:
        """Note where a reference whose content is unchanged is found."""
        ...

    def note_status(self, reference: int, status: FileStatus) -> None:
        """Note the state of the file of a reference whose content is unchanged."""
        ...


class Vectors(Protocol):
    """The stored vectors, and which ids were removed."""

    seen_torn: frozenset[int]
    """Ids of vectors that were read, and are not as they were written."""

    def codes(self, ids: Ids) -> tuple[Ids, NDArray[np.uint8]]:
        """Those of sorted ids that exist (n,) and their stored vectors (n, bytes)."""
        ...

    def codes_after(
        self, last: int, batch: int, forms: bool = True
    ) -> tuple[Ids, NDArray[np.uint8]]:
        """The next stored vectors, those of second forms among them or not."""
        ...

    def ids(self) -> Ids:
        """Ids (n,) of all stored vectors but those of second forms, in ascending order."""
        ...

    def history(self, last: int) -> str:
        """A text that says which vectors have the ids up to one: the checksums of some of them."""
        ...

    def agrees(self, history: str) -> bool:
        """Whether this database can be the one of which `history` was made."""
        ...

    def removed(self, after: int) -> Ids:
        """Ids (n,) removed after a place in the list of removals."""
        ...

    def removed_at(self, place: int) -> int:
        """The id at a place in the list of removals, or 0 where there is none."""
        ...

    def removes(self, place: str, key: str) -> bool:
        """Whether the list of removals has an id at a place; at place 0 it has 0."""
        ...

    def knows_removals(self, after: int) -> bool:
        """Whether all removals after a place in the list are still on it."""
        ...

    def prune_removed(self, seen: int) -> None:
        """Drop the oldest of many removals, within a transaction."""
        ...

    def torn_vectors(self, batch: int = 1000) -> Iterator[int]:
        """Ids of stored vectors, and of second forms, that are missing or not as written."""
        ...


class Forms(Protocol):
    """The second forms of references."""

    def count_forms(self) -> int:
        """How many references have a second form."""
        ...

    def owners(self, ids: Ids) -> Ids:
        """The reference that each of some vectors belongs to."""
        ...

    def form_id(self, reference: int) -> int | None:
        """The id of the second form of a reference, if it has one."""
        ...

    def form_of(self, reference: int) -> Form | None:
        """The second form of the reference with this id, if it has one."""
        ...


class Store(
    References,
    Vectors,
    Forms,
    Names,
    Descriptions,
    Details,
    Manifests,
    Cohorts,
    Decisions,
    Failures,
    Folders,
    Protocol,
):
    """Where a collection is stored."""

    format: int
    """The format of what is stored; the first `writing` brings an earlier one to `FORMAT`."""
    kept_codes: KeptCodes | None
    """How vectors are stored, which the collection says; those of another size are damaged."""
    without_locks: bool
    """Whether it can only be read, because its disk has no locks."""

    @property
    def name(self) -> str:
        """What its tables are called in a list of problems, such as the file's name."""
        ...

    @property
    def place(self) -> Path | ServerUrl:
        """Where the collection is, as the user names it."""
        ...

    @property
    def kept(self) -> Path:
        """A folder on this machine for what can be made again from the store."""
        ...

    def model_folders(self) -> list[Path]:
        """Where on this machine the collection's model lies: the first one that is its model."""
        ...

    def searcher(self, dim: int) -> Searcher | None:
        """What searches the vectors where they are stored; None if they are searched here.

        Args:
            dim: the number of components of a vector.
        """
        ...

    def writing(self) -> AbstractContextManager[None]:
        """A transaction: all that is written inside is kept, or none of it.

        Raises:
            StorageError: it cannot be written, or another process is writing.
        """
        ...

    def refuse_moved(self) -> None:
        """Refuse to go on if the collection is not where it was opened any more.

        Raises:
            StorageError: it was removed, moved, or replaced by another one.
        """
        ...

    def meta(self, key: str) -> str:
        """A value that was given when the collection was made; `None` as text if there is none."""
        ...

    def set_meta(self, key: str, value: str) -> None:
        """Note such a value within a transaction, in place of the one before."""
        ...

    def size(self) -> int:
        """How many bytes the collection takes where it is stored."""
        ...

    def damage(self) -> list[str]:
        """What is wrong with the tables as such; empty when they are sound."""
        ...

    def close(self) -> None:
        """Close it; calling it again does nothing."""
        ...
