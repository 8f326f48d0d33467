"""How much there is in a picture to tell it from others.

Blank pages, solid colours, gradients, a small mark on plain ground: such pictures resemble each
other without being copies. The information of a picture is the share of its cells in which the
brightness bends, that is, differs from the mean of its neighbours; a gradient does not bend.
"""

from enum import Enum

import numpy as np
from numpy.typing import NDArray

from originid.types import Image

CELLS = 32  # on a side, as in the latents
BEND = 6.0  # grey levels of 255 by which a pixel differs from its neighbours' mean: above noise
LITTLE = 0.04  # of the cells: fewer photos than 1 in 1,000 have less
COPY = 0.5  # blank pictures score at most 0.3 with photos; a copy of 5 % contrast 0.7


class Telling(Enum):
    """What may be said of a query and its best reference, judged by their information."""

    BY_RATE = "by rate"
    COPY = "copy"
    NOTHING = "nothing"


def information(image: Image) -> float:
    """The information of a squashed image, uint8 of shape (64, 64, 3): a share in [0, 1]."""
    values = image.astype(np.float32)
    bends = np.zeros(values.shape[:2], np.float32)
    middle = values[1:-1, 1:-1]
    rows, columns = values[:, 1:-1], values[1:-1]
    for first, second in ((rows[:-2], rows[2:]), (columns[:, :-2], columns[:, 2:])):
        bend = np.abs(middle - (first + second) / 2).max(axis=2)
        bends[1:-1, 1:-1] = np.maximum(bends[1:-1, 1:-1], bend)
    cells = bends.reshape(CELLS, 2, CELLS, 2).max(axis=(1, 3))
    return float((cells >= BEND).mean())


def telling(query: float, reference: float | None, score: float, same_file: bool) -> Telling:
    """What may be said where a picture has little information.

    Args:
        query: information of the query, in [0, 1].
        reference: information of the best reference, in [0, 1]; None where it was indexed by a
            version that did not measure it.
        score: their cosine.
        same_file: whether both files have the same bytes.

    Returns:
        `COPY` where only a copy explains the score, whatever the information; `NOTHING` where
        nothing can be told; else `BY_RATE`. A copy of low contrast, or of few levels, has little
        information itself but scores high with a reference that has more: no blank picture does.
    """
    informative = reference is None or reference >= LITTLE
    if same_file or (informative and score >= COPY):
        return Telling.COPY
    if query < LITTLE or not informative:
        return Telling.NOTHING
    return Telling.BY_RATE


def little(informations: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which of some pictures (n,) have little information; NaN, not measured, is not little."""
    return np.asarray(informations < LITTLE)
