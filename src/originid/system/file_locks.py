"""Whether files can be locked, without which two processes could write one file at once."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_NONE = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)


def can_lock(path: str | os.PathLike[str]) -> bool:
    """Whether the file system of a file has locks, as some network shares do not.

    Args:
        path: of a file that nobody locks: locks of this process on it are lost. Where it cannot be
            opened, nothing is known, and the answer is True.
    """
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        with open(path, "rb") as file:
            fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in _NONE  # others: somebody holds a lock, or there is no file
    return True


@contextmanager
def locked_folder(folder: str | os.PathLike[str]) -> Iterator[bool]:
    """Hold a folder, so that no other process holds it in this way meanwhile.

    Where a system cannot lock folders, as Windows, nothing is held.

    Args:
        folder: an existing folder.

    Yields:
        Whether it is held; False if another process holds it.
    """
    if sys.platform == "win32":
        yield True
        return
    import fcntl

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            held = True
        except OSError as error:
            held = error.errno in _NONE
        yield held
    finally:
        os.close(descriptor)  # the death of the process does the same
