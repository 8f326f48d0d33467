"""The SQLite file of a collection as a file: its format, transactions, and reading of it."""

import os
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from originid.collection.expected_tables import refuse_other_tables
from originid.collection.opening import UNLOCKED, connect, refuse_unsafe
from originid.collection.sql import Item, SqlTables
from originid.collection.sqlite_errors import no_locks, sqlite_errors
from originid.errors import CollectionError, StorageError
from originid.system.file_locks import can_lock

META = "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"


class SqliteFile(SqlTables):
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
        self._found: dict[str, tuple[object, Any]] = {}  # by name, with what had changed before
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
            self._opened_at = path.absolute(), os.stat(path)
        if self.format not in formats:
            self.close()
            raise CollectionError(
                f"{path.parent} has collection format {self.format}",
                f"expected format {' or '.join(map(str, formats))}",
                "index the images again with this version",
            )

    @property
    def place(self) -> Path:
        """The folder of the collection."""
        return self.path.parent

    def close(self) -> None:
        """Close the file; calling it again does nothing."""
        with self._lock:  # SQLite crashes if another thread is asking it something meanwhile
            self._connection.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A transaction: all that is written inside is kept, or none of it.

        Raises:
            StorageError: the disk is full or read-only, has no locks, another process holds the
                file, or it is not at its path any more.
        """
        if self.without_locks:
            raise no_locks(self.path.parent)
        self.refuse_moved()
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

    def refuse_moved(self) -> None:
        """As `Store.refuse_moved`. What is written into a file without a name would be lost."""
        path, opened = self._opened_at
        try:
            is_here = os.path.samestat(os.stat(path), opened)
        except OSError:
            is_here = False
        if not is_here:
            raise StorageError(
                f"the collection {path.parent} is not the one that was opened there any more",
                "expected nobody to move, remove or replace it while it is open",
                "put it back, or open it again; a service has to be started again",
            )

    def damage(self) -> list[str]:
        """What SQLite's own check finds wrong with the file; empty when it is sound."""
        try:
            lines = self._all("PRAGMA integrity_check(20)")
        except CollectionError as error:
            return [error.given]
        return [str(line) for (line,) in lines if line != "ok"]

    def _all(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock, sqlite_errors(self.path.parent):
            return self._connection.execute(query, values).fetchall()

    def _execute(self, statement: str, values: Sequence[object] = ()) -> int:
        return self._connection.execute(statement, values).rowcount

    def _execute_each(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        self._connection.executemany(statement, rows)

    def _insert_reference(self, statement: str, values: Sequence[object]) -> int | None:
        cursor = self._connection.execute(statement, values)
        return int(cursor.lastrowid or 0) if cursor.rowcount else None

    def _count(self, table: str) -> int:
        return self._remembered(table, lambda: super(SqliteFile, self)._count(table))

    def _remembered(self, name: str, ask: Callable[[], Item]) -> Item:
        """What a question finds, which is asked again only where something has changed."""
        with self._lock:
            changes = self._changes(), self._connection.total_changes
            if name in self._found and self._found[name][0] == changes:
                known: Item = self._found[name][1]
                return known
            found = ask()
            if not self._in_transaction:  # what is rolled back changes no number of it
                self._found[name] = changes, found
            return found

    def _next_id(self) -> int:
        # The row is there: the first reference was inserted before.
        self._execute("UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'reference'")
        return int(self._one("SELECT seq FROM sqlite_sequence WHERE name = 'reference'")[0])

    def _has_table(self, name: str) -> bool:
        query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
        return bool(self._all(query, name))

    def _changes(self) -> object:
        return self._one("PRAGMA data_version")[0]  # 3 microseconds

    @property
    def _in_transaction(self) -> bool:
        return self._connection.in_transaction


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
