"""What the tables of a collection ask of the SQL database that holds them.

The statements are written for SQLite: marks are ``?``, a path is bound as the bytes of its name and
written ``CAST(? AS TEXT)``, and as SQLite lets a column hold any type, ``typeof`` is asked where a
value may come from a stranger. Another database translates them.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import pairwise
from typing import Any, TypeVar

from originid.errors import CollectionError
from originid.system.addresses import beginnings
from originid.system.server_url import ServerUrl

Item = TypeVar("Item")


class SqlTables(ABC):
    """An open database with the tables of a collection.

    Usable from several threads; a write is one transaction, flushed to the disk when it ends.
    """

    format: int
    """The format of its tables."""

    @property
    @abstractmethod
    def place(self) -> os.PathLike[str] | ServerUrl:
        """Where the collection is, as the user names it."""

    @abstractmethod
    def writing(self) -> AbstractContextManager[None]:
        """A transaction: all that is written inside is kept, or none of it.

        Raises:
            StorageError: it cannot be written, or another process is writing.
        """

    @abstractmethod
    def _all(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """All rows that a query finds."""

    @abstractmethod
    def _execute(self, statement: str, values: Sequence[object] = ()) -> int:
        """Run a statement within a transaction; return how many rows it changed."""

    @abstractmethod
    def _execute_each(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        """Run a statement within a transaction with each of some rows of values."""

    @abstractmethod
    def _insert_reference(self, statement: str, values: Sequence[object]) -> int | None:
        """Insert a reference within a transaction; return its id, or None if it was left out."""

    @abstractmethod
    def _next_id(self) -> int:
        """An id for a vector, within a transaction, above all that were ever given."""

    @abstractmethod
    def _has_table(self, name: str) -> bool:
        """Whether there is a table."""

    @abstractmethod
    def _changes(self) -> object:
        """What differs from before if another process has written, perhaps."""

    @property
    @abstractmethod
    def _in_transaction(self) -> bool:
        """Whether this thread is writing."""

    def meta(self, key: str) -> str:
        """A value that was given when the collection was made."""
        return str(self._one("SELECT value FROM meta WHERE key = ?", key)[0])

    def set_meta(self, key: str, value: str) -> None:
        """Note a value within a transaction, in place of the one before."""
        self._execute("DELETE FROM meta WHERE key = ?", (key,))
        self._execute("INSERT INTO meta VALUES (?, ?)", (key, value))

    def _one(self, query: str, *values: object) -> tuple[Any, ...]:
        rows = self._all(query, *values)
        return rows[0] if rows else (None,)

    def _put(self, table: str, key: int, *values: object) -> None:
        """Store a row within a transaction in place of the one with the same id, its first value.

        Args:
            table: whose first column is ``id``.
            key: the id.
            values: of the other columns.
        """
        self._execute(f"DELETE FROM {table} WHERE id = ?", (key,))
        marks = ", ".join("?" * (1 + len(values)))
        self._execute(f"INSERT INTO {table} VALUES ({marks})", (key, *values))

    def _in_batches(self, query: str, batch: int) -> Iterator[tuple[Any, ...]]:
        """The rows of a table in the order of their ids, in bounded memory.

        Args:
            query: selects the id first, of rows with ids above its first value, at most as many as
                its second value says.
            batch: how many are read at a time.
        """
        last = 0
        while rows := self._all(query, last, batch):
            self._check_order([last, *(row[0] for row in rows)])
            yield from rows
            last = rows[-1][0]

    def _check_order(self, ids: list[int]) -> None:
        """Refuse ids that do not ascend: reading on from the last one might never end."""
        if any(after <= before for before, after in pairwise(ids)):
            raise CollectionError(
                f"{self.place} cannot be read: a table in its database is out of order",
                "expected a sound database",
                "restore it from a copy, or index the images again into a new collection",
            )

    def _count(self, table: str) -> int:
        """How many rows a table has."""
        # Not count(*): its steps cannot be bounded. A million rows take 40 ms instead of 20.
        return int(self._one(f"SELECT coalesce(sum(1), 0) FROM {table}")[0])

    def _under(self, table: str, location: str) -> list[str]:
        """Locations in a table that are this one, or lie in this folder or archive."""
        values, ranges = [os.fsencode(location)], ""
        for prefix in map(os.fsencode, beginnings(location)):
            end = prefix[:-1] + bytes([prefix[-1] + 1])  # the first text after all with the prefix
            values += [prefix, end]
            ranges += " OR (location >= CAST(? AS TEXT) AND location < CAST(? AS TEXT))"
        query = f"SELECT location FROM {table} WHERE location = CAST(? AS TEXT){ranges}"
        rows = self._all(query, *values)
        # The file may come from somebody else: what is no text cannot be a path.
        return [location for (location,) in rows if isinstance(location, str)]


def slices(items: list[Item], size: int = 500) -> Iterator[list[Item]]:
    """The items in lists that are short enough to be the values of one statement."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
