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

import errno
import os
import stat
from collections.abc import Callable

from originid.errors import ImageError, TooLargeError
from originid.images.apart import decode_apart, is_slow
from originid.images.formats import find_format, picture_bytes
from originid.images.limits import LIMITS, Limits
from originid.images.opened import Decoded, OpenedImage, image_errors
from originid.images.working_memory import working_memory
from originid.system.addresses import is_url

PREPROCESSING = "squash-bilinear-1"
"""The name of how `decode` squashes an image to a size. Every model's fingerprint has it."""


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
            if stat.S_ISDIR(info.st_mode) and not os.access(path, os.R_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            raise ImageError(given, "expected a regular file", "name a file")
        if not 0 < info.st_size <= limits.max_bytes:
            given = f"the file has {info.st_size:,} bytes"
            expected = f"expected 1 to {limits.max_bytes:,}"
            raise ImageError(given, expected, "fetch or save it anew")
        reserve(info.st_size)
        with open(path, "rb", opener=_open_at_once) as file:
            return file.read(info.st_size)
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        if is_url(os.fsdecode(path)):
            given, expected = "an address, from which nothing is fetched here", "expected a file"
            raise ImageError(given, expected, "download the picture first") from error
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


def read_size(data: bytes, limits: Limits = LIMITS) -> tuple[int, int]:
    """The width and the height in pixels that the header of an image file says, as it is stored.

    Args:
        data: the bytes of the file.
        limits: the limits above which a file is refused.

    Raises:
        TooLargeError: the image has more pixels.
        ImageError: the bytes are not an image.
    """
    kind, data = picture_bytes(find_format(data), data)
    with image_errors(kind):
        opened = OpenedImage(kind, data, None, limits)
    return opened.width, opened.height


def decode(
    data: bytes, size: int | None = None, limits: Limits = LIMITS, reserve: ReserveMemory = no_limit
) -> Decoded:
    """Decode an image file: JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF, RAW, and HEIC with its extra.

    A JPEG that lacks its last bytes is decoded as viewers do: what is missing is grey, and the note
    says how much that is. It is refused if more than half is missing, as is a file of any other
    format that is cut short. Damage inside a JPEG or a TIFF can go unnoticed, because their
    decoders fill the hole.

    The time is checked whenever the decoder asks for bytes. TIFF, WebP, AVIF and HEIC decode in one
    call; a large one is therefore decoded in a process of its own, which is ended when the time is
    up, and which may take no more memory than its header says.

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
    with image_errors(kind):
        kind, data = picture_bytes(kind, data)
        opened = OpenedImage(kind, data, size, limits)
    pixels = opened.width * opened.height
    memory = working_memory(opened.file, pixels)
    if memory > limits.max_memory:
        given = f"decoding the image takes {memory / 1e9:.1f} GB of memory"
        expected = f"expected at most {limits.max_memory / 1e9:g} GB"
        raise TooLargeError(given, expected, "save it smaller, or as JPEG, or raise the limit")
    reserve(memory)
    if is_slow(opened.file, pixels, len(data)):
        return decode_apart(kind, data, size, limits, memory)
    with image_errors(kind):
        return opened.decode()
