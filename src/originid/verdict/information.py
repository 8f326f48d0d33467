"""How much there is in a picture to tell it from others.

Blank pages, solid colours, gradients, a small mark on plain ground: such pictures resemble each
other without being copies. The information of a picture is the share of its cells in which the
brightness bends, that is, differs from the mean of its neighbours; a gradient does not bend.
"""

import numpy as np

from originid.types import Floats32, Image

CELLS = 32  # on a side, as in the latents
BEND = 6.0  # grey levels of 255 by which a pixel differs from its neighbours' mean: above noise
LITTLE = 0.04  # of the cells: fewer photos than 1 in 1,000 have less
FAINT_COPY = 0.5  # blank pictures score at most 0.3 with photos; a copy of 5 % contrast 0.7


def information(thumbnails: Image) -> Floats32:
    """Return the information of pictures.

    Args:
        thumbnails: uint8 of shape (n, 64, 64, 3).

    Returns:
        A share in [0, 1] for each picture, float32 of shape (n,).
    """
    values = thumbnails.astype(np.int16)
    bent = np.zeros(values.shape[:3], np.bool_)
    # Twice the difference from the neighbours' mean, in whole numbers.
    middle = 2 * values[:, 1:-1, 1:-1]
    rows, columns = values[:, :, 1:-1], values[:, 1:-1]
    for first, second in (
        (rows[:, :-2], rows[:, 2:]),
        (columns[:, :, :-2], columns[:, :, 2:]),
    ):
        bend = np.abs(middle - first - second) >= 2 * BEND
        for colour in range(3):  # `any` over so few takes ten times as long
            bent[:, 1:-1, 1:-1] |= bend[..., colour]
    halves = bent[:, ::2] | bent[:, 1::2]
    cells = halves[:, :, ::2] | halves[:, :, 1::2]
    return np.asarray(cells.mean(axis=(1, 2)), np.float32)


def tells(query: float, reference: float | None, score: float) -> bool:
    """Whether a score between two pictures tells anything, given how much there is in them.

    A blank picture scores high with every other blank one, and low with a picture that shows
    something. So a picture with little information may be a faint copy of one that has more: a copy
    of 5 % contrast, or of few levels.

    Args:
        query: the information of the query, in [0, 1].
        reference: the information of the reference, in [0, 1]; None where it was indexed by a
            version that did not measure it.
        score: their cosine.
    """
    if query >= LITTLE:
        return reference is None or reference >= LITTLE
    return reference is not None and reference >= LITTLE and score >= FAINT_COPY
