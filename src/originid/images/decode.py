"""Bytes or a path to an image: the only place that opens one.

An image is what a person would see: upright (EXIF orientation), over white where it is
transparent, the first frame where it moves, RGB in 8 bits. Colour profiles are ignored: a
generator sees the bare numbers and most edits lose the profile, so that converting would move
some origins away from their queries; it would also cost more than decoding a small photo.

Each format has one Pillow class, chosen by the first bytes and called directly. ``Image.open``
would try others (EPS starts ghostscript) and warn or fail by ``Image.MAX_IMAGE_PIXELS``, which
belongs to the process and not to this library. No state of Pillow is changed here, so that
threads may decode at the same time.
"""

import io
import math
import os
import re
import stat
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    ImageOps,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
from PIL import Image as Pillow
from PIL.ImageFile import ImageFile

from originid.errors import ImageError, InputError
from originid.images.pillow_modes import flat, rgb, working_memory
from originid.types import Image

PREPROCESSING = "squash-bilinear-1"
"""The name of what `decode` does when a size is asked for: it is part of every fingerprint."""

DRAFT_MARGIN = 2
"""A JPEG may be decoded at 1/2, 1/4 or 1/8 that leaves this many times the squashed size.

Worst of 13 photos of 3 to 18 megapixels squashed to 256 x 256, in grey levels of mean absolute
difference and correlation of gradient magnitudes: margin 1: 1.4, 0.989; margin 2: 0.6, 0.998;
margin 4: 0.2, 0.9997. Of the time for a whole image they take up to 0.4, 0.5 and 0.6.
"""


@dataclass(frozen=True)
class Limits:
    """What a file may cost; more than this is an ``ImageError``."""

    max_bytes: int = 640_000_000  # 3 bytes for each of max_pixels, uncompressed, and metadata
    max_pixels: int = 200_000_000  # the largest camera sensors; 0.8 GB decoded, at 4 bytes each
    max_seconds: float = 30.0  # 200 megapixels of PNG or JPEG take under 10 on a slow core

    def __post_init__(self) -> None:
        if min(self.max_bytes, self.max_pixels, self.max_seconds) <= 0:
            raise InputError(f"{self}", "expected limits above 0", "leave out what has no limit")


LIMITS = Limits()


@dataclass(frozen=True)
class Decoded:
    """An image and the size of the file's upright original.

    ``image`` is read-only uint8 RGB of shape (height, width, 3), or (size, size, 3) where a
    size was asked for; ``width`` and ``height`` are pixels of the original in both cases.
    """

    image: Image
    width: int
    height: int


ReserveMemory = Callable[[int], None]
"""Called with a number of bytes before they are needed; it may wait for them, or raise."""


def no_limit(size: int) -> None:
    """Reserve nothing: let every request through at once."""


def read_bytes(
    path: str | os.PathLike[str], limits: Limits = LIMITS, reserve: ReserveMemory = no_limit
) -> bytes:
    """Read a file whole, without ever waiting for a pipe or a device.

    Args:
        path: of a file.
        limits: what is refused.
        reserve: asked for the size of the file before it is read.

    Raises:
        ImageError: missing, unreadable, empty, larger than ``limits.max_bytes``, or not a
            regular file. Its text leaves out the path, which the caller has.
    """
    try:
        info = os.stat(path)
        if not stat.S_ISREG(info.st_mode):
            given = "a folder" if stat.S_ISDIR(info.st_mode) else "a pipe or a device"
            raise ImageError(given, "expected a regular file", "name a file")
        if not 0 < info.st_size <= limits.max_bytes:
            given = f"the file has {info.st_size:,} bytes"
            expected = f"expected 1 to {limits.max_bytes:,}"
            raise ImageError(given, expected, "fetch or save it anew")
        reserve(info.st_size)
        with open(path, "rb", opener=_open_at_once) as file:
            return file.read(info.st_size)
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        raise ImageError(os_reason(error), "expected a readable file", "check the path") from error


def _open_at_once(path: str, flags: int) -> int:
    """Open without waiting, even if the file has just been replaced by a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def os_reason(error: OSError | ValueError) -> str:
    """The operating system's reason in a few words."""
    return getattr(error, "strerror", None) or str(error)


