"""Turns bytes or a path into an image. This is the only place that opens an image.

An image is what a person would see: it is upright (by the EXIF orientation), in front of white
where it is transparent, the first frame if it moves, and RGB with 8 bits a colour. Colour profiles
are ignored. A generator sees the bare numbers, and most edits lose the profile, so a conversion
would move some origins away from their queries. It would also take longer than to decode a small
photo.

The first bytes of a file choose one class of Pillow, which is then called directly. ``Image.open``
is not used: it would try further formats (for EPS it starts ghostscript), and it warns or fails by
``Image.MAX_IMAGE_PIXELS``, a setting of the whole process. No state of Pillow is changed here, so
several threads may decode at the same time.
"""

import io
import math
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from PIL import Image as Pillow
from PIL.ImageFile import ImageFile

from originid.errors import ImageError, InputError
from originid.images.exif import TURNS, orientation
from originid.images.formats import FORMATS, Jpeg, find_format
from originid.images.pillow_modes import flat, rgb, working_memory
from originid.types import Image

PREPROCESSING = "squash-bilinear-1"
"""The name of how `decode` squashes an image to a size. Every model's fingerprint has it."""

DRAFT_MARGIN = 2
"""A large JPEG is decoded at 1/2, 1/4 or 1/8 of its size, if this many times the side remains.

A bigger margin is slower and nearer to the whole image. The worst of 13 photos of 3 to 18
megapixels, squashed to 256 x 256, differed from the whole image by this much:

====== ======================== ===================== ===========================
margin mean difference (of 255) correlation of edges  time (of the whole image's)
====== ======================== ===================== ===========================
1      1.4                      0.989                 up to 0.4
2      0.6                      0.998                 up to 0.5
4      0.2                      0.9997                up to 0.6
====== ======================== ===================== ===========================
"""


@dataclass(frozen=True)
class Limits:
    """How much one image file may cost. A file that costs more is refused with an `ImageError`.

    Args:
        max_bytes: the largest size of the file in bytes, above 0. The default is 3 bytes for each
            of the largest number of pixels, which a file without compression has, and metadata.
        max_pixels: the largest number of pixels, above 0. The default is that of the largest
            camera sensors; they take 0.8 GB when they are decoded, at 4 bytes a pixel.
        max_seconds: the longest time for decoding, in seconds, above 0. By default it is 30; 200
            megapixels of PNG or JPEG take less than 10 on a slow core.

    Raises:
        InputError: if a limit is not above 0.
    """

    max_bytes: int = 640_000_000
    max_pixels: int = 200_000_000
    max_seconds: float = 30.0

    def __post_init__(self) -> None:
        if min(self.max_bytes, self.max_pixels, self.max_seconds) <= 0:
            raise InputError(f"{self}", "expected limits above 0", "leave out what has no limit")


LIMITS = Limits()


@dataclass(frozen=True)
class Decoded:
    """A decoded image, and the size that it has in its file.

    Args:
        image: a read-only uint8 RGB array of shape (height, width, 3), or (size, size, 3) if a
            size was asked for.
        width: the width of the whole upright image in pixels.
        height: the height of the whole upright image in pixels.
    """

    image: Image
    width: int
    height: int


ReserveMemory = Callable[[int], None]
"""A function that is called with a number of bytes before so much memory is needed.

It returns when the memory may be used: it may wait for that, or raise to refuse it.
"""


def no_limit(size: int) -> None:
    """Allow every request for memory at once, and remember none.

    Args:
        size: the number of bytes that are asked for.
    """


def read_bytes(
    path: str | os.PathLike[str], limits: Limits = LIMITS, reserve: ReserveMemory = no_limit
) -> bytes:
    """Read a whole file. Pipes and devices are refused, because reading them may never end.

    Args:
        path: the path of a regular file.
        limits: the limits of a file; only ``max_bytes`` is used here.
        reserve: called with the size of the file in bytes before the file is read.

    Raises:
        ImageError: if the file is missing, unreadable, empty, too large, or not a regular file.
            The text of the error leaves out the path, which the caller knows.
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
    """Open a file without waiting, even if a pipe has just taken the place of the file."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def os_reason(error: OSError | ValueError) -> str:
    """Return in a few words why the operating system refused.

    Args:
        error: what ``open`` or ``stat`` raised; a ``ValueError`` is about the path.
    """
    return getattr(error, "strerror", None) or str(error)


