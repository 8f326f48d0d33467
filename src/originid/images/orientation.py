"""Which way up a camera held an image, as its file states it, by Pillow's reader of EXIF."""

import re
import threading
import warnings

from PIL import Image as Pillow
from PIL.ExifTags import Base
from PIL.Image import Transpose

from originid.images.bounded_bytes import BoundedBytes

UPRIGHT = 1
TURNS: dict[int, Transpose] = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
"""What makes an image of each orientation upright; 5 to 8 exchange width and height."""

MOST = 1 << 20  # bytes of fields that are read: many fields of a block may point at the same bytes

# Pillow warns of each field that a camera wrote wrongly. Warnings are silenced for a moment, in one
# thread at a time, since the list of filters belongs to the process.
_QUIET = threading.Lock()


def orientation(opened: Pillow.Image) -> int:
    """Read the orientation of an image: from its EXIF block, or else from its XMP.

    Args:
        opened: an image of which the whole header is read.

    Returns:
        A number from 1 to 8. It is 1, upright, if the file states no other, and for a TIFF, which
        is turned while it is decoded.
    """
    if opened.format == "TIFF":
        return UPRIGHT
    value = _from_exif(_block(opened))
    if value is None:
        value = _from_xmp(opened)
    return value if isinstance(value, int) and 1 <= value <= 8 else UPRIGHT


def _block(opened: Pillow.Image) -> bytes:
    """The EXIF block; programs without a place for one in PNG write it as text, in hexadecimals."""
    block = opened.info.get("exif")
    text = opened.info.get("Raw profile type exif")
    if block is None and isinstance(text, str):
        try:
            block = bytes.fromhex("".join(text.split("\n")[3:]))
        except ValueError:
            return b""
    return block if isinstance(block, bytes) else b""


def _from_exif(block: bytes) -> object:
    if not block:
        return None
    while block.startswith(b"Exif\0\0"):
        block = block[6:]
    exif = Pillow.Exif()
    try:
        with _QUIET, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exif.load_from_fp(BoundedBytes(block, allowance=MOST))
            return exif.get(Base.Orientation)
    except Exception:  # a broken block makes Pillow raise nearly anything; the pixels are sound
        return None


def _from_xmp(opened: Pillow.Image) -> int | None:
    xmp = opened.info.get("XML:com.adobe.xmp") or opened.info.get("xmp")
    if isinstance(xmp, str):
        xmp = xmp.encode(errors="replace")
    found = re.search(rb'tiff:Orientation(?:="|>)([0-9])', xmp) if isinstance(xmp, bytes) else None
    return int(found[1]) if found else None
