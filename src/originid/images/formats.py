"""The image formats that are read: how their first bytes look, and which class decodes them."""

import io
import re
from collections.abc import Callable

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
from PIL.ImageFile import ImageFile

from originid.errors import ImageError

HEAD = 64  # bytes; a container lists the formats that it is compatible with at its start


class Jpeg(JpegImagePlugin.JpegImageFile):
    """Pillow's JPEG decoder, which leaves the EXIF block unread."""

    def _open(self) -> None:
        # Pillow parses the EXIF block to find the density, unless the density is known. Parsing
        # can take as long as decoding a small photo, and warns about every camera that writes the
        # block wrongly. Nothing here uses the density, so 72 stands for any.
        self.info["dpi"] = (72.0, 72.0)
        super()._open()


def open_heif(file: io.BytesIO) -> ImageFile:
    """Open a HEIC image, which needs an optional package.

    Args:
        file: the bytes of the image file.

    Raises:
        ImageError: if the package is not installed.
    """
    try:
        from pillow_heif import HeifImageFile
    except ImportError as error:
        expected = "expected the extra [heic]: pip install 'originid[heic]'"
        raise ImageError("a HEIC image", expected, "install that or save it as JPEG") from error
    opened: ImageFile = HeifImageFile(file)
    return opened


FORMATS: dict[str, tuple[bytes, Callable[[io.BytesIO], ImageFile]]] = {
    "JPEG": (rb"\xff\xd8\xff", Jpeg),
    "PNG": (rb"\x89PNG\r\n\x1a\n", PngImagePlugin.PngImageFile),
    "WebP": (rb"RIFF....WEBP", WebPImagePlugin.WebPImageFile),
    "GIF": (rb"GIF8[79]a", GifImagePlugin.GifImageFile),
    "BMP": (rb"BM", BmpImagePlugin.BmpImageFile),
    "TIFF": (rb"II[*+]\0|MM\0[*+]", TiffImagePlugin.TiffImageFile),
    "AVIF": (rb".{4}ftyp(.{4})*?avi[fs]", AvifImagePlugin.AvifImageFile),
    "HEIC": (rb".{4}ftyp(.{4})*?(hei[cmsx]|hev[cmsx]|mif1|msf1)", open_heif),
}
"""Each format by its name: a pattern of its first bytes, and what opens it."""


def find_format(data: bytes) -> str:
    """Tell the format of an image file by its first bytes.

    Args:
        data: the bytes of the file.

    Returns:
        A key of `FORMATS`.

    Raises:
        ImageError: if the file is empty, or begins like none of these formats.
    """
    for name, (pattern, _) in FORMATS.items():
        if re.match(pattern, data[:HEAD], re.DOTALL):
            return name
    given = f"not an image (it begins with {data[:8]!r})" if data else "the file is empty"
    raise ImageError(given, f"expected one of {', '.join(FORMATS)}", "save it in such a format")
