"""An image in its own shape, at no more than some pixels a side."""

import numpy as np
from PIL import Image as Pillow

from originid.images.decode import decode
from originid.types import Image


def decode_reduced(data: bytes, width: int, height: int, side: int) -> Image:
    """Decode an image file, and reduce its longer side.

    It is squashed first: a large JPEG is decoded at a part of its size, and no whole copy is made.

    Args:
        data: the bytes of the file.
        width: of the whole image, in pixels.
        height: of the whole image, in pixels.
        side: the longer side of the result in pixels, at most; a smaller image stays as it is.

    Returns:
        uint8 RGB of shape (h, w, 3).

    Raises:
        ImageError: the file cannot be decoded.
    """
    longer = max(width, height)
    if longer <= side:
        return decode(data).image
    squashed = decode(data, side).image
    size = max(1, round(side / longer * width)), max(1, round(side / longer * height))
    return np.asarray(Pillow.fromarray(squashed).resize(size, Pillow.Resampling.BOX))
