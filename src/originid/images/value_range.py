"""Brings pixel values of any type and range to 8 bits, as a person would see them.

A file says how many bits a value has room for, but not how many are in use: cameras and scanners
put 10, 12 or 14 bits into 16, and floating point has no agreed range at all. So the range is found
from the values, and a few outliers (a dead pixel, a highlight, a value that stands for no data) do
not move it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from originid.types import Image, Mask

Values = NDArray[Any]
"""Pixel values of any real dtype, of shape (h, w) or (h, w, samples)."""

SAMPLED = 1 << 20  # values from which the range is found: enough for 1 in 10,000
OUTLIERS = 1e-4  # of the values at each end, which may lie outside of the range
FEWEST = 4  # values that may be outliers in an image of any size: one pixel of 4 samples
MOST_BITS = 16  # that are filled on purpose; of 32 bits nobody says how many are in use
NO_VALUE = 1e38  # floats beyond it, on both sides, stand for "no data" in maps
ROWS = 32  # rows that are converted together, so that no second copy of the image is made
WHITE = 255


def to_8_bits(
    values: Values, missing: Mask | None = None, between: tuple[float, float] | None = None
) -> Image:
    """Bring values to 8 bits.

    Args:
        values: of any real dtype, of shape (h, w) or (h, w, samples).
        missing: of shape (h, w), where a pixel has no value. So are pixels that are not finite, or
            beyond `NO_VALUE`. They become white, as what is transparent does.
        between: which value is black and which one is white; by default as `value_range` finds.

    Returns:
        uint8 of the same shape.
    """
    low, high = between or value_range(values, missing)
    scale = WHITE / ((high - low) or 1)
    brought = np.empty(values.shape, np.uint8)
    for start in range(0, len(values), ROWS):
        rows = slice(start, start + ROWS)
        some = values[rows].astype(np.float64)
        lacking = _without_value(some)
        level = (np.clip(np.where(lacking, low, some), low, high) - low) * scale + 0.5
        if missing is not None:
            lacking |= missing[rows] if values.ndim == 2 else missing[rows][..., None]
        brought[rows] = np.where(lacking, WHITE, level)
    return brought


def value_range(values: Values, missing: Mask | None = None) -> tuple[float, float]:
    """Find which value is black and which one is white.

    Whole numbers from 0 on, and floats that look like them, range over the bits in use: an even
    number of bits from 8 to 16, but no more than the type has. Floats that lie in [0, 1] range over
    that. For anything else, black and white are the lowest and the highest value.

    Args:
        values: of any real dtype, of shape (h, w) or (h, w, samples).
        missing: of shape (h, w), where a pixel has no value.
    """
    if values.dtype == np.bool_:
        return 0.0, 1.0
    step = max(1, int(np.sqrt(values.size / SAMPLED)))
    sample = values[::step, ::step]
    if missing is not None:
        sample = sample[~missing[::step, ::step]]
    sample = sample[~_without_value(sample)]
    if not sample.size:
        return 0.0, 1.0
    few = min(max(FEWEST, int(sample.size * OUTLIERS)), (sample.size - 1) // 4)
    ends = np.partition(sample.ravel(), [few, sample.size - 1 - few])
    low, high = float(ends[few]), float(ends[-1 - few])
    if low < 0:
        return low, high
    kind = values.dtype
    if kind.kind == "f" and high <= 1:
        return (0.0, 1.0) if high > 1 / 4 else (low, high)
    bits = max(8, int(high).bit_length())
    bits += bits % 2
    if kind.kind in "iu":
        bits = min(bits, 8 * kind.itemsize - (kind.kind == "i"))
    white = float(2**bits - 1)
    has_no_bits = bits > MOST_BITS or (kind.kind == "f" and high < white / 4)
    return (low, high) if has_no_bits else (0.0, white)


def _without_value(values: Values) -> Mask:
    if values.dtype.kind != "f":
        return np.zeros(values.shape, np.bool_)
    # In 64 bits, as 16 have no such value. NaN is not below anything.
    return np.asarray(~(np.abs(values.astype(np.float64)) < NO_VALUE))
