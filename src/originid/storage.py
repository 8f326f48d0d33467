"""Writing that is all or nothing, and says so when the disk will not take it."""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from originid.errors import InputError, StorageError


@contextmanager
def storage_errors(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn the operating system's refusals to write into a `StorageError`."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"cannot write {os.fspath(path)}: {error.strerror or error}",
            "expected a folder that can be written, with free space",
            "free some space or choose another place; what was there is unchanged",
        ) from error


def refuse_existing(path: Path) -> None:
    """Raise InputError if a path is there and is not an empty folder."""
    with storage_errors(path):
        free = not path.exists() or (path.is_dir() and not any(path.iterdir()))
    if not free:
        raise InputError(
            f"{path} exists", "expected a new or empty folder", "remove it, or choose another name"
        )


@contextmanager
def new_directory(path: Path) -> Iterator[Path]:
    """Fill a directory that appears under its name only when it is complete.

    Yields a temporary directory beside ``path``; on success it is flushed to the disk and
    renamed, on any error it is removed.

    Raises:
        InputError: ``path`` exists and is not an empty directory.
        StorageError: the disk refuses.
    """
    path = Path(os.path.abspath(path))
    refuse_existing(path)
    # Inside a folder that is there already: it may be a disk of its own.
    parent = path if path.exists() else path.parent
    temporary = parent / f".{path.name}.{uuid.uuid4().hex[:8]}.tmp"
    try:
        with storage_errors(path):
            temporary.mkdir(parents=True)
            yield temporary
            for file in sorted(temporary.rglob("*")):
                flush(file)
            flush(temporary)
            if path.exists():
                # Empty, and maybe somebody's current folder: filled, as replacing it would
                # leave them nowhere. Without its last file nothing here is taken for complete.
                for entry in sorted(temporary.iterdir(), reverse=True):
                    os.replace(entry, path / entry.name)
            else:
                os.replace(temporary, path)
            flush(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def flush(path: Path) -> None:
    """Return when a file, or the list of what a folder holds, is on the disk."""
    if path.is_dir() and os.name == "nt":
        return  # Windows cannot open a directory
    # Windows flushes only what is open for writing.
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