def decode(
    data: bytes, size: int | None = None, limits: Limits = LIMITS, reserve: ReserveMemory = no_limit
) -> Decoded:
    """Decode an image file: JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF, and HEIC with its extra.

    A file that is cut short raises an error; it never becomes an image whose rest is grey. Damage
    inside a JPEG or a TIFF can go unnoticed, because their decoders fill the hole.

    The time is checked whenever the decoder asks for bytes. For JPEG, PNG, GIF and BMP it can
    therefore exceed ``limits.max_seconds`` by about 5 seconds, which one block of 64 KiB of a JPEG
    takes that consists of empty scans. The other formats decode in one call, so only
    ``limits.max_pixels`` bounds their time.

    Args:
        data: the bytes of the file.
        size: None to get the whole image, or the side n, in pixels, to squash the image to n x n.
            Squashing does not keep the aspect ratio; its filter is bilinear and antialiased. A
            large JPEG is then decoded at a reduced size. For photos, the result differs from that
            of the whole image by less than 1 grey level of 255 on average, and its gradient
            magnitudes correlate by at least 0.99. For other images the difference can be larger:
            white noise correlates by 0.9.
        limits: the limits above which a file is refused.
        reserve: called once, after the header is read and before any pixel is decoded, with the
            number of bytes that decoding and squashing take at most. Without ``size`` the result
            takes 6 bytes a pixel more.

    Raises:
        ImageError: if the bytes are not a usable image, or exceed the limits.
    """
    kind = find_format(data)
    reader = _Reader(data, limits.max_seconds)
    with _image_errors(kind):
        opened = FORMATS[kind][1](reader)
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
        turn = orientation(opened.info.get("exif") or b"")
        image = _squash(flat(opened), size, box, turn)
    if turn > 4:
        width, height = height, width
    return Decoded(image, width, height)


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
    """Set a JPEG to be decoded at a reduced size.

    Returns:
        The box (left, top, right, bottom) of the reduced image that the image fills, in pixels
        and parts of pixels. None means all of it.
    """
    if not isinstance(opened, Jpeg):
        return None
    drafted = opened.draft(None, (DRAFT_MARGIN * size, DRAFT_MARGIN * size))
    # A side that 8 does not divide leaves a last row or column that is only partly image.
    return drafted[1] if drafted else None


def _squash(image: Pillow.Image, size: int | None, box: Box | None, turn: int) -> Image:
    if size:
        image = image.resize((size, size), Pillow.Resampling.BILINEAR, box=box)
    if turn in TURNS:
        image = image.transpose(TURNS[turn])
    return np.asarray(rgb(image))


class _Reader(io.BytesIO):
    """The bytes of a file, which can be read only while the time for decoding lasts.

    ``allowance`` is the number of bytes that may still be read. It matters while the header is
    parsed: in a TIFF of 0.5 MB, 5,000 fields can all point at the same 0.4 MB, and Pillow before
    version 13 copies the bytes for each of them.

    Args:
        data: the bytes of the file.
        seconds: the time for each step, the header and the pixels, in seconds.
    """

    def __init__(self, data: bytes, seconds: float) -> None:
        super().__init__(data)
        self.allowance: float = 2 * len(data) + 65536
        self._seconds = seconds
        self.restart()

    def restart(self) -> None:
        """Start the time anew."""
        self._deadline = time.monotonic() + self._seconds

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as any file does.

        Args:
            size: the number of bytes to read; -1 or None reads the rest.

        Raises:
            ImageError: if the time or the allowance is used up.
        """
        if time.monotonic() > self._deadline:
            given = f"decoding takes more than {self._seconds:g} seconds"
            raise ImageError(given, "expected a simpler image", "save it anew or raise the limit")
        got = super().read(size)
        self.allowance -= len(got)
        if self.allowance < 0:
            raise ImageError("a header that repeats itself", "expected an image", "save it anew")
        return got
