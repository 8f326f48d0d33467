"""An image in its own shape, at no more than some pixels a side."""

import numpy as np
import pytest

from image_files import encoded, natural
from originid.errors import ImageError
from originid.images.reduced import decode_reduced
from originid.types import Floats64, Image


def box_means(image: Image, height: int, width: int) -> Floats64:
    """The mean of each of height x width equal boxes, whose sides are whole pixels."""
    rows, columns = image.shape[0] // height, image.shape[1] // width
    out = np.empty((height, width, 3))
    for y in range(height):
        for x in range(width):
            part = image[y * rows : (y + 1) * rows, x * columns : (x + 1) * columns]
            out[y, x] = part.reshape(-1, 3).mean(axis=0)
    return out


@pytest.mark.parametrize(
    ("shape", "side", "expected"),
    [
        ((64, 48), 1024, (64, 48)),
        ((1, 1), 5, (1, 1)),
        ((30, 300), 100, (10, 100)),
        ((300, 30), 100, (100, 10)),
        ((2, 900), 100, (1, 100)),  # never less than a pixel
        ((100, 75), 50, (50, 38)),
        ((7, 9), 1, (1, 1)),
    ],
)
def test_the_shape_is_its_own(shape: tuple[int, int], side: int, expected: tuple[int, int]) -> None:
    image = np.full((*shape, 3), (10, 100, 200), np.uint8)
    found = decode_reduced(encoded(image, "PNG"), shape[1], shape[0], side)
    assert found.shape == (*expected, 3)
    assert found.dtype == np.uint8
    assert (found == (10, 100, 200)).all()


@pytest.mark.parametrize("side", [60, 61, 4000])
def test_a_small_square_stays_as_it_is(side: int) -> None:
    image = natural(60, 60)
    np.testing.assert_array_equal(decode_reduced(encoded(image, "PNG"), 60, 60, side), image)


def test_a_small_oblong_stays_as_it_is() -> None:
    image = natural(60, 80)
    np.testing.assert_array_equal(decode_reduced(encoded(image, "PNG"), 80, 60, 1024), image)


@pytest.mark.parametrize(("kind", "most"), [("PNG", 5), ("JPEG", 6)])
def test_a_large_image_is_near_the_means_of_boxes(kind: str, most: float) -> None:
    image = natural(480, 640, seed=2)
    found = decode_reduced(encoded(image, kind), 640, 480, 160)
    assert found.shape == (120, 160, 3)
    difference = np.abs(found - box_means(image, 120, 160))
    assert difference.mean() < most


@pytest.mark.parametrize("data", [b"", b"no image", b"\xff\xd8\xff\xe0"])
def test_what_is_no_image_is_refused(data: bytes) -> None:
    with pytest.raises(ImageError):
        decode_reduced(data, 10, 10, 5)


@pytest.mark.parametrize("size", [(1, 500), (500, 1), (7, 7)])
def test_another_size_than_that_of_the_file_decides_the_shape_alone(
    size: tuple[int, int],
) -> None:
    """As when a file was changed since its size was noted."""
    found = decode_reduced(encoded(natural(60, 80), "PNG"), *size, 5)
    scale = 5 / max(size)
    assert found.shape[1::-1] == tuple(max(1, round(scale * each)) for each in size)
