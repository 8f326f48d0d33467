"""Converts an image of any Pillow mode to 8 bits of grey or RGB, without transparency."""

import numpy as np
from PIL import Image as Pillow
from PIL.ImageFile import ImageFile

# Bytes of memory per pixel, measured as the peak of the process at 12 megapixels.
_BYTES_PER_PIXEL = {"1": 2, "L": 2, "RGB": 5, "YCbCr": 5, "P": 9, "I": 40, "F": 40}
_OTHER_MODES = 13  # bytes for modes that have a mask, are converted, or have 16 bits
_OTHER_DECODERS = 12  # bytes on top, for the frames that libwebp, libavif and libheif hold


def working_memory(opened: ImageFile, pixels: int) -> int:
    """Return the number of bytes that decoding and squashing an image take at most.

    Args:
        opened: the image, of which only the header is read yet. A JPEG may be set to be decoded at
            a reduced size.
        pixels: the number of pixels of the whole image.
    """
    width, height = opened.size
    each = _BYTES_PER_PIXEL.get(opened.mode, _OTHER_MODES)
    if opened.format in ("WEBP", "AVIF", "HEIF"):
        each += _OTHER_DECODERS
    memory = width * height * each
    if opened.info.get("progressive"):  # libjpeg holds all coefficients, 16 bits each
        memory += pixels * 2 * len(opened.getbands())
    return memory


def flat(image: Pillow.Image) -> Pillow.Image:
    """Convert an image of any mode to RGB, or to grey (mode L) if it has no colour.

    A grey image is resized in a third of the time, and gives the same result.

    Args:
        image: a loaded image of any Pillow mode; what is transparent is put in front of white.
    """
    if image.mode.startswith("I;16"):
        return _from_16_bits(image)
    if image.mode in ("I", "F"):
        return _stretched(image)
    if image.mode == "LAB":
        return _from_lab(image)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Pillow.new("RGB", image.size, "white")
        white.paste(rgba, mask=rgba)
        return white
    return image if image.mode == "L" else rgb(image)


def rgb(image: Pillow.Image) -> Pillow.Image:
    """Convert an image of any mode without transparency to RGB.

    Args:
        image: a loaded image. If it is RGB already, the image itself is returned, not a copy.
    """
    return image if image.mode == "RGB" else image.convert("RGB")


def _from_16_bits(image: Pillow.Image) -> Pillow.Image:
    """Take the upper byte of each value, as Pillow does with 16-bit RGB."""
    values = np.asarray(image)
    grey = (values >> 8).astype(np.uint8)
    grey[values == image.info.get("transparency", -1)] = 255
    return Pillow.fromarray(grey)


def _stretched(image: Pillow.Image) -> Pillow.Image:
    """Stretch the range of the values to 0 to 255, as 32-bit images have no agreed range."""
    values = np.asarray(image, np.float64)
    finite = values[np.isfinite(values)]
    low, high = finite.min(), finite.max()
    inside = np.clip(np.nan_to_num(values, nan=low), low, high)
    return Pillow.fromarray(((inside - low) * (255 / ((high - low) or 1))).astype(np.uint8))


def _from_lab(image: Pillow.Image) -> Pillow.Image:
    from PIL import ImageCms  # Pillow may be built without it, and few images need it

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    return ImageCms.buildTransform(lab, srgb, "LAB", "RGB").apply(image)
