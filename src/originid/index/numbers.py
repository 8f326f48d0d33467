"""The components of references in 4 bits, by which the best of a scan of signs are looked at again.

A row has 16 levels for each component of a rotated vector of unit length, two to a byte, the first
one in the lower half; it ends in a checksum that covers them and the id. A row that does not fit
its checksum counts as the best there is. So damage hides no reference: how near it is is told by
what is stored, as for all that are looked at last.
"""

import numpy as np
from numpy.typing import NDArray

from originid.index.growing import Rows
from originid.index.sign_codes import LENGTHENED
from originid.types import Floats32, Ids, Mask

LEVELS = 16
# Of a component, in units of 1 / sqrt(dim); one in 240 is cut there. A component of a vector of
# signs, which has `LENGTHENED` of them, lies in the middle of a level.
WIDEST = LENGTHENED * (LEVELS / 2) / 3.5
STEP = 2 / (LEVELS - 1)  # from level to level, in the unit in which `NumberScan` tells products
CHECKSUM = 4  # bytes
ALIGNED = 16  # bytes


def row_size(dim: int) -> int:
    """Bytes of a row for so many components."""
    return -(-((dim + 1) // 2 + CHECKSUM) // ALIGNED) * ALIGNED


def rows_of(units: Floats32, ids: Ids) -> Rows:
    """Rows of references.

    Args:
        units: what `Codec.units` gives of them, (n, dim).
        ids: theirs, (n,).

    Returns:
        uint8 of shape (n, `row_size`).
    """
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


def _sums(rows: Rows) -> NDArray[np.uint32]:
    sums: NDArray[np.uint32] = rows.view("<u4").sum(axis=1, dtype=np.uint32)
    return sums


def keys_of(ids: Ids) -> NDArray[np.uint32]:
    """What the rows of references with these ids add up to, (n,)."""
    # Odd, so that rows of other ids differ; and not 0, which a row of zeros adds up to.
    return (ids.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(32)).astype(
        np.uint32
    ) | np.uint32(1)
