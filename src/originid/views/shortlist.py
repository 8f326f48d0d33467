"""The shortlist: which references a query's views and places are compared with in full.

Of a stored vector the signs of the low frequencies are kept, 63 bytes with the packaged model.
They tell where things lie roughly, which a place that does not fit to the cell needs; the signs of
all frequencies would not find it. A query stays as it is: its estimate for a reference is
sum_i q_i sign(x_i), and its z is taken against the estimates of a cohort.
"""

import numpy as np
from numpy.typing import NDArray

from originid.errors import ModelError
from originid.maps import DctMap
from originid.types import Floats32, Vectors

Bits = NDArray[np.uint8]
Places = NDArray[np.intp]
RADIUS = 8.0  # radial frequency below which signs are kept, in half periods per side
LENGTH = 504  # signs: 63 bytes


def low_frequencies(map: DctMap, radius: float = RADIUS, length: int = LENGTH) -> Places:
    """Which components of a vector are of low frequency, in order of frequency, at most ``length``.

    Args:
        map: of the model: its vectors have a component for each DCT coefficient that it keeps.
        radius: radial frequency below which a component counts.
        length: how many are kept.

    Raises:
        ModelError: the map keeps no frequency as low as that.
    """
    radii = []
    for (c, h, w), kept in zip(map.basis.shapes, map.basis.kept, strict=True):
        _, row, column = np.unravel_index(kept, (c, h, w))
        radii.append(np.hypot(row, column))
    all_radii = np.concatenate(radii)
    order = np.argsort(all_radii, kind="stable")[:length]
    chosen = np.sort(order[all_radii[order] < radius])
    if not len(chosen):
        raise ModelError(
            f"a map that keeps no frequency below {radius:g}",
            "expected one of images, whose lowest frequencies tell most",
            "use a packaged model, or fit one in closed form",
        )
    return chosen


def sign_bits(vectors: Vectors, components: Places) -> Bits:
    """The signs of some components, packed 8 to a byte, first one lowest; 1 where positive.

    Args:
        vectors: (n, dim), in the basis of the map, not rotated.
        components: from `low_frequencies`.
    """
    return np.packbits(vectors[:, components] > 0, axis=1, bitorder="little")


def estimates(vectors: Vectors, bits: Bits, components: Places) -> Floats32:
    """sum_i q_i sign(x_i) of each query vector and each reference, (q, n): slow and obvious.

    A scan computes the same from packed bits.
    """
    signs = np.unpackbits(bits, axis=1, count=len(components), bitorder="little")
    return np.asarray(vectors[:, components] @ (signs.astype(np.float32) * 2 - 1).T)


def shortlist(
    estimates: Floats32, mean: Floats32, deviation: Floats32, count: int
) -> NDArray[np.int64]:
    """The references with the best z over all vectors of a query, ascending.

    Args:
        estimates: (v, n) of v vectors with n references.
        mean: of the cohort's estimates, (v, 1).
        deviation: of the cohort's estimates, (v, 1).
        count: how many at most.
    """
    best = ((estimates - mean) / deviation).max(axis=0)
    count = min(count, len(best))
    return np.sort(np.argpartition(-best, count - 1)[:count]) if count else np.zeros(0, np.int64)