def decode(
    data: bytes, size: int | None = None, limits: Limits = LIMITS, reserve: ReserveMemory = no_limit
) -> Decoded:
    """Decode an image file: JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF, and HEIC with its extra.

    A file that is cut short is an error, never an image with a grey rest. Damage inside a JPEG
    or a TIFF can go unnoticed: their decoders fill the hole.

    Time is checked whenever the decoder asks for bytes, which bounds JPEG, PNG, GIF and BMP to
    about 5 seconds more than ``limits.max_seconds`` (one block of 64 KiB of a JPEG made of
    empty scans). The others decode in one call: only ``limits.max_pixels`` bounds them.

    Args:
        data: the bytes of the file.
        size: None for the whole image; n to squash it (aspect ratio not kept) to n x n with an
            antialiased bilinear filter. JPEGs that are large enough are then decoded at reduced
            size: of photos, the result differs from that of the whole image by less than 1 grey
            level of 255 on average, and its gradient magnitudes correlate with at least 0.99.
            What is not a photo can differ more: white noise correlates with 0.9.
        limits: what is refused.
        reserve: asked, when the header is read and before any pixel is, for the memory that
            decoding and squashing take at most; a whole image takes 6 bytes a pixel more.

    Raises:
        ImageError: anything that is not a usable image, and whatever exceeds the limits.
    """
    kind = _kind(data)
    reader = _Reader(data, limits.max_seconds)
    with _image_errors(kind):
        opened = _KINDS[kind][1](reader)
        reader.allowance = math.inf
        width, height = opened.size
        if width * height > limits.max_pixels:
            given = f"the image has {width:,} x {height:,} pixels"
            expected = f"expected at most {limits.max_pixels:,} in all"
            raise ImageError(given, expected, "save it smaller or raise the limit")
        box = _draft(opened, size) if size else None
    reserve(working_memory(opened, width * height))
    reader.restart()
    with _image_errors(kind):
        opened.load()
        turn = _orientation(opened.info.get("exif") or b"")
        image = _squash(flat(opened), size, box, turn)
    if turn > 4:
        width, height = height, width
    return Decoded(image, width, height)


def lossless_file(image: Image | Pillow.Image) -> bytes:
    """The bytes of a file from which `decode` gives an image as it is.

    Args:
        image: a uint8 RGB array (h, w, 3), or an image of Pillow in any mode, which is turned
            upright by its EXIF data and flattened as a file's would be.

    Raises:
        InputError: an array of another type or shape, or something else.
    """
    if isinstance(image, Pillow.Image):
        picture = rgb(flat(ImageOps.exif_transpose(image)))
    elif isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.shape[2:] == (3,):
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


@contextmanager
def _image_errors(kind: str) -> Iterator[None]:
    try:
        yield
    except ImageError:
        raise
    except Exception as error:  # the per-image edge: bad bytes make Pillow raise nearly anything
        text = " ".join(str(error).split())[:200] or type(error).__name__
        given = f"a broken or unsupported {kind} file ({text})"
        raise ImageError(given, "expected a whole image", "fetch or save it anew") from error


Box = tuple[float, float, float, float]


def _draft(opened: ImageFile, size: int) -> Box | None:
    """Have a JPEG decoded at reduced size; return which part is the image, None for all of it."""
    if not isinstance(opened, _Jpeg):
        return None
    drafted = opened.draft(None, (DRAFT_MARGIN * size, DRAFT_MARGIN * size))
    return drafted[1] if drafted else None  # its last row and column may be less than whole


def _squash(image: Pillow.Image, size: int | None, box: Box | None, turn: int) -> Image:
    if size:
        image = image.resize((size, size), Pillow.Resampling.BILINEAR, box=box)
    if turn > 1:
        image = image.transpose(_TURNS[turn - 2])
    return np.asarray(rgb(image))


