"""Reads small files that may come from strangers: regular ones, up to a stated size, at once."""

import os
import stat
from pathlib import Path


def read_small_file(path: str | os.PathLike[str], most: int, links: bool = True) -> bytes:
    """Read a whole file, if it is a regular file that is not too large.

    A pipe or a device is refused without opening it: reading it may never end, and opening a
    device may change something.

    Args:
        path: the path of the file.
        most: the largest number of bytes that the file may have.
        links: whether the path may be a symbolic link. The folders above it may be links anyway.

    Raises:
        OSError: if the file is missing or cannot be read.
        ValueError: if it is another kind of file, is too large, or cannot have that name; the text
            of the error leaves out the path, which the caller knows.
    """
    _refuse_other_kinds(os.stat(path) if links else os.lstat(path))
    # Something else may have taken the place of the file: so it is opened without waiting and
    # without following, and looked at again.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    flags |= 0 if links else getattr(os, "O_NOFOLLOW", 0)
    with open(os.open(path, flags), "rb", buffering=0) as file:
        info = os.fstat(file.fileno())
        _refuse_other_kinds(info)
        if info.st_size > most:
            raise ValueError(f"it has {info.st_size:,} bytes, expected at most {most:,}")
        parts = []
        # A file may grow while it is read, and files of /proc say that they are empty.
        left = most + 1
        while left and (part := file.read(min(left, max(info.st_size, 1 << 16)))):
            parts.append(part)
            left -= len(part)
    if not left:
        raise ValueError(f"it has more than {most:,} bytes")
    return parts[0] if len(parts) == 1 else b"".join(parts)


def check_regular(path: str | os.PathLike[str], most: int, links: bool = True) -> None:
    """Check what `read_small_file` would refuse, for a file that a library reads by its path.

    Args:
        path: the path of the file.
        most: the largest number of bytes that the file may have.
        links: whether the path may be a symbolic link.

    Raises:
        OSError: if the file is missing.
        ValueError: if it is another kind of file, is too large, or cannot have that name.
    """
    info = os.stat(path) if links else os.lstat(path)
    _refuse_other_kinds(info)
    if info.st_size > most:
        raise ValueError(f"it has {info.st_size:,} bytes, expected at most {most:,}")


def copy_small_file(source: Path, target: Path, most: int, links: bool = True) -> None:
    """Copy the content of a file that `read_small_file` reads; the copy is never a link.

    Args:
        source: the file.
        target: the path of the copy, at which there must be nothing.
        most: the largest number of bytes that the file may have.
        links: whether the file may be a symbolic link.

    Raises:
        OSError: if the file cannot be read, or the copy cannot be written.
        ValueError: as `read_small_file` raises it.
    """
    data = read_small_file(source, most, links)
    with target.open("xb") as file:
        file.write(data)


def _refuse_other_kinds(info: os.stat_result) -> None:
    if stat.S_ISREG(info.st_mode):
        return
    kinds = {stat.S_IFDIR: "a folder", stat.S_IFLNK: "a symbolic link"}
    kind = kinds.get(stat.S_IFMT(info.st_mode), "a pipe or a device")
    raise ValueError(f"it is {kind}, expected a regular file")
