"""What SQLite's errors mean for the person who uses a collection."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from originid.collection.places import DATABASE
from originid.errors import CollectionError, StorageError
from originid.system.mounts import file_system
from originid.system.storage import is_full


@contextmanager
def sqlite_errors(folder: Path) -> Iterator[None]:
    """Turn errors of SQLite inside of the ``with`` block into those of originid.

    Args:
        folder: of the collection.

    Raises:
        CollectionError: the database cannot be read.
        StorageError: the disk refuses, has no locks, or another process holds the file.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise _explain(error, folder) from error


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


def _explain(error: sqlite3.Error, folder: Path) -> CollectionError | StorageError:
    text = str(error)
    if isinstance(error, sqlite3.ProgrammingError) and "closed" in text:
        return CollectionError(
            f"the collection {folder} is closed",
            "expected one that is open",
            "use it inside of its with block, or open it again",
        )
    if isinstance(error, sqlite3.OperationalError):
        if text == "interrupted":  # see BoundedConnection
            return CollectionError(
                f"{folder} cannot be read: a table in its database seems to have no end",
                "expected a database that is read in a number of steps that fits its size",
                "do not use a collection of unknown origin; if it is yours, restore it from a "
                "copy, or index the images again into a new collection",
            )
        if "locking protocol" in text:
            return no_locks(folder)
        if "locked" in text or "busy" in text:
            return StorageError(
                f"{folder} is being written by another process",
                "expected it to be free within 60 seconds",
                "wait for the other process, then run the command again; if there is none, the "
                f"locks of {_place(folder)} may not work: copy the collection to a local disk",
            )
        failed = "disk I/O" in text  # also if there is no space for its lock files
        if failed and not is_full(folder):
            return StorageError(
                f"cannot write {folder}: {text}",
                "expected a sound disk with locks",
                f"check the disk; if it is sound, {_place(folder)} may have no locks: copy the "
                "collection to a local disk, or make it there",
            )
        if "unable to open" in text and not os.access(folder / DATABASE, os.R_OK):
            return StorageError(
                f"{folder / DATABASE} may not be read by this account",
                "expected a collection that this account may read",
                "ask whoever owns it, or give the command as that account",
            )
        if "readonly" in text:
            return StorageError(
                f"cannot write {folder}: {text}",
                "expected a folder, and files in it, that this account may write",
                "ask whoever owns it, or give the command as that account; where the disk is "
                "mounted to be read only, copy the collection to another one",
            )
        if failed or any(word in text for word in ("full", "unable to open")):
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
