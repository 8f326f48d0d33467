"""Which file system a path lies on, as far as the system tells it: on Linux."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

TABLE = Path("/proc/self/mountinfo")


@dataclass(frozen=True)
class FileSystem:
    """A mounted file system.

    Args:
        kind: its type, such as ``ext4``, ``nfs4`` or ``fuse.sshfs``.
        mount_point: the folder that it is mounted at.
    """

    kind: str
    mount_point: str


def file_system(path: str | os.PathLike[str]) -> FileSystem | None:
    """The file system that a path lies on, or None where the system does not tell.

    Args:
        path: of a file or folder; it need not exist.
    """
    here = os.path.join(os.path.realpath(path), "")
    found = None
    for each in _mounted():
        inside = here.startswith(os.path.join(each.mount_point, ""))
        # A later one of the same length lies over an earlier one.
        if inside and (found is None or len(each.mount_point) >= len(found.mount_point)):
            found = each
    return found


def kinds_by_device() -> dict[int, str]:
    """The type of each mounted file system, by the number of its device as `os.stat` gives it."""
    lines = (line.split(" ") for line in _lines())
    numbers = ((parts[2].split(":"), _kind(parts)) for parts in lines)
    return {os.makedev(int(major), int(minor)): kind for (major, minor), kind in numbers}


def _mounted() -> list[FileSystem]:
    lines = (line.split(" ") for line in _lines())
    return [FileSystem(_kind(parts), _unescaped(parts[4])) for parts in lines]


def _lines() -> list[str]:
    try:
        return os.fsdecode(TABLE.read_bytes()).splitlines()
    except OSError:
        return []


def _kind(parts: list[str]) -> str:
    # Any number of optional fields stands between the options and a hyphen.
    return parts[parts.index("-") + 1]


def _unescaped(text: str) -> str:
    """A path without the octal escapes of spaces, tabs, line breaks and backslashes."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)
