"""What tells that a file was changed since it was last looked at, without reading it."""

import os
from dataclasses import dataclass
from functools import cache

from originid.system.mounts import kinds_by_device

# They make the numbers of files up, anew whenever they are mounted or even more often.
_MADE_UP = ("vfat", "msdos", "exfat", "fuse.")


@dataclass(frozen=True)
class FileStatus:
    """The state of a file, as its folder tells it.

    Args:
        bytes: the size of the file in bytes.
        mtime_ns: the time of the last change of its content, in nanoseconds since 1970. Programs
            can set it, and those that copy or edit files do.
        ctime_ns: the time of the last change of anything about the file, such as its content or
            its time; no program can set it. On Windows it is when the file was made. None where it
            was not noted.
        inode: the number of the file on its file system. None where it was not noted, or where the
            file system has no lasting numbers.
    """

    bytes: int = 0
    mtime_ns: int = 0
    ctime_ns: int | None = None
    inode: int | None = None

    @classmethod
    def of(cls, status: os.stat_result) -> "FileStatus":
        """The state of a file, within what SQLite can store.

        Args:
            status: what ``os.stat`` gave for the file.
        """
        return cls(
            status.st_size,
            _stored(status.st_mtime_ns),
            _stored(status.st_ctime_ns),
            _inode(status),
        )

    def agrees(self, other: "FileStatus") -> bool:
        """Whether all is equal that is known of both.

        Args:
            other: the state of the same file at another time.
        """
        return (
            (self.bytes, self.mtime_ns) == (other.bytes, other.mtime_ns)
            and _alike(self.ctime_ns, other.ctime_ns)
            and _alike(self.inode, other.inode)
        )


NOT_LOOKED_AT = FileStatus()
"""The state of what is no file, or of a file that could not be looked at."""


def same_file(path: str, other: str) -> bool:
    """Whether two paths lead to one file: by links, by a mounted folder, or as they are equal.

    Args:
        path: of a file; it need not exist.
        other: of a file; it need not exist.
    """
    try:
        first, second = os.stat(path), os.stat(other)
    except (OSError, ValueError):
        return False
    return first.st_ino != 0 and os.path.samestat(first, second)  # 0 where files have no numbers


def _alike(value: int | None, other: int | None) -> bool:
    return value is None or other is None or value == other


def _stored(nanoseconds: int) -> int:
    return max(-(2**63), min(nanoseconds, 2**63 - 1))


def _inode(status: os.stat_result) -> int | None:
    number = status.st_ino
    if not number or _kinds().get(status.st_dev, "").startswith(_MADE_UP):
        return None
    # SQLite has signed numbers of 64 bits; Windows has file systems with numbers of 128 bits.
    return (number + 2**63) % 2**64 - 2**63


@cache
def _kinds() -> dict[int, str]:
    return kinds_by_device()
