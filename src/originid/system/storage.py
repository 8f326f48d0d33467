"""Writing that is all or nothing, and says so when the disk will not take it."""

import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from originid.errors import InputError, StorageError

LEFT_OVER = 3600.0  # seconds after which a half-written file belongs to a process that died
ON_WINDOWS = os.name == "nt"
RENAME_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8)  # seconds; a virus scanner holds a new file for tenths


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
    temporary = _temporary(parent / path.name)
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
                    _rename(entry, path / entry.name)
            else:
                _rename(temporary, path)
            flush(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Write a file that appears under its name only when it is complete.

    Yields a temporary name beside ``path``; on success what was written there is flushed to the
    disk and takes the place of what was at ``path``, on any error it is removed.

    Raises:
        OSError: the disk refuses.
    """
    _remove_left_overs(path)
    temporary = _temporary(path)
    try:
        yield temporary
        flush(temporary)
        _rename(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    flush(path.parent)


def flush(path: Path) -> None:
    """Return when a file, or the list of what a folder holds, is on the disk."""
    if ON_WINDOWS and path.is_dir():
        return  # Windows cannot open a directory
    # Windows flushes only what is open for writing.
    descriptor = os.open(path, os.O_RDWR if ON_WINDOWS else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _rename(source: Path, target: Path) -> None:
    """Give a file or folder its name in one step, in place of a file that has it.

    Windows refuses while another process holds the source or the target open, such as a virus
    scanner that looks at a new file. There it is tried again for some 1.5 seconds.
    """
    for pause in RENAME_PAUSES if ON_WINDOWS else ():
        try:
            os.replace(source, target)
            return
        except PermissionError:
            time.sleep(pause)
    os.replace(source, target)


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")


def _remove_left_overs(path: Path) -> None:
    for file in path.parent.glob(f".{path.name}.*.tmp"):
        if time.time() - file.stat().st_mtime > LEFT_OVER:
            file.unlink(missing_ok=True)
