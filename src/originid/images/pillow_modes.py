"""What Pillow decodes to, in any of its modes, to 8 bits of grey or RGB without transparency."""

import numpy as np
from PIL import Image as Pillow
from PIL.ImageFile import ImageFile

_BYTES_PER_PIXEL = {"1": 2, "L": 2, "RGB": 5, "YCbCr": 5, "P": 9, "I": 40, "F": 40}
_OTHER_MODES = 13  # of what has a mask, is converted, or has 16 bits
_OTHER_DECODERS = 12  # more, for the frames of libwebp, libavif and libheif


def working_memory(opened: ImageFile, pixels: int) -> int:
    """Bytes that decoding and squashing take at most, measured at 12 megapixels of each kind.

    Args:
        opened: not loaded yet; a JPEG may be set to be decoded at reduced size.
        pixels: of the whole image.
    """
    width, height = opened.size
    each = _BYTES_PER_PIXEL.get(opened.mode, _OTHER_MODES)
    if opened.format in ("WEBP", "AVIF", "HEIF"):
        each += _OTHER_DECODERS
    memory = width * height * each
    if opened.info.get("progressive"):  # libjpeg keeps 16 bits of each coefficient
        memory += pixels * 2 * len(opened.getbands())
    return memory


def flat(image: Pillow.Image) -> Pillow.Image:
    """Any mode to RGB, or to L, which is the same with a third of the work."""
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
    """Any mode without transparency to RGB; the image itself where it is."""
    return image if image.mode == "RGB" else image.convert("RGB")  # which would copy


def _from_16_bits(image: Pillow.Image) -> Pillow.Image:
    """The upper byte, as Pillow takes of 16-bit RGB."""
    values = np.asarray(image)
    grey = (values >> 8).astype(np.uint8)
    grey[values == image.info.get("transparency", -1)] = 255
    return Pillow.fromarray(grey)


def _stretched(image: Pillow.Image) -> Pillow.Image:
    """32-bit integers and floats have no agreed range: the image's own becomes 0 to 255."""
    values = np.asarray(image, np.float64)
    finite = values[np.isfinite(values)]
    low, high = finite.min(), finite.max()
    inside = np.clip(np.nan_to_num(values, nan=low), low, high)
    return Pillow.fromarray(((inside - low) * (255 / ((high - low) or 1))).astype(np.uint8))


def _from_lab(image: Pillow.Image) -> Pillow.Image:
    from PIL import ImageCms  # optional in Pillow, and rarely needed

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    return ImageCms.buildTransform(lab, srgb, "LAB", "RGB").apply(image)
