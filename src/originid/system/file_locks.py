"""Whether files can be locked, without which two processes could write one file at once."""

import errno
import os
import sys

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
