"""How much memory an image takes while it is decoded, as its header tells."""

from PIL.ImageFile import ImageFile

from originid.images.sixteen_bits import has_16_bits
from originid.images.tiff import Tiff

# Bytes of memory per pixel, measured as the peak of the process at 12 megapixels.
_BYTES_PER_PIXEL = {"1": 2, "L": 2, "RGB": 5, "YCbCr": 5, "P": 9, "I;16": 7, "I": 13, "F": 13}
_OTHER_MODES = 13  # bytes for modes that have a mask, are converted, or have 16 bits of grey
_BOTH_BYTES = 14  # bytes for colours of 16 bits, if the lower byte matters
_OTHER_DECODERS = 12  # bytes on top, for the frames that libwebp, libavif and libheif hold


def working_memory(opened: ImageFile, pixels: int) -> int:
    """Return the number of bytes that decoding and squashing an image take at most.

    Args:
        opened: the image, of which only the header is read yet. A JPEG may be set to be decoded at
            a reduced size.
        pixels: the number of pixels of the whole image.
    """
    if isinstance(opened, Tiff):
        return opened.memory
    width, height = opened.size
    each = _BYTES_PER_PIXEL.get(opened.mode, _OTHER_MODES)
    if has_16_bits(opened):
        each = _BOTH_BYTES
    if opened.format in ("WEBP", "AVIF", "HEIF"):
        each += _OTHER_DECODERS
    memory = width * height * each
    if opened.info.get("progressive"):  # libjpeg holds all coefficients, 16 bits each
        memory += pixels * 2 * len(opened.getbands())
    return memory
