"""Opening the SQLite file of a collection, which may be a stranger's.

What lies in its folder is checked before SQLite opens anything.
"""

import os
import sqlite3
import stat
from pathlib import Path

from originid.collection.bounded import BoundedConnection
from originid.collection.sqlite_errors import no_locks
from originid.errors import CollectionError
from originid.system.file_locks import can_lock
from originid.system.storage import is_full
from originid.system.text import shell_command

# What else a collection reads.
BESIDE = ("model", "index.bin", "shortlist.bin", "words.bin", "upgrade")
UNLOCKED = "model/model.json"  # a file beside it that nobody locks, to try locks on


def refuse_unsafe(path: Path) -> None:
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
        try:
            mode = os.lstat(file).st_mode  # asked once: another process may remove it meanwhile
        except OSError:
            continue
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            # Of a pipe or a device reading may never end.
            what = "a link to another file" if stat.S_ISLNK(mode) else "a pipe or a device"
            raise CollectionError(
                f"{file.name} in {path.parent} is {what}",
                "expected the files of the collection themselves",
                "copy the file itself into the folder, or name the folder that it lies in",
            )


def connect(path: Path) -> tuple[BoundedConnection, bool]:
    """Open a file, and tell whether it is only read because its file system has no locks."""
    if not can_lock(path.parent / UNLOCKED):
        return _open_without_locks(path), True
    try:
        return _open(path, "mode=rw"), False
    except sqlite3.OperationalError as error:
        if _is_about_locks(error) and not is_full(path.parent):
            return _open_without_locks(path), True
        if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
            raise
    try:
        return _open(path, "mode=ro"), False
    except sqlite3.OperationalError:
        if os.path.exists(f"{path}-wal"):
            raise
        # On a read-only medium SQLite cannot make its lock files; nobody writes there.
        return _open(path, "mode=ro&immutable=1"), False


def _open_without_locks(path: Path) -> BoundedConnection:
    """Open a file for reading, as if nobody could write to it.

    What was committed is in the file itself once the last process that had it open closed it.
    """
    wal = Path(f"{path}-wal")
    if wal.exists() and wal.stat().st_size:
        raise no_locks(path.parent, f", and {wal.name} is not empty: it is open elsewhere")
    return _open(path, "mode=ro&immutable=1")


def _is_about_locks(error: sqlite3.Error) -> bool:
    # The last one is also what SQLite says of a share that cannot map files into memory.
    return any(text in str(error) for text in ("locking protocol", "disk I/O error"))


def _open(path: Path, options: str) -> BoundedConnection:
    # Autocommit: transactions are opened by `writing` only. 60 s: what another process may
    # take to flush a batch to a slow disk.
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?{options}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=60,
        factory=BoundedConnection,
    )
    try:
        connection.bound(path)
        connection.text_factory = os.fsdecode
        # FULL: a committed batch survives a power cut, not only the death of the process.
        connection.execute("PRAGMA synchronous = FULL")
        # The file may come from a stranger: functions in its declarations are not trusted.
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        # Only `SqliteFile.writing` writes.
        connection.execute("PRAGMA query_only = ON")
        connection.execute("SELECT 1 FROM sqlite_master")
    except sqlite3.Error:
        connection.close()
        raise
    return connection
