"""Writing files and folders so that they appear whole or not at all.

A crash or a power cut never leaves half a file under its final name: everything is written under a
temporary name, flushed to the disk, and then renamed.
"""

import errno
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from originid.errors import InputError, StorageError

LEFT_OVER = 3600.0  # seconds; an older temporary file was left by a process that died
NEXT_TO_NOTHING = 1 << 18  # bytes: less than the smallest file that a collection writes needs
ON_WINDOWS = os.name == "nt"
RENAME_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8)  # seconds; a virus scanner holds a new file for tenths
FREE = (
    "expected a folder that can be written, with free space",
    "free some space or choose another place",
)
NOT_ALLOWED = (
    "expected a folder that this account may write",
    "choose another place, or ask whoever owns this one",
)
IN_THE_WAY = "expected nothing else of this name in the way", "choose another name or another place"
# By the number of the error: what was expected, and what helps.
REMEDIES = {
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), NOT_ALLOWED),
    **dict.fromkeys((errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENOTEMPTY), IN_THE_WAY),
    errno.ENOENT: ("expected a folder that exists", "make the folder first"),
    errno.ENAMETOOLONG: ("expected a name that the disk takes", "choose a shorter name"),
}


@contextmanager
def storage_errors(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn every `OSError` that is raised inside the ``with`` block into a `StorageError`.

    Args:
        path: the file or folder that is being written; the error names it.

    Raises:
        StorageError: if the operating system refuses to write.
    """
    try:
        yield
    except OSError as error:
        expected, todo = REMEDIES.get(error.errno or 0, FREE)
        given = f"cannot write {os.fspath(path)}: {error.strerror or error}"
        raise StorageError(given, expected, f"{todo}; what was there is unchanged") from error


def refuse_existing(path: Path) -> None:
    """Refuse a path at which something exists already. An empty folder is allowed.

    Args:
        path: the path at which something new is to be written.

    Raises:
        InputError: if there is a file, or a folder that is not empty.
        StorageError: if the operating system does not let us look.
    """
    with storage_errors(path):
        free = not path.exists() or (path.is_dir() and not any(path.iterdir()))
    if not free:
        raise InputError(f"{path} exists", "expected a new or empty folder", "choose another name")


@contextmanager
def new_directory(path: Path) -> Iterator[Path]:
    """Fill a directory that appears under its name only when it is complete.

    The block under ``with`` gets a temporary directory. If the block succeeds, the directory is
    flushed to the disk and renamed to ``path``. If the block raises, it is removed.

    Args:
        path: the final name of the directory.

    Raises:
        InputError: if ``path`` exists and is not an empty directory.
        StorageError: if the disk is full or cannot be written.
    """
    path = Path(os.path.abspath(path))
    refuse_existing(path)
    # An existing folder may be the top of another disk, and a rename works only within one disk.
    # So the temporary directory then lies inside of it.
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
                # The empty folder may be the current folder of a shell, and replacing it would
                # leave that shell nowhere. So the folder is filled. Nobody takes it for complete
                # before its last file is there.
                for entry in sorted(temporary.iterdir(), reverse=True):
                    _rename(entry, path / entry.name)
            else:
                _rename(temporary, path)
            flush(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def new_file(path: Path, replace: bool = True) -> Iterator[Path]:
    """Write a file that appears under its name only when it is complete.

    The block under ``with`` gets a temporary path in the same folder, and writes the file there.
    If the block succeeds, that file is flushed to the disk and replaces whatever was at ``path``.
    If the block raises, the temporary file is removed and ``path`` stays as it was.

    Args:
        path: the final name of the file.
        replace: whether it takes the place of another file. If not, the file that was there first
            stays, also where several processes write at once, and nothing is raised.

    Raises:
        OSError: if the disk is full or cannot be written.
    """
    _remove_left_overs(path)
    temporary = _temporary(path)
    try:
        yield temporary
        flush(temporary)
        (_rename if replace else _rename_if_free)(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    flush(path.parent)


def is_full(folder: Path) -> bool:
    """Tell whether the disk of a folder has next to no free space left.

    Args:
        folder: an existing folder.
    """
    try:
        return shutil.disk_usage(folder).free < NEXT_TO_NOTHING
    except OSError:
        return False


def flush(path: Path) -> None:
    """Wait until a file, or the list of a folder's entries, is really on the disk.

    Args:
        path: an existing file or folder.

    Raises:
        OSError: if it cannot be opened or written.
    """
    if ON_WINDOWS and path.is_dir():
        return  # Windows cannot open a folder as a file
    # Windows flushes a file only if it is open for writing.
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


def _rename_if_free(source: Path, target: Path) -> None:
    """Give a file its name in one step, unless there is something of that name."""
    try:
        # On Windows a file is not renamed to the name of another one; elsewhere it replaces it.
        (os.rename if ON_WINDOWS else os.link)(source, target)
    except FileExistsError:
        return
    except OSError:
        if ON_WINDOWS or os.path.lexists(target):
            raise
        os.replace(source, target)  # a file system without hard links


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")


def _remove_left_overs(path: Path) -> None:
    for file in path.parent.glob(f".{path.name}.*.tmp"):
        with suppress(FileNotFoundError):  # another process just gave it its name
            if time.time() - file.stat().st_mtime > LEFT_OVER:
                file.unlink()
