"""Turns bytes or a path into an image. This is the only place that opens an image.

An image is what a person would see: it is upright (by the EXIF orientation), in front of white
where it is transparent, the first frame that is not blank if it moves, the preview if it is a RAW
photo, and RGB with 8 bits a colour. Colour profiles are ignored. A generator sees the bare numbers,
and most edits lose the profile, so a conversion would move some origins away from their queries. It
would also take longer than to decode a small photo.

The first bytes of a file choose one class of Pillow, which is then called directly. ``Image.open``
is not used: it would try further formats (for EPS it starts ghostscript), and it warns or fails by
``Image.MAX_IMAGE_PIXELS``, a setting of the whole process. No state of Pillow is changed here, so
several threads may decode at the same time.
"""

import math
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image as Pillow
from PIL.ImageFile import ImageFile

from originid.errors import ImageError, InputError
from originid.images.bounded_bytes import BoundedBytes
from originid.images.formats import FORMATS, find_format, picture_bytes
from originid.images.frames import is_blank, later_frames, moves
from originid.images.jpeg import END, Jpeg, missing_rows
from originid.images.orientation import TURNS, orientation
from originid.images.pillow_modes import flat, rgb, working_memory
from originid.images.sixteen_bits import are_upper_bytes_low, both_bytes, has_16_bits
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

MOST_MISSING = 0.5  # of the rows of a JPEG that is cut short; viewers show what is there


@dataclass(frozen=True)
class Decoded:
    """A decoded image, and the size that it has in its file.

    Args:
        image: a read-only uint8 RGB array of shape (height, width, 3), or (size, size, 3) if a
            size was asked for.
        width: the width of the whole upright image in pixels.
        height: the height of the whole upright image in pixels.
        note: what a person should know of the file, such as that its last rows are missing; empty
            for nearly all files.
    """

    image: Image
    width: int
    height: int
    note: str = ""


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
    """Decode an image file: JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF, RAW, and HEIC with its extra.

    A JPEG that lacks its last bytes is decoded as viewers do: what is missing is grey, and the note
    says how much that is. It is refused if more than half is missing, as is a file of any other
    format that is cut short. Damage inside a JPEG or a TIFF can go unnoticed, because their
    decoders fill the hole.

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
    kind, data = picture_bytes(find_format(data), data)
    with _image_errors(kind):
        opened = _Opened(kind, data, size, limits)
    reserve(working_memory(opened.file, opened.width * opened.height))
    with _image_errors(kind):
        return opened.decode()


class _Opened:
    """A file of which only the header is read yet."""

    def __init__(self, kind: str, data: bytes, size: int | None, limits: Limits) -> None:
        self._kind, self._data, self._size, self._limits = kind, data, size, limits
        self._reader = BoundedBytes(data, limits.max_seconds, 2 * len(data) + 65536)
        self.file = FORMATS[kind][1](self._reader)
        self._reader.allowance = math.inf
        self.width, self.height = self.file.size
        if self.width * self.height > limits.max_pixels:
            given = f"the image has {self.width:,} x {self.height:,} pixels"
            expected = f"expected at most {limits.max_pixels:,} in all"
            raise ImageError(given, expected, "save it smaller or raise the limit")
        self._box = _draft(self.file, size) if size else None

    def decode(self) -> Decoded:
        """Decode the pixels, and bring them into the shape that was asked for."""
        self._reader.restart()
        upper_bytes = has_16_bits(self.file)
        try:
            self.file.load()
        except OSError as error:
            if self._kind != "JPEG" or self._data.endswith(END) or "truncat" not in str(error):
                raise
            return self._without_its_end()
        turn, picture = orientation(self.file), flat(self.file)
        if upper_bytes and are_upper_bytes_low(self.file):
            self._reader.seek(0)
            picture = flat(both_bytes(self.file, FORMATS[self._kind][1](self._reader)))
        image = self._shaped(picture, turn)
        if moves(self.file) and is_blank(image):
            frames = (self._shaped(flat(frame), turn) for frame in later_frames(self.file))
            image = next((frame for frame in frames if not is_blank(frame)), image)
        turned = turn > 4
        width, height = (self.height, self.width) if turned else (self.width, self.height)
        return Decoded(image, width, height)

    def _without_its_end(self) -> Decoded:
        """Decode a JPEG that is cut short: with an end, the decoder fills what is missing."""
        whole = _Opened(self._kind, self._data + END, self._size, self._limits)
        decoded = whole.decode()
        missing = missing_rows(whole.file)
        if missing > MOST_MISSING:
            given = f"the file is cut short, and {missing:.0%} of the image is missing"
            raise ImageError(given, "expected a whole image", "fetch or save it anew")
        grey = f"{missing:.0%} of the rows are grey" if missing else "no row is missing"
        return replace(decoded, note=f"the file is cut short: {grey}")

    def _shaped(self, image: Pillow.Image, turn: int) -> Image:
        if self._size:
            square, bilinear = (self._size, self._size), Pillow.Resampling.BILINEAR
            image = image.resize(square, bilinear, box=self._box)
        if turn in TURNS:
            image = image.transpose(TURNS[turn])
        return np.asarray(rgb(image))


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
