"""The components of references in 4 bits, by which the best of a scan of signs are looked at again.

A row has 16 levels for each component of a rotated vector of unit length, two to a byte, the first
one in the lower half; it ends in a checksum that covers them and the id. A row that does not fit
its checksum counts as the best there is. So damage hides no reference: how near it is is told by
what is stored, as for all that are looked at last.
"""

import mmap
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from originid.index.sign_codes import LENGTHENED
from originid.types import Floats32, Ids, Mask

LEVELS = 16
# Of a component, in units of 1 / sqrt(dim); one in 240 is cut there. A component of a vector of
# signs, which has `LENGTHENED` of them, lies in the middle of a level.
WIDEST = LENGTHENED * (LEVELS / 2) / 3.5
STEP = 2 / (LEVELS - 1)  # from level to level, in the unit in which `NumberScan` tells products
CHECKSUM = 4  # bytes
ALIGNED = 16  # bytes
IN_MEMORY = 131_072  # rows; with so many they lie in a file without a name until they are kept
FIRST_ROWS = 1024

Rows = NDArray[np.uint8]
"""Numbers and checksum of references, of shape (n, `row_size`)."""


def row_size(dim: int) -> int:
    """Bytes of a row for so many components."""
    return -(-((dim + 1) // 2 + CHECKSUM) // ALIGNED) * ALIGNED


def rows_of(units: Floats32, ids: Ids) -> Rows:
    """Rows for what `Codec.units` gives of references with these ids: (n, dim) and (n,)."""
    count, dim = units.shape
    levels = np.zeros((count, dim + dim % 2), np.uint8)
    steps = units * np.float32(np.sqrt(dim) * LEVELS / (2 * WIDEST))
    levels[:, :dim] = np.floor(steps + np.float32(LEVELS / 2)).clip(0, LEVELS - 1)
    rows = np.zeros((count, row_size(dim)), np.uint8)
    rows[:, : levels.shape[1] // 2] = levels[:, ::2] | levels[:, 1::2] << 4
    rows.view("<u4")[:, -1] = keys_of(ids) - _sums(rows)
    return rows


def fit(rows: Rows, ids: Ids) -> Mask:
    """Which rows are as they were written for these ids, (n,)."""
    return np.asarray(_sums(rows) == keys_of(ids))


class Numbers:
    """The rows of a part's references, in the order of these.

    They lie in memory while they are few, in a file without a name until the index is kept, and
    then in the file of the index; of files the system keeps in memory what it has room for.

    Args:
        size: bytes of a row.
        folder: where a file without a name may lie; None leaves all in memory.
    """

    def __init__(self, size: int, folder: Path | None) -> None:
        self._folder = folder
        self._rows: Rows = np.empty((0, size), np.uint8)
        self._count = 0

    @classmethod
    def mapped(cls, rows: Rows, folder: Path | None) -> "Numbers":
        """Rows (n, size) that lie in a file."""
        numbers = cls(rows.shape[1], folder)
        numbers._rows, numbers._count = rows, len(rows)
        return numbers

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

    def only(self, which: Mask) -> "Numbers":
        """Some of the rows, which (n,) says."""
        kept = Numbers(self._rows.shape[1], self._folder)
        kept.append(self.rows[which])
        return kept

    def give_back(self) -> None:
        """Let the system take the memory of rows that lie in a file; they are read again."""
        file = getattr(self._rows, "_mmap", None)
        if file is not None and hasattr(mmap, "MADV_DONTNEED"):
            file.madvise(mmap.MADV_DONTNEED)


def _in_a_file(rows: Rows, folder: Path) -> Rows:
    """The rows in a file that nobody else sees, and that is gone with the process."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(rows.data)
            file.flush()
            return np.memmap(file, np.uint8, "r", shape=rows.shape)
    except OSError:  # a folder that is only read, or a full disk
        return rows


def _sums(rows: Rows) -> NDArray[np.uint32]:
    sums: NDArray[np.uint32] = rows.view("<u4").sum(axis=1, dtype=np.uint32)
    return sums


def keys_of(ids: Ids) -> NDArray[np.uint32]:
    """What the rows of references with these ids add up to, (n,)."""
    # Odd, so that rows of other ids differ; and not 0, which a row of zeros adds up to.
    return (ids.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(32)).astype(
        np.uint32
    ) | np.uint32(1)
