"""RAW photos: the JPEG that a camera puts into the file to show it.

The values of the sensor are not developed. Which picture they become depends on the program; the
embedded one is what the camera showed, and what most edits begin with.
"""

import io
import re
import struct
from typing import TYPE_CHECKING

from PIL import Image as Pillow
from PIL.ExifTags import Base

from originid.errors import ImageError
from originid.images.bounded_bytes import BoundedBytes
from originid.images.jpeg import Jpeg
from originid.images.orientation import UPRIGHT, orientation
from originid.images.tiff import ORIENTATION, first_page

if TYPE_CHECKING:
    from tifffile import TiffPage

MOST = 64  # embedded JPEGs whose headers are read
LEAST = 320  # pixels of the longer side: what is smaller is an icon
SENSOR = {32803, 34892}  # photometric interpretations: a colour filter array, and linear raw
DNG_VERSION, SUB_IFDS = 50706, 330  # numbers of tags


def raw_orientation(kind: str, data: bytes) -> int | None:
    """Tell whether a file is a RAW photo, and how the camera was held.

    Args:
        kind: the format by the first bytes: ``RAW``, or ``TIFF``, which RAW files of most makers
            are too.
        data: the bytes of the file.

    Returns:
        The orientation from 1 to 8, or None if the file is no RAW photo.
    """
    try:
        page = first_page(BoundedBytes(data, allowance=2 * len(data) + 65536))
    except ImageError:  # the name of a format in `FORMATS` that is no TIFF, or a broken TIFF
        return UPRIGHT if kind == "RAW" else None
    if kind == "TIFF" and not _is_raw(page):
        return None
    return int(page.tags.valueof(ORIENTATION, UPRIGHT))


def _is_raw(page: "TiffPage") -> bool:
    if DNG_VERSION in page.tags or page.photometric in SENSOR:
        return True
    if SUB_IFDS not in page.tags:
        return False
    try:
        return any(sub.photometric in SENSOR for sub in page.pages or ())
    except Exception:  # a broken table further on; the first image may be sound
        return False


def preview(data: bytes, turn: int = UPRIGHT) -> bytes:
    """Find the largest JPEG in a RAW file.

    Args:
        data: the bytes of the file.
        turn: the orientation that the file states, from 1 to 8. A preview that states none gets it.

    Raises:
        ImageError: if there is none that a person would look at.
    """
    largest, start = 0, 0
    found = re.finditer(rb"\xff\xd8\xff[\xc0-\xfe]", data)
    for _, each in zip(range(MOST), found, strict=False):
        pixels = _pixels(data, each.start())
        if pixels > largest:
            largest, start = pixels, each.start()
    if not largest:
        raise ImageError(
            "a RAW photo without a preview", "expected an embedded JPEG", "save it as JPEG or TIFF"
        )
    return _turned(data[start:], turn)


def _pixels(data: bytes, start: int) -> int:
    """The pixels of an embedded JPEG; 0 if it is an icon, or not one that shows a picture."""
    try:
        opened = Jpeg(io.BytesIO(memoryview(data)[start : start + (1 << 20)]))
    except Exception:  # not a JPEG after all, or the lossless kind that holds the sensor's values
        return 0
    return opened.width * opened.height if max(opened.size) >= LEAST else 0


def _turned(jpeg: bytes, turn: int) -> bytes:
    """A JPEG with the orientation, unless it states one itself."""
    if turn == UPRIGHT or orientation(Jpeg(io.BytesIO(jpeg))) != UPRIGHT:
        return jpeg
    exif = Pillow.Exif()
    exif[Base.Orientation] = turn
    block = exif.tobytes()
    return jpeg[:2] + struct.pack(">BBH", 0xFF, 0xE1, len(block) + 2) + block + jpeg[2:]