class _Reader(io.BytesIO):
    """The bytes of a file, while the time for decoding them lasts.

    ``allowance`` is how many more may be read. It holds while the header is parsed: in a TIFF
    of 0.5 MB, 5,000 fields can all point at the same 0.4 MB, and Pillow before 13 copies each.
    """

    def __init__(self, data: bytes, seconds: float) -> None:
        super().__init__(data)
        self.allowance: float = 2 * len(data) + 65536
        self._seconds = seconds
        self.restart()

    def restart(self) -> None:
        """Give it all of the time again."""
        self._deadline = time.monotonic() + self._seconds

    def read(self, size: int | None = -1, /) -> bytes:
        if time.monotonic() > self._deadline:
            given = f"decoding takes more than {self._seconds:g} seconds"
            raise ImageError(given, "expected a simpler image", "save it anew or raise the limit")
        got = super().read(size)
        self.allowance -= len(got)
        if self.allowance < 0:
            raise ImageError("a header that repeats itself", "expected an image", "save it anew")
        return got


class _Jpeg(JpegImagePlugin.JpegImageFile):
    def _open(self) -> None:
        # Where the density is known, Pillow leaves the EXIF block alone. Parsing it can take as
        # long as decoding a small photo, and warns about every camera that writes it wrongly.
        self.info["dpi"] = (72.0, 72.0)
        super()._open()


def _heif(file: io.BytesIO) -> ImageFile:
    try:
        from pillow_heif import HeifImageFile
    except ImportError as error:
        expected = "expected the extra [heic]: pip install 'originid[heic]'"
        raise ImageError("a HEIC image", expected, "install that or save it as JPEG") from error
    opened: ImageFile = HeifImageFile(file)
    return opened


_KINDS: dict[str, tuple[bytes, Callable[[io.BytesIO], ImageFile]]] = {
    "JPEG": (rb"\xff\xd8\xff", _Jpeg),
    "PNG": (rb"\x89PNG\r\n\x1a\n", PngImagePlugin.PngImageFile),
    "WebP": (rb"RIFF....WEBP", WebPImagePlugin.WebPImageFile),
    "GIF": (rb"GIF8[79]a", GifImagePlugin.GifImageFile),
    "BMP": (rb"BM", BmpImagePlugin.BmpImageFile),
    "TIFF": (rb"II[*+]\0|MM\0[*+]", TiffImagePlugin.TiffImageFile),
    "AVIF": (rb".{4}ftyp(.{4})*?avi[fs]", AvifImagePlugin.AvifImageFile),
    "HEIC": (rb".{4}ftyp(.{4})*?(hei[cmsx]|hev[cmsx]|mif1|msf1)", _heif),
}


def _kind(data: bytes) -> str:
    """The format that the first bytes announce."""
    head = data[:64]  # a container names the formats that it is compatible with up here
    for kind, (magic, _) in _KINDS.items():
        if re.match(magic, head, re.DOTALL):
            return kind
    given = f"not an image (it begins with {data[:8]!r})" if data else "the file is empty"
    raise ImageError(given, f"expected one of {', '.join(_KINDS)}", "save it in such a format")


_FLIPS = Pillow.Transpose
_TURNS = (  # for the orientations 2 to 8
    *(_FLIPS.FLIP_LEFT_RIGHT, _FLIPS.ROTATE_180, _FLIPS.FLIP_TOP_BOTTOM),
    *(_FLIPS.TRANSPOSE, _FLIPS.ROTATE_270, _FLIPS.TRANSVERSE, _FLIPS.ROTATE_90),
)


def _orientation(exif: bytes) -> int:
    """Orientation (1 to 8) that an EXIF block states; 1, upright, where it is absent or broken."""
    start = re.search(rb"II\*\0|MM\0\*", exif[:64])
    if not start:
        return 1
    block = exif[start.start() :]
    order = "<" if block.startswith(b"II") else ">"
    try:
        (first,) = struct.unpack_from(f"{order}I", block, 4)
        (count,) = struct.unpack_from(f"{order}H", block, first)
        for i in range(count):
            tag, value = struct.unpack_from(f"{order}H6xH", block, first + 2 + 12 * i)
            if tag == 0x0112:
                return int(value) if 1 <= value <= 8 else 1
    except struct.error:  # the block ends early
        pass
    return 1
