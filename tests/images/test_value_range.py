"""Values of any type and range become what a person would see."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from image_files import natural, png_chunk
from originid.images.decode import decode
from originid.images.value_range import to_8_bits, value_range
from originid.types import Image

PICTURE = natural(48, 64)
GREY = np.asarray(PICTURE[..., 0])


def tiff(values: NDArray[np.generic], **options: object) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, values, metadata=None, **options)
    return file.getvalue()


def deep_png(values: NDArray[np.integer[Any]]) -> bytes:
    """A PNG of 16 bits a sample, which Pillow writes only of grey."""
    height, width = values.shape[:2]
    samples = values.reshape(height, -1).astype(">u2")
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[samples.shape[1] // width]
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0))
    rows = b"".join(b"\0" + row.tobytes() for row in samples)
    pixels = png_chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + header + pixels + png_chunk(b"IEND", b"")


def near(got: Image, expected: Image) -> bool:
    return bool(np.abs(got.astype(int) - expected).max() <= 1)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("bright", [0, 3])
def test_the_bits_in_use_are_found(bits: int, bright: int) -> None:
    """Whatever they are, a copy with 8 bits is the same picture; so it is with a dead pixel."""
    deep = PICTURE.astype(np.uint16) << (bits - 8)
    deep[5, 7, :bright] = 65535
    grey = deep[..., 0]
    alpha = np.full(grey.shape, (1 << bits) - 1, np.uint16)
    expected = decode(deep_png(deep)).image.copy()
    if bright:
        expected[5, 7] = PICTURE[5, 7]
    assert near(expected, PICTURE)
    for data in (
        deep_png(np.dstack([deep, alpha])),
        tiff(deep, photometric="rgb"),
        tiff(deep, photometric="rgb", byteorder=">"),
        tiff(deep, photometric="rgb", compression="zlib"),
        tiff(np.moveaxis(deep, -1, 0), photometric="rgb", planarconfig="separate"),
    ):
        got = decode(data).image.copy()
        got[5, 7] = PICTURE[5, 7]
        assert near(got, PICTURE)
    for data in (deep_png(grey), deep_png(np.dstack([grey, alpha])), tiff(grey)):
        got = decode(data).image[..., 0].copy()
        got[5, 7] = GREY[5, 7]
        assert near(got, GREY)


def test_squashed_and_whole_images_take_the_same_range() -> None:
    data = deep_png(PICTURE.astype(np.uint16) << 4)
    assert near(decode(data, 16).image, decode(deep_png(PICTURE.astype(np.uint16) << 8), 16).image)


@pytest.mark.parametrize("missing", [np.nan, np.inf, -np.inf, 1e30, -3.4028235e38, -9999.0])
@pytest.mark.parametrize("scale", [1 / 255, 1.0])
def test_one_odd_value_does_not_hide_a_float_image(missing: float, scale: float) -> None:
    values = GREY.astype(np.float32) * scale
    values[10, 10] = missing
    got = decode(tiff(values)).image[..., 0].copy()
    got[10, 10] = GREY[10, 10]
    assert near(got, GREY)


def test_declared_no_data_is_white_and_outside_of_the_range() -> None:
    for values, declared in (
        (GREY.astype(np.float32), "-9999"),
        (GREY.astype(np.int16) << 6, "-32768"),
        (GREY.astype(np.uint16) << 2, "65535"),
    ):
        values[:20] = float(declared)
        tags = [(42113, "s", 0, declared, True)]
        got = decode(tiff(values, extratags=tags)).image[..., 0]
        assert (got[:20] == 255).all()
        assert near(got[20:], GREY[20:])


def test_values_below_zero_are_stretched() -> None:
    values = np.linspace(-500, 1500, 64 * 64).reshape(64, 64).astype(np.float32)
    got = to_8_bits(values)
    assert got[0, 0] == 0
    assert got[-1, -1] == 255
    assert abs(int(got[32, 0]) - 128) <= 1


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([0, 255], np.uint8), (0, 255)),
        (np.array([0, 256], np.uint16), (0, 1023)),
        (np.array([9, 4096], np.uint16), (0, 16383)),
        (np.array([0, 65535], np.uint16), (0, 65535)),
        (np.array([0, 32767], np.int16), (0, 32767)),
        (np.array([0, 100], np.int8), (0, 127)),
        (np.array([-5, 100], np.int16), (-5, 100)),
        (np.array([7, 3_000_000], np.uint32), (7, 3_000_000)),
        (np.array([0.0, 0.9]), (0, 1)),
        (np.array([0.01, 0.1]), (0.01, 0.1)),
        (np.array([0.0, 200.0]), (0, 255)),
        (np.array([1.0, 30.0]), (1, 30)),
        (np.array([False, True]), (0, 1)),
        (np.array([np.nan, np.nan]), (0, 1)),
    ],
)
def test_known_ranges(values: NDArray[np.generic], expected: tuple[float, float]) -> None:
    assert value_range(values.reshape(1, 2)) == expected


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 9999), st.sampled_from(["u1", "u2", "i2", "u4", "f4", "f8"]))
def test_brighter_values_are_never_darker(seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    values = (rng.normal(size=(9, 11)) * 10.0 ** rng.integers(-2, 5)).astype(kind)
    got = to_8_bits(values).ravel()[np.argsort(values.ravel(), kind="stable")]
    assert (np.diff(got.astype(int)) >= 0).all()
