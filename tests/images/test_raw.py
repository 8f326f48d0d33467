"""RAW photos are read by the JPEG in them, as cameras show them."""

import io
import struct

import numpy as np
import pytest
import tifffile

from image_files import encoded, exif, natural
from originid.errors import ImageError
from originid.images.decode import decode
from sound_images import UPRIGHT

PICTURE = natural(300, 400)
PREVIEW, ICON = encoded(PICTURE, "JPEG", quality=95), encoded(natural(120, 160, 1), "JPEG")
SHOWN = decode(PREVIEW).image


def dng(orientation: int = 1, jpeg: bytes = PREVIEW) -> bytes:
    """A TIFF with the values of a sensor, an icon and a preview, as converters write it."""
    file = io.BytesIO()
    sensor = np.random.default_rng(0).integers(0, 4096, (200, 300), np.uint16)
    tags = [
        (50706, "B", 4, b"\1\4\0\0", True),
        (274, "H", 1, orientation, True),
        (50710, "B", len(ICON), ICON, True),
        (50711, "B", len(jpeg), jpeg, True),
    ]
    tifffile.imwrite(file, sensor, photometric=32803, extratags=tags, metadata=None)
    return file.getvalue()


def nef(orientation: int = 1) -> bytes:
    """A small picture first, the sensor behind it as a part of it, and no sign that it is RAW."""
    file = io.BytesIO()
    sensor = np.random.default_rng(0).integers(0, 4096, (200, 300), np.uint16)
    with tifffile.TiffWriter(file) as writer:
        tags = [(274, "H", 1, orientation, True), (37500, "B", len(PREVIEW), PREVIEW, True)]
        small = natural(120, 160, 2)
        writer.write(small, photometric="rgb", subifds=1, extratags=tags, metadata=None)
        writer.write(sensor, photometric=32803, metadata=None)
    return file.getvalue()


@pytest.mark.parametrize("make", [dng, nef])
def test_the_largest_preview_is_the_picture(make: object) -> None:
    assert callable(make)
    got = decode(make())
    np.testing.assert_array_equal(got.image, SHOWN)
    assert (got.width, got.height) == (400, 300)


@pytest.mark.parametrize("make", [dng, nef])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_it_is_turned_as_the_file_says(make: object, orientation: int) -> None:
    assert callable(make)
    np.testing.assert_array_equal(decode(make(orientation)).image, UPRIGHT[orientation](SHOWN))


def test_a_preview_that_says_it_itself_is_turned_once() -> None:
    turned = encoded(PICTURE, "JPEG", quality=95, exif=exif(6))
    np.testing.assert_array_equal(decode(dng(6, turned)).image, UPRIGHT[6](SHOWN))


@pytest.mark.parametrize(
    "head",
    [
        b"II*\0\x10\0\0\0CR\2\0" + bytes(52),
        struct.pack(">I", 24) + b"ftypcrx \0\0\0\1crx isom" + bytes(40),
        b"FUJIFILMCCD-RAW 0201" + bytes(60),
        b"IIRO\x08\0\0\0" + bytes(60),
        b"MMOR\0\0\0\x08" + bytes(60),
        b"IIU\0\x18\0\0\0" + bytes(60),
        b"FOVb" + bytes(60),
    ],
)
def test_formats_of_makers_are_known_by_their_first_bytes(head: bytes) -> None:
    data = head + bytes(100) + ICON + bytes(100) + PREVIEW + bytes(1000)
    np.testing.assert_array_equal(decode(data).image, SHOWN)
    assert decode(data, 32).image.shape == (32, 32, 3)
    with pytest.raises(ImageError, match="RAW photo without a preview"):
        decode(head + ICON + bytes(1000))


def test_an_ordinary_tiff_with_parts_is_no_raw_photo() -> None:
    file = io.BytesIO()
    picture = natural(120, 160)
    with tifffile.TiffWriter(file) as writer:
        writer.write(picture, photometric="rgb", subifds=1, metadata=None)
        writer.write(picture[::2, ::2], photometric="rgb", metadata=None)
    np.testing.assert_array_equal(decode(file.getvalue()).image, picture)


def test_a_raw_photo_without_a_preview_is_refused_by_name() -> None:
    with pytest.raises(ImageError, match=r"RAW photo without a preview\n.*embedded JPEG"):
        decode(dng(jpeg=ICON))
