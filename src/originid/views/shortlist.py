"""The shortlist: which references a query's views and places are compared with in full.

Of a stored vector the signs of the low frequencies are kept, 63 bytes with the packaged model.
They tell where things lie roughly, which a place that does not fit to the cell needs; the signs of
all frequencies would not find it. A query stays as it is: its estimate for a reference is
sum_i q_i sign(x_i), and its z is taken against the estimates of strangers.
"""

import numpy as np
from numpy.typing import NDArray

from originid.errors import ModelError
from originid.maps import DctMap
from originid.types import Floats32, Ids

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


def best_estimates(
    estimates: Floats32, ids: Ids, mean: Floats32, deviation: Floats32, count: int
) -> Ids:
    """The references with the best z over all vectors of a query, ascending.

    Args:
        estimates: the highest estimates of each of v vectors, (v, k).
        ids: of the references that have them, (v, k); -1 where there is none.
        mean: of strangers' estimates, (v, 1).
        deviation: of strangers' estimates, (v, 1).
        count: how many at most.
    """
    z = ((estimates - mean) / deviation)[ids >= 0]
    flat = ids[ids >= 0]
    order = np.argsort(-z, kind="stable")
    # Of each reference the first, which is its best; these in the order of their z.
    first = np.sort(np.unique(flat[order], return_index=True)[1])[:count]
    return np.sort(flat[order][first])
