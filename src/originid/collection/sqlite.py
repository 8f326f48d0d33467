"""The SQLite file of a collection as a file: opening it, transactions, what its errors mean.

The file may come from somebody else, so that what lies in its folder is checked before SQLite
opens it.
"""

import os
import sqlite3
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from originid.errors import CollectionError, StorageError

META = "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"


class SqliteFile:
    """An open file that `create` made.

    Usable from several threads; a write is one transaction, flushed to the disk when it ends.

    Args:
        path: the file, in the collection's folder.
        formats: the formats that it may have.

    Raises:
        CollectionError: it is of another format, damaged, or not safe to open.
        StorageError: the disk refuses, or another process holds the file.
    """

    def __init__(self, path: Path, formats: Collection[int]) -> None:
        self.path = path
        self._lock = threading.RLock()
        _refuse_unsafe(path)
        with _errors(path.parent):
            self._connection = _connect(path)
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
        self._connection.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A transaction: all that is written inside is kept, or none of it.

        Raises:
            StorageError: the disk is full or read-only, or another process holds the file.
        """
        with self._lock, _errors(self.path.parent):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def meta(self, key: str) -> str:
        """A value that was given when the file was made."""
        return str(self._one("SELECT value FROM meta WHERE key = ?", key)[0])

    def damage(self) -> list[str]:
        """What SQLite's own check finds wrong with the file; empty when it is sound."""
        return [line for (line,) in self._all("PRAGMA integrity_check(20)") if line != "ok"]

    def _one(self, query: str, *values: object) -> tuple[Any, ...]:
        rows = self._all(query, *values)
        return rows[0] if rows else (None,)

    def _all(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock, _errors(self.path.parent):
            return self._connection.execute(query, values).fetchall()

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
        return [location for (location,) in rows]


def create(path: Path, format: int, schema: str, meta: Mapping[str, str]) -> None:
    """Make a file with these tables, no rows, and what its `SqliteFile.meta` says."""
    with _errors(path.parent):
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


def slices(items: list[int], size: int = 500) -> Iterator[list[int]]:
    """The items in lists that are short enough to be the values of one statement."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _refuse_unsafe(path: Path) -> None:
    """Raise CollectionError if opening this file could change or delete other files.

    SQLite rolls a left-over journal back, and deletes whatever file that journal names as its
    super-journal. A collection is in WAL mode and never has such a journal. A link would let
    SQLite write outside of the collection's folder.
    """
    journal = Path(f"{path}-journal")
    if os.path.lexists(journal):
        raise CollectionError(
            f"{path.parent} holds {journal.name}, which no collection of originid has",
            "expected no rollback journal: opening the collection with one can delete other files",
            f"do not use a collection of unknown origin; if it is yours, move {journal.name} "
            "out of the folder and run originid show --verify",
        )
    for file in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        if file.is_symlink():
            raise CollectionError(
                f"{file.name} in {path.parent} is a link to another file",
                "expected the files of the collection themselves",
                "copy the file itself into the folder, or name the folder that it lies in",
            )


@contextmanager
def _errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise _explain(error, folder) from error


def _connect(path: Path) -> sqlite3.Connection:
    uri = path.absolute().as_uri()
    try:
        return _open(f"{uri}?mode=rw")
    except sqlite3.OperationalError:
        if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
            raise
    try:
        return _open(f"{uri}?mode=ro")
    except sqlite3.OperationalError:
        if os.path.exists(f"{path}-wal"):
            raise
        # On a read-only medium SQLite cannot make its lock files; nobody writes there.
        return _open(f"{uri}?mode=ro&immutable=1")


def _open(uri: str) -> sqlite3.Connection:
    # Autocommit: transactions are opened by `writing` only. 60 s: what another process may
    # take to flush a batch to a slow disk.
    connection = sqlite3.connect(
        uri, uri=True, isolation_level=None, check_same_thread=False, timeout=60
    )
    try:
        connection.text_factory = os.fsdecode
        # FULL: a committed batch survives a power cut, not only the death of the process.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("SELECT count(*) FROM meta")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _explain(error: sqlite3.Error, folder: Path) -> CollectionError | StorageError:
    text = str(error)
    if isinstance(error, sqlite3.OperationalError):
        if "locked" in text or "busy" in text:
            return StorageError(
                f"{folder} is being written by another process",
                "expected it to be free within 60 seconds",
                "wait for the other process, then run the command again",
            )
        if any(word in text for word in ("full", "readonly", "disk I/O", "unable to open")):
            return StorageError(
                f"cannot write {folder}: {text}",
                "expected a folder that can be written, with free space",
                "free some space and run the command again; what was committed is kept",
            )
    return CollectionError(
        f"{folder} cannot be read: {text}",
        "expected the database of a collection",
        "restore it from a copy, or index the images again into a new collection",
    )
