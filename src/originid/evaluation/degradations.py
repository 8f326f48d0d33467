"""How pixels are degraded: compressed, blurred, scaled or marked (the paper's Figure 7).

Each function takes an image, uint8 RGB of shape (h, w, 3), and a level, and returns another image.
"""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFilter, ImageFont

from originid.errors import ImageError
from originid.images.decode import decode
from originid.types import Image

WATERMARK = "originid"
_WIDTH = 0.3  # the width of a watermark's text, as a share of the width of the image
_GAP = (0.4, 2.0)  # the gaps between texts, in widths and in heights of a text
_JPEG_SIDE = 65_500  # pixels, the longest side that libjpeg writes


def jpeg(image: Image, quality: float) -> Image:
    """Compress an image as JPEG and decode it again. Colours are stored at half resolution.

    Args:
        image: uint8 RGB of shape (h, w, 3).
        quality: the quality of libjpeg, a whole number from 1 to 100.

    Returns:
        uint8 RGB of the same shape.

    Raises:
        ImageError: if a side has more pixels than JPEG can store.
    """
    if max(image.shape) > _JPEG_SIDE:
        height, width = image.shape[:2]
        raise ImageError(
            f"{width} x {height} pixels", f"expected at most {_JPEG_SIDE} a side", "resize it"
        )
    buffer = io.BytesIO()
    # 4:2:0 stores colours at half resolution, as nearly every JPEG on the web does.
    Pillow.fromarray(image).save(buffer, "JPEG", quality=round(quality), subsampling="4:2:0")
    return decode(buffer.getvalue()).image


def blur(image: Image, sigma: float) -> Image:
    """Blur an image by a Gaussian, which Pillow approximates by box filters.

    Args:
        image: uint8 RGB of shape (h, w, 3).
        sigma: the standard deviation of the Gaussian in pixels, above 0.

    Returns:
        uint8 RGB of the same shape.
    """
    return np.asarray(Pillow.fromarray(image).filter(ImageFilter.GaussianBlur(sigma)))


def resize(image: Image, scale: float) -> Image:
    """Scale both sides of an image, by an antialiased bicubic filter.

    The image is not scaled back, because it is squashed to one size for the encoder anyway.

    Args:
        image: uint8 RGB of shape (h, w, 3).
        scale: the factor for both sides, above 0; below 1 it shrinks the image.

    Returns:
        uint8 RGB of shape (scale * h, scale * w, 3), rounded to whole pixels, at least 1.
    """
    height, width = (max(1, round(scale * side)) for side in image.shape[:2])
    return np.asarray(Pillow.fromarray(image).resize((width, height), Pillow.Resampling.BICUBIC))


def watermark(image: Image, opacity: float) -> Image:
    """Cover an image with rows of a text, in white letters with a black shadow.

    Args:
        image: uint8 RGB of shape (h, w, 3).
        opacity: the opacity of the letters, in (0, 1]; 1 hides what is under them.

    Returns:
        uint8 RGB of the same shape.
    """
    height, width = image.shape[:2]
    letters = _texts(height, width)
    offset = max(1, width // 300)  # pixels from a letter to its shadow
    shadow = np.zeros_like(letters)
    shadow[offset:, offset:] = letters[:-offset, :-offset]
    out = image.astype(np.float32)
    for mask, colour in ((shadow & ~letters, 0.0), (letters, 255.0)):
        out[mask] += opacity * (colour - out[mask])
    return np.rint(out).astype(np.uint8)


def _texts(height: int, width: int) -> NDArray[np.bool_]:
    """Return where the letters of a watermark are, (height, width); every second row is shifted."""
    font = ImageFont.load_default_imagefont()  # inside Pillow, so it is the same on every machine
    _, _, right, bottom = font.getbbox(WATERMARK)
    text = Pillow.new("1", (int(right), int(bottom)))
    ImageDraw.Draw(text).text((0, 0), WATERMARK, 1, font)
    wide = max(1, round(_WIDTH * width))
    high = max(1, round(wide * text.height / text.width))
    bitmap = np.asarray(text.resize((wide, high), Pillow.Resampling.NEAREST))
    tile = np.pad(bitmap, ((0, round(_GAP[1] * high)), (0, round(_GAP[0] * wide))))
    row = np.tile(tile, (1, -(-width // tile.shape[1]) + 1))
    both = np.concatenate([row, np.roll(row, tile.shape[1] // 2, axis=1)])
    return np.tile(both, (-(-height // len(both)), 1))[:height, :width]
