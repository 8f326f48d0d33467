"""The image formats that are read: how their first bytes look, and which class decodes them."""

import io
import re
from collections.abc import Callable

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    PngImagePlugin,
    WebPImagePlugin,
)
from PIL.ImageFile import ImageFile

from originid.errors import ImageError
from originid.images.jpeg import Jpeg, needed_segments
from originid.images.png import needed_chunks
from originid.images.raw import preview, raw_orientation
from originid.images.tiff import open_tiff

HEAD = 64  # bytes; a container lists the formats that it is compatible with at its start
# Canon's three, Fujifilm, Olympus's three, Panasonic, Minolta, Sigma. Others begin as TIFF.
RAW = rb"II\*\0.{4}CR|.{4}ftypcrx |II.{4}HEAPCCDR|FUJIFILMCCD-RAW|IIR[OS]|MMOR|IIU\0|\0MRM|FOVb"


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
    "RAW": (RAW, Jpeg),
    "TIFF": (rb"II[*+]\0|MM\0[*+]", open_tiff),
    "AVIF": (rb".{4}ftyp(.{4})*?avi[fs]", AvifImagePlugin.AvifImageFile),
    "HEIC": (rb".{4}ftyp(.{4})*?(hei[cmsx]|hev[cmsx]|mif1|msf1)", open_heif),
}
"""Each format by its name: a pattern of its first bytes, and what opens its `picture_bytes`."""


def picture_bytes(kind: str, data: bytes) -> tuple[str, bytes]:
    """Leave out what does not belong to the picture of a file.

    Args:
        kind: a key of `FORMATS`.
        data: the bytes of a file of this format.

    Returns:
        The format and the bytes of the picture: of a RAW photo they are those of the JPEG in it.

    Raises:
        ImageError: if the file is a RAW photo without a JPEG, or a JPEG of very many scans.
    """
    if kind == "JPEG":
        return kind, needed_segments(data)
    if kind == "PNG":
        return kind, needed_chunks(data)
    turn = raw_orientation(kind, data) if kind in ("RAW", "TIFF") else None
    return (kind, data) if turn is None else ("JPEG", needed_segments(preview(data, turn)))


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
