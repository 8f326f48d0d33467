"""Images in memory as files, and thumbnails: exact, against slow means, and what is refused."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from originid.errors import InputError
from originid.images.decode import decode
from originid.images.lossless import lossless_file
from originid.images.thumbnails import SIDE, thumbnails
from originid.types import Image


def noise(seed: int, *shape: int) -> Image:
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


@settings(max_examples=60, deadline=None)
@given(height=st.integers(1, 40), width=st.integers(1, 40), seed=st.integers(0, 10**6))
def test_an_array_comes_back_as_it_is(height: int, width: int, seed: int) -> None:
    image = noise(seed, height, width, 3)
    back = decode(lossless_file(image))
    np.testing.assert_array_equal(back.image, image)
    assert (back.width, back.height) == (width, height)


@pytest.mark.parametrize("order", ["mirrored", "upside down", "every second", "of columns"])
def test_a_view_of_an_array_is_a_picture_of_its_own(order: str) -> None:
    image = noise(1, 12, 14, 3)
    view = {
        "mirrored": image[:, ::-1],
        "upside down": image[::-1],
        "every second": image[::2, 1::2],
        "of columns": np.asfortranarray(image),
    }[order]
    assert lossless_file(view) == lossless_file(np.ascontiguousarray(view))
    np.testing.assert_array_equal(decode(lossless_file(view)).image, view)


def test_an_array_that_cannot_be_written_is_left_alone() -> None:
    image = noise(2, 5, 7, 3)
    before = image.copy()
    image.flags.writeable = False
    lossless_file(image)
    np.testing.assert_array_equal(image, before)


def test_the_bytes_are_those_of_a_bitmap_worked_out_by_hand() -> None:
    image = noise(3, 2, 3, 3)
    rows = [line[:, ::-1].tobytes() + b"\0" * 3 for line in image[::-1]]  # 9 bytes, filled to 12
    pixels = b"".join(rows)
    data = lossless_file(image)
    assert data[:2] == b"BM"
    size, _, _, start = struct.unpack("<IHHI", data[2:14])
    assert size == len(data) == 54 + len(pixels)
    assert struct.unpack("<IiiHH", data[14:30]) == (40, 3, 2, 1, 24)
    assert data[start:] == pixels


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "YCbCr", "HSV"])
def test_a_picture_of_any_mode_is_rgb_of_its_size(mode: str) -> None:
    picture = Pillow.fromarray(noise(4, 9, 11, 3)).convert(mode)
    back = decode(lossless_file(picture))
    assert back.image.shape == (9, 11, 3)
    if mode in ("L", "CMYK", "YCbCr", "P", "1", "HSV"):
        np.testing.assert_array_equal(back.image, np.asarray(picture.convert("RGB")))


@settings(deadline=None)
@given(alpha=st.integers(0, 255), level=st.integers(0, 255))
def test_what_is_transparent_lies_before_white(alpha: int, level: int) -> None:
    picture = Pillow.new("RGBA", (2, 2), (level, level, level, alpha))
    got = decode(lossless_file(picture)).image
    expected = (level * alpha + 255 * (255 - alpha)) / 255
    assert np.abs(got - expected).max() <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_upright(orientation: int) -> None:
    image = noise(5, 4, 6, 3)
    # How an upright picture is stored so that this orientation shows it upright again.
    stored = {
        1: image,
        2: image[:, ::-1],
        3: image[::-1, ::-1],
        4: image[::-1],
        5: image.swapaxes(0, 1),
        6: np.rot90(image),
        7: np.rot90(image, 2).swapaxes(0, 1),
        8: np.rot90(image, -1),
    }[orientation]
    picture = Pillow.fromarray(np.ascontiguousarray(stored))
    buffer = io.BytesIO()
    tags = Pillow.Exif()
    tags[0x0112] = orientation
    picture.save(buffer, "PNG", exif=tags)
    opened = Pillow.open(io.BytesIO(buffer.getvalue()))
    np.testing.assert_array_equal(decode(lossless_file(opened)).image, image)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (np.zeros((4, 4), np.uint8), "uint8 (4, 4)"),
        (np.zeros((4, 4, 4), np.uint8), "uint8 (4, 4, 4)"),
        (np.zeros((3, 4, 4), np.uint8), "uint8 (3, 4, 4)"),
        (np.zeros((1, 4, 4, 3), np.uint8), "uint8 (1, 4, 4, 3)"),
        (np.zeros((4, 4, 3), np.float32), "float32 (4, 4, 3)"),
        (np.zeros((4, 4, 3), np.int8), "int8 (4, 4, 3)"),
        (np.zeros((), np.uint8), "uint8 ()"),
        (None, "NoneType"),
        ([[0, 0, 0]], "list"),
        (7, "int"),
    ],
)
def test_what_is_no_image_is_named_and_refused(given: object, named: str) -> None:
    with pytest.raises(InputError) as caught:
        lossless_file(given)  # type: ignore[arg-type]
    assert caught.value.given == f"an image of type {named}"
    assert "uint8 RGB array (height, width, 3)" in caught.value.expected
    assert caught.value.todo.startswith("convert it")


@pytest.mark.parametrize(("height", "width"), [(0, 5), (5, 0), (0, 0)])
def test_an_image_without_pixels_is_refused(height: int, width: int) -> None:
    empty = np.zeros((height, width, 3), np.uint8), Pillow.new("F", (width, height))
    for image in empty:
        with pytest.raises(InputError) as caught:
            lossless_file(image)
        assert caught.value.given == f"an image of {width} x {height} pixels"
        assert caught.value.expected == "expected at least 1 x 1"


# Thumbnails


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6), times=st.integers(2, 5), count=st.integers(1, 3))
def test_a_pixel_is_the_mean_of_those_it_stands_for(seed: int, times: int, count: int) -> None:
    images = noise(seed, count, SIDE * times, SIDE * times, 3)
    got = thumbnails(images)
    assert got.shape == (count, SIDE, SIDE, 3)
    assert got.dtype == np.uint8
    rng = np.random.default_rng(seed)
    for _ in range(30):
        n, row, column, colour = (int(rng.integers(most)) for most in (count, SIDE, SIDE, 3))
        total = sum(
            int(images[n, y, x, colour])
            for y in range(row * times, (row + 1) * times)
            for x in range(column * times, (column + 1) * times)
        )
        # Rounded to the nearest, a half upward.
        assert got[n, row, column, colour] == (2 * total + times**2) // (2 * times**2)


@pytest.mark.parametrize("size", [1, 8, 63, 65, 100, 128, 200, 256])
@pytest.mark.parametrize("level", [0, 1, 254, 255])
def test_one_colour_stays_one_colour(size: int, level: int) -> None:
    images = np.full((2, size, size, 3), level, np.uint8)
    assert (thumbnails(images) == level).all()
    assert thumbnails(images).shape == (2, SIDE, SIDE, 3)


def test_an_image_of_the_size_stays_as_it_is() -> None:
    images = noise(6, 2, SIDE, SIDE, 3)
    np.testing.assert_array_equal(thumbnails(images), images)


@pytest.mark.parametrize("size", [96, 100, 128, 192])
def test_each_image_of_a_batch_is_its_own(size: int) -> None:
    images = noise(7, 3, size, size, 3)
    together = thumbnails(images)
    for number in range(3):
        np.testing.assert_array_equal(together[number], thumbnails(images[number : number + 1])[0])


@pytest.mark.parametrize("size", [128, 256])
def test_both_ways_to_reduce_differ_by_one_level_at_most(size: int) -> None:
    image = noise(8, size, size, 3)
    boxed = Pillow.fromarray(image).resize((SIDE, SIDE), Pillow.Resampling.BOX)
    fast = thumbnails(image[None])[0].astype(int)
    assert np.abs(fast - np.asarray(boxed)).max() <= 1
