"""The SQLite file of a collection as a file: its format, transactions, and reading of it."""

import os
import sqlite3
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from originid.collection.expected_tables import refuse_other_tables
from originid.collection.opening import UNLOCKED, connect, refuse_unsafe
from originid.collection.sqlite_errors import no_locks, sqlite_errors
from originid.errors import CollectionError
from originid.system.file_locks import can_lock

Item = TypeVar("Item")
META = "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"


class SqliteFile:
    """An open file that `create` made.

    Usable from several threads; a write is one transaction, flushed to the disk when it ends.

    Args:
        path: the file, in the collection's folder.
        formats: the formats that it may have.
        tables: the statements that make the tables of the newest format.

    Raises:
        CollectionError: it is of another format, damaged, or not safe to open.
        StorageError: the disk refuses, another process holds the file, or it cannot be read
            without locks where there are none.
    """

    without_locks: bool
    """Whether its file system has no locks: it is only read, and nobody may write to it then."""

    def __init__(self, path: Path, formats: Collection[int], tables: str) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._counts: dict[str, tuple[object, int]] = {}  # by table, with what had changed before
        refuse_unsafe(path)
        with sqlite_errors(path.parent):
            self._connection, self.without_locks = connect(path)
            try:
                refuse_other_tables(self._connection, META + tables, path.parent)
                # `meta` is a table, and may be read now; another file may not have it.
                self._connection.execute("SELECT 1 FROM meta")
            except BaseException:
                self.close()
                raise
            self.format = int(self._connection.execute("PRAGMA user_version").fetchone()[0])
        if self.format not in formats:
            self.close()
            raise CollectionError(
                f"{path.parent} has collection format {self.format}",
                f"expected format {' or '.join(map(str, formats))}",
                "index the images again with this version",
            )

    def close(self) -> None:
        """Close the file; calling it again does nothing."""
        with self._lock:  # SQLite crashes if another thread is asking it something meanwhile
            self._connection.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A transaction: all that is written inside is kept, or none of it.

        Raises:
            StorageError: the disk is full or read-only, has no locks, or another process holds
                the file.
        """
        if self.without_locks:
            raise no_locks(self.path.parent)
        with self._lock, sqlite_errors(self.path.parent):
            self._connection.execute("PRAGMA query_only = OFF")
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            finally:
                self._connection.execute("PRAGMA query_only = ON")

    def meta(self, key: str) -> str:
        """A value that was given when the file was made."""
        return str(self._one("SELECT value FROM meta WHERE key = ?", key)[0])

    def damage(self) -> list[str]:
        """What SQLite's own check finds wrong with the file; empty when it is sound."""
        try:
            lines = self._all("PRAGMA integrity_check(20)")
        except CollectionError as error:
            return [error.given]
        return [str(line) for (line,) in lines if line != "ok"]

    def _one(self, query: str, *values: object) -> tuple[Any, ...]:
        rows = self._all(query, *values)
        return rows[0] if rows else (None,)

    def _all(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock, sqlite_errors(self.path.parent):
            return self._connection.execute(query, values).fetchall()

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
                f"{self.path.parent} cannot be read: a table in its database is out of order",
                "expected a sound database",
                "restore it from a copy, or index the images again into a new collection",
            )

    def _count(self, table: str) -> int:
        """How many rows a table has."""
        with self._lock:
            changes = self._one("PRAGMA data_version")[0], self._connection.total_changes
            if table in self._counts and self._counts[table][0] == changes:
                return self._counts[table][1]
            # Not count(*): its steps cannot be bounded. A million rows take 40 ms instead of 20.
            count = int(self._one(f"SELECT coalesce(sum(1), 0) FROM {table}")[0])
            if not self._connection.in_transaction:  # what is rolled back changes no number of it
                self._counts[table] = changes, count
            return count

    def _under(self, table: str, location: str) -> list[str]:
        """Locations in a table that are this path, or lie in this folder."""
        prefix = os.fsencode(os.path.join(location, ""))
        end = prefix[:-1] + bytes([prefix[-1] + 1])  # the first text after all with the prefix
        rows = self._all(
            f"SELECT location FROM {table} WHERE location = CAST(? AS TEXT)"
            " OR (location >= CAST(? AS TEXT) AND location < CAST(? AS TEXT))",
            os.fsencode(location),
            prefix,
            end,
        )
        # The file may come from somebody else: what is no text cannot be a path.
        return [location for (location,) in rows if isinstance(location, str)]


def create(path: Path, format: int, schema: str, meta: Mapping[str, str]) -> None:
    """Make a file with these tables, no rows, and what its `SqliteFile.meta` says.

    Raises:
        StorageError: the disk refuses, or has no locks.
    """
    if not can_lock(path.parent / UNLOCKED):
        raise no_locks(path.parent)
    with sqlite_errors(path.parent):
        connection = sqlite3.connect(path)
        try:
            # Vectors of 2 to 4 kB leave a tenth of such a page empty, and a third of one of 8192.
            connection.execute("PRAGMA page_size = 16384")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(META + schema)
            connection.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
            connection.execute(f"PRAGMA user_version = {format}")
            connection.commit()
        finally:
            connection.close()


def slices(items: list[Item], size: int = 500) -> Iterator[list[Item]]:
    """The items in lists that are short enough to be the values of one statement."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
