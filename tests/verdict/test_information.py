"""The information of a picture, by its definition."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from originid.types import Image
from originid.verdict.information import BEND, CELLS, information


def bends(image: Image, y: int, x: int) -> bool:
    """Whether a pixel differs from the mean of two opposite neighbours in any colour."""
    values = image.astype(float)
    pairs = []
    if 0 < y < 63:
        pairs.append((values[y - 1, x] + values[y + 1, x]) / 2)
    if 0 < x < 63:
        pairs.append((values[y, x - 1] + values[y, x + 1]) / 2)
    return any((np.abs(values[y, x] - mean) >= BEND).any() for mean in pairs)


@settings(max_examples=20)
@given(seed=st.integers(0, 1000), dots=st.integers(0, 60))
def test_it_is_the_share_of_cells_that_bend(seed: int, dots: int) -> None:
    rng = np.random.default_rng(seed)
    image = np.full((64, 64, 3), 100, np.uint8)
    for y, x, colour in rng.integers(0, (64, 64, 3), (dots, 3)):
        image[y, x, colour] += rng.integers(0, 12)
    slowly = [[bends(image, y, x) for x in range(64)] for y in range(64)]
    # As it is computed, only pixels count that have neighbours on all sides.
    bent = np.zeros((64, 64), np.bool_)
    bent[1:-1, 1:-1] = np.array(slowly)[1:-1, 1:-1]
    cells = bent.reshape(CELLS, 2, CELLS, 2).any(axis=(1, 3))
    np.testing.assert_array_equal(information(image[None]), np.float32(cells.mean()))
