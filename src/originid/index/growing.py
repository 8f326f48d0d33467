"""Rows of bytes that grow: in memory, in a file without a name, or in the file of an index."""

import mmap
import tempfile
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from originid.types import Mask

IN_MEMORY = 131_072  # rows; with so many they lie in a file without a name until they are kept
FIRST_ROWS = 1024
LARGE = 1 << 30  # bytes of a file

Rows = NDArray[np.uint8]
"""Bytes of references, of shape (n, size)."""


class GrowingRows:
    """Rows of a part's references, in the order of these.

    With a folder they lie in memory while they are few, in a file without a name until the index is
    kept, and then in the file of the index; of files the system keeps in memory what it has room
    for.

    Args:
        size: bytes of a row.
        folder: where a file without a name may lie; None leaves all in memory.
    """

    def __init__(self, size: int, folder: Path | None = None) -> None:
        self._folder = folder
        self._rows: Rows = np.empty((0, size), np.uint8)
        self._count = 0

    @classmethod
    def of(cls, rows: Rows, folder: Path | None = None) -> "GrowingRows":
        """Rows (n, size) where they lie, in memory or in a file."""
        growing = cls(rows.shape[1], folder)
        growing._rows, growing._count = rows, len(rows)
        return growing

    @property
    def rows(self) -> Rows:
        """All rows (n, size), where they lie."""
        return np.asarray(self._rows)[: self._count]

    def append(self, rows: Rows) -> None:
        """Add rows (n, size)."""
        count = self._count + len(rows)
        if count > len(self._rows):
            wider = np.empty((max(count, 2 * self._count, FIRST_ROWS), rows.shape[1]), np.uint8)
            wider[: self._count] = self.rows
            self._rows = wider
        self._rows[self._count : count] = rows
        self._count = count
        if count >= IN_MEMORY and self._folder is not None:
            self._rows = _in_a_file(self.rows, self._folder)

    def only(self, which: Mask) -> "GrowingRows":
        """Some of the rows, which (n,) says."""
        kept = GrowingRows(self._rows.shape[1], self._folder)
        kept.append(self.rows[which])
        return kept

    def give_back(self) -> None:
        """Let the system take the memory of rows that lie in a file; they are read again."""
        file = getattr(self._rows, "_mmap", None)
        if file is None or not self._rows.nbytes or not hasattr(mmap, "MADV_DONTNEED"):
            return
        start = _address(self._rows) - _address(np.frombuffer(file, np.uint8))
        stop, start = start + self._rows.nbytes, start // mmap.PAGESIZE * mmap.PAGESIZE
        file.madvise(mmap.MADV_DONTNEED, start, stop - start)


def in_file(file: BinaryIO, start: int, length: int) -> NDArray[np.uint8]:
    """Bytes of a file where they lie.

    Of a large file the system reads what is asked for, and not what is near. A smaller one is soon
    in memory as a whole, if what is near comes along.
    """
    memory: np.memmap[Any, Any] = np.memmap(file, np.uint8, "r", start, (length,))
    pages = getattr(memory, "_mmap", None)
    if length > LARGE and pages is not None and hasattr(mmap, "MADV_RANDOM"):
        pages.madvise(mmap.MADV_RANDOM)
    return memory


def _address(array: NDArray[np.uint8]) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


def _in_a_file(rows: Rows, folder: Path) -> Rows:
    """The rows in a file that nobody else sees, and that is gone with the process."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(rows.data)
            file.flush()
            return in_file(file, 0, rows.nbytes).reshape(rows.shape)
    except OSError:  # a folder that is only read, or a full disk
        return rows
