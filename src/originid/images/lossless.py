"""An image in memory to the bytes of a file, so that it takes the same way as a file does."""

import io

import numpy as np
from PIL import Image as Pillow
from PIL import ImageOps

from originid.errors import InputError
from originid.images.pillow_modes import flat, rgb
from originid.types import Image


def lossless_file(image: Image | Pillow.Image) -> bytes:
    """The bytes of a file from which `decode` gives an image as it is.

    Args:
        image: a uint8 RGB array (h, w, 3), or an image of Pillow in any mode, which is turned
            upright by its EXIF data and flattened as a file's would be.

    Raises:
        InputError: an array of another type or shape, an image without pixels, or something else.
    """
    if isinstance(image, Pillow.Image):
        _refuse_empty(image.width, image.height)
        picture = rgb(flat(ImageOps.exif_transpose(image)))
    elif isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.shape[2:] == (3,):
        _refuse_empty(image.shape[1], image.shape[0])
        picture = Pillow.fromarray(image)
    else:
        shape = getattr(image, "shape", "")
        given = f"{getattr(image, 'dtype', type(image).__name__)} {shape}".strip()
        raise InputError(
            f"an image of type {given}",
            "expected a path, the bytes of a file, an image of Pillow, or a uint8 RGB array "
            "(height, width, 3)",
            "convert it: channels last, values from 0 to 255",
        )
    buffer = io.BytesIO()
    # BMP, as the bytes of PNG differ between versions of zlib, and so would its SHA-256.
    picture.save(buffer, "BMP")
    return buffer.getvalue()


def _refuse_empty(width: int, height: int) -> None:
    if not width or not height:
        raise InputError(
            f"an image of {width} x {height} pixels", "expected at least 1 x 1", "leave it out"
        )
