"""Small JPEG pictures of images, as pages and reports show them."""

import io

from PIL import Image as Pillow

from originid.images.reduced import decode_reduced
from originid.types import Image

SIDE = 256  # pixels of the longer side; some 12 kB
QUALITY = 82


def jpeg(image: Image, quality: int = QUALITY) -> bytes:
    """The bytes of a JPEG file of an image, uint8 RGB (h, w, 3)."""
    file = io.BytesIO()
    Pillow.fromarray(image).save(file, "JPEG", quality=quality)
    return file.getvalue()


def small_jpeg(data: bytes, width: int, height: int, side: int = SIDE) -> bytes:
    """A small JPEG of an image file.

    Args:
        data: the bytes of the file.
        width: of the whole image, in pixels.
        height: of the whole image, in pixels.
        side: the longer side of the result in pixels, at most.

    Raises:
        ImageError: the file cannot be decoded.
    """
    return jpeg(decode_reduced(data, width, height, side))
