"""Every image comes upright, whatever its file says and however."""

import io
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from image_files import (
    encoded,
    exif,
    png,
    png_chunk,
)
from originid.images.decode import decode
from sound_images import SMALL, SOUND, UPRIGHT, distance


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_heic_is_decoded_upright(orientation: int) -> None:
    heif = pytest.importorskip("pillow_heif")
    file = io.BytesIO()
    picture = Pillow.fromarray(SMALL)
    heif.from_pillow(picture).save(file, quality=95, exif=exif(orientation))
    got = decode(file.getvalue())
    expected = UPRIGHT[orientation](SMALL)
    assert (got.height, got.width) == expected.shape[:2]
    assert distance(got.image, expected) < 12


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_orientation_is_applied(kind: str, orientation: int, order: str) -> None:
    block = exif(orientation, order)
    turned = decode(encoded(SMALL, kind, exif=block))
    expected = UPRIGHT[orientation](decode(encoded(SMALL, kind)).image)
    np.testing.assert_array_equal(turned.image, expected)
    assert (turned.height, turned.width) == expected.shape[:2]


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
def test_tiff_orientation_is_applied_once(compression: str, orientation: int) -> None:
    data = encoded(SMALL, "TIFF", compression=compression, tiffinfo={0x0112: orientation})
    got = decode(data)
    expected = UPRIGHT[orientation](SMALL)
    np.testing.assert_array_equal(got.image, expected)
    assert (got.height, got.width) == expected.shape[:2]


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_avif_orientation_is_applied(orientation: int) -> None:
    got = decode(encoded(SMALL, "AVIF", exif=exif(orientation)))
    expected = UPRIGHT[orientation](decode(SOUND["AVIF"]).image)
    np.testing.assert_array_equal(got.image, expected)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 40), st.integers(1, 40), st.sampled_from(sorted(UPRIGHT)), st.integers(0, 9999)
)
def test_orientation_and_squash_commute(h: int, w: int, orientation: int, seed: int) -> None:
    """The squashed turned file is the squashed upright one; the two passes round differently."""
    stored = np.random.default_rng(seed).integers(0, 256, (h, w, 3), dtype=np.uint8)
    upright = np.ascontiguousarray(UPRIGHT[orientation](stored))
    got = decode(encoded(stored, "PNG", exif=exif(orientation)), 16).image
    expected = decode(encoded(upright, "PNG"), 16).image
    assert np.abs(got.astype(int) - expected).max() <= 1


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"Exif\0\0",
        b"Exif\0\0MM\0*",
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        b"Exif\0\0II*\0\x08\0\0\0\xff\xff",
        exif(0),
        exif(9),
        exif(65535),
        b"garbage" * 9,
    ],
)
def test_a_broken_exif_block_is_ignored(block: bytes) -> None:
    got = decode(encoded(SMALL, "JPEG", quality=95, exif=block))
    np.testing.assert_array_equal(got.image, decode(SOUND["JPEG"]).image)


def test_no_orientation_from_a_png_text() -> None:
    text = png_chunk(b"tEXt", b"Orientation\0" + b"6")
    got = decode(png(40, 50, text))
    assert (got.width, got.height) == (40, 50)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_an_orientation_of_type_long_counts(kind: str, orientation: int, order: str) -> None:
    """Some phones write it so, and Pillow turns the picture."""
    block = exif(orientation, order, long=True)
    turned = decode(encoded(SMALL, kind, exif=block))
    expected = UPRIGHT[orientation](decode(encoded(SMALL, kind)).image)
    np.testing.assert_array_equal(turned.image, expected)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF", "PNG"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_an_orientation_in_xmp_counts_if_exif_states_none(kind: str, orientation: int) -> None:
    xmp = f'<x:xmpmeta><rdf:Description tiff:Orientation="{orientation}"/></x:xmpmeta>'.encode()
    if kind == "PNG":
        text = b"XML:com.adobe.xmp\0\0\0\0\0" + xmp
        data = encoded(SMALL, kind)
        data = data[:33] + png_chunk(b"iTXt", text) + data[33:]
    else:
        data = encoded(SMALL, kind, xmp=xmp)
    expected = UPRIGHT[orientation](decode(encoded(SMALL, kind)).image)
    np.testing.assert_array_equal(decode(data).image, expected)
    both = encoded(SMALL, kind, xmp=xmp, exif=exif(6)) if kind != "PNG" else None
    if both:
        expected = UPRIGHT[6](decode(encoded(SMALL, kind)).image)
        np.testing.assert_array_equal(decode(both).image, expected)


def test_fields_that_share_bytes_cost_little() -> None:
    """Each of 5,000 fields points at the same 60 kB of the block."""
    fields = b"".join(struct.pack("<HHII", 256 + n, 7, 60_000, 8) for n in range(5_000))
    block = b"II*\0" + struct.pack("<I", 60_008) + bytes(60_000) + struct.pack("<H", 5_000) + fields
    tracemalloc.start()
    got = decode(png(40, 50, png_chunk(b"eXIf", block)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (got.width, got.height) == (40, 50)
    assert peak < 4_000_000
