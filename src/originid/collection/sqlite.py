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
from typing import Any, TypeVar

from originid.collection.expected_tables import refuse_other_tables
from originid.errors import CollectionError, StorageError
from originid.system.file_locks import can_lock
from originid.system.mounts import file_system
from originid.system.text import shell_command

Item = TypeVar("Item")
BESIDE = ("model", "index.bin", "shortlist.bin", "words.bin")  # what else a collection reads
UNLOCKED = "model/model.json"  # a file beside it that nobody locks, to try locks on
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
        _refuse_unsafe(path)
        with _errors(path.parent):
            self._connection, self.without_locks = _connect(path)
            try:
                refuse_other_tables(self._connection, META + tables, path.parent)
                # `meta` is a table, and may be read now; another file may not have it.
                self._connection.execute("SELECT count(*) FROM meta")
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
    """Make a file with these tables, no rows, and what its `SqliteFile.meta` says.

    Raises:
        StorageError: the disk refuses, or has no locks.
    """
    if not can_lock(path.parent / UNLOCKED):
        raise no_locks(path.parent)
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


def slices(items: list[Item], size: int = 500) -> Iterator[list[Item]]:
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
            f"out of the folder and run: {shell_command('show', path.parent, '--verify')}",
        )
    beside = [path.parent / name for name in BESIDE]
    for file in (path, Path(f"{path}-wal"), Path(f"{path}-shm"), *beside):
        is_pipe = file.exists() and not (file.is_file() or file.is_dir())  # reading may never end
        if file.is_symlink() or is_pipe:
            what = "a pipe or a device" if is_pipe else "a link to another file"
            raise CollectionError(
                f"{file.name} in {path.parent} is {what}",
                "expected the files of the collection themselves",
                "copy the file itself into the folder, or name the folder that it lies in",
            )


@contextmanager
def _errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise _explain(error, folder) from error


def _connect(path: Path) -> tuple[sqlite3.Connection, bool]:
    """Open a file, and tell whether it is only read because its file system has no locks."""
    uri = path.absolute().as_uri()
    if not can_lock(path.parent / UNLOCKED):
        return _open_without_locks(path), True
    try:
        return _open(f"{uri}?mode=rw"), False
    except sqlite3.OperationalError as error:
        if _is_about_locks(error):
            return _open_without_locks(path), True
        if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
            raise
    try:
        return _open(f"{uri}?mode=ro"), False
    except sqlite3.OperationalError:
        if os.path.exists(f"{path}-wal"):
            raise
        # On a read-only medium SQLite cannot make its lock files; nobody writes there.
        return _open(f"{uri}?mode=ro&immutable=1"), False


def _open_without_locks(path: Path) -> sqlite3.Connection:
    """Open a file for reading, as if nobody could write to it.

    What was committed is in the file itself once the last process that had it open closed it.
    """
    wal = Path(f"{path}-wal")
    if wal.exists() and wal.stat().st_size:
        raise no_locks(path.parent, f", and {wal.name} is not empty: it is open elsewhere")
    return _open(f"{path.absolute().as_uri()}?mode=ro&immutable=1")


def no_locks(folder: Path, more: str = "") -> StorageError:
    """The error that a collection cannot be used where there are no locks.

    Args:
        folder: of the collection.
        more: what else was found, as the end of a sentence.
    """
    return StorageError(
        f"{_place(folder)} has no working locks{more}",
        "expected a disk with locks: without them two processes could write at once",
        "put the collection on a local disk: copy its whole folder there, or make it there. On "
        "a disk without locks it can only be read, while nobody writes to it",
    )


def _place(folder: Path) -> str:
    """The file system of a folder, in words."""
    found = file_system(folder)
    if found is None:
        return f"the file system of {folder}"
    return f"the file system at {found.mount_point} ({found.kind})"


def _is_about_locks(error: sqlite3.Error) -> bool:
    # The last one is also what SQLite says of a share that cannot map files into memory.
    return any(text in str(error) for text in ("locking protocol", "disk I/O error"))


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
        # The file may come from a stranger: functions in its declarations are not trusted.
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        connection.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _explain(error: sqlite3.Error, folder: Path) -> CollectionError | StorageError:
    text = str(error)
    if isinstance(error, sqlite3.OperationalError):
        if "locking protocol" in text:
            return no_locks(folder)
        if "locked" in text or "busy" in text:
            return StorageError(
                f"{folder} is being written by another process",
                "expected it to be free within 60 seconds",
                "wait for the other process, then run the command again; if there is none, the "
                f"locks of {_place(folder)} may not work: copy the collection to a local disk",
            )
        if "disk I/O" in text:
            return StorageError(
                f"cannot write {folder}: {text}",
                "expected a sound disk with locks",
                f"check the disk; if it is sound, {_place(folder)} may have no locks: copy the "
                "collection to a local disk, or make it there",
            )
        if any(word in text for word in ("full", "readonly", "unable to open")):
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
