"""Bytes or a path to an image: the only place that opens one.

An image is what a person would see: upright (EXIF orientation), over white where it is
transparent, the first frame where it moves, RGB in 8 bits. Colour profiles are ignored: a
generator sees the bare numbers and most edits lose the profile, so that converting would move
some origins away from their queries; and it would cost more than decoding a small photo.

Each format has one Pillow class, chosen by the first bytes and called directly. ``Image.open``
would try others (EPS starts ghostscript) and warn or fail by ``Image.MAX_IMAGE_PIXELS``, which
belongs to the process and not to this library. No state of Pillow is read or set here, so that
threads may decode at the same time.
"""

import io
import math
import os
import re
import stat
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
from PIL import Image as pil
from PIL.ImageFile import ImageFile

from originid.errors import ImageError, InputError
from originid.types import Failure, Image

IMAGE_SUFFIXES: frozenset[str] = frozenset(
    ".jpg .jpeg .jpe .jfif .png .apng .webp .gif .bmp .tif .tiff .avif .heic .heif .hif".split()
)
"""Suffixes, in lower case, of the files that are taken from a folder."""

DRAFT_MARGIN = 2
"""A JPEG may be decoded at 1/2, 1/4 or 1/8 that leaves this many times the squashed size.

On 13 photos of 3 to 18 megapixels squashed to 256 x 256: margin 1 differs by up to 1.4 grey
levels on average and 0.989 in the correlation of gradient magnitudes; margin 2 by 0.6 and 0.998
for the time of margin 1 and a sixth; margin 4 by 0.2 and 0.9997 for half as much time again.
"""


@dataclass(frozen=True)
class Limits:
    """What a file may cost; more than this is an ``ImageError``."""

    max_bytes: int = 640_000_000  # 3 bytes for each of max_pixels, uncompressed, and metadata
    max_pixels: int = 200_000_000  # the largest camera sensors; 0.8 GB decoded, at 4 bytes each
    max_seconds: float = 30.0  # of processor time; 200 megapixels of PNG or JPEG take under 10

    def __post_init__(self) -> None:
        if min(self.max_bytes, self.max_pixels, self.max_seconds) <= 0:
            raise InputError(f"{self}", "every limit above 0", "leave a limit at its default")


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


def read_bytes(path: str | os.PathLike[str], limits: Limits = LIMITS) -> bytes:
    """Read a file whole, without ever waiting for a pipe or a device.

    Raises:
        ImageError: missing, unreadable, empty, larger than ``limits.max_bytes``, or not a
            regular file. The text leaves out the path, which its caller has.
    """
    try:
        info = os.stat(path)
        _check_regular(info, limits)
        with open(path, "rb", opener=_open_at_once) as file:
            data = file.read(info.st_size)
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        reason = getattr(error, "strerror", None) or str(error)
        raise ImageError(reason, "expected a readable file", "check the path") from error
    return data


def _open_at_once(path: str, flags: int) -> int:
    """Open even if the file has become a pipe since it was looked at."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _check_regular(info: os.stat_result, limits: Limits) -> None:
    if stat.S_ISDIR(info.st_mode):
        raise ImageError("a folder", "expected a file", "name the files in it")
    if not stat.S_ISREG(info.st_mode):
        raise ImageError("a pipe or a device", "expected a regular file", "save it as a file")
    if info.st_size == 0:
        raise ImageError("the file is empty", "expected an image", "fetch it again")
    if info.st_size > limits.max_bytes:
        given = f"the file has {info.st_size:,} bytes"
        expected = f"expected at most {limits.max_bytes:,}"
        raise ImageError(given, expected, "save it smaller or raise the limit")


def decode(data: bytes, size: int | None = None, limits: Limits = LIMITS) -> Decoded:
    """Decode an image file: JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF, and HEIC with its extra.

    A file that is cut short is an error, never an image with a grey rest. A JPEG whose middle
    is damaged cannot be told from a sound one: its decoder fills the hole.

    Time is checked whenever the decoder asks for bytes, which bounds JPEG, PNG, GIF and BMP to
    about 5 seconds more than ``limits.max_seconds`` (one block of 64 KiB of a JPEG made of
    empty scans). The others decode in one call: only ``limits.max_pixels`` bounds them.

    Args:
        data: the bytes of the file.
        size: None for the whole image; n to squash it (aspect ratio not kept) to n x n with an
            antialiased bilinear filter. JPEGs that are large enough are then decoded at reduced
            size: of photos, the result differs from that of the whole image by less than 1 grey
            level of 255 on average, and its gradient magnitudes correlate with at least 0.99.
            Images that are not photos can differ more: white noise correlates with 0.9.

    Raises:
        ImageError: anything that is not a usable image, and whatever exceeds the limits.
    """
    kind = _kind(data)
    try:
        reader = _Reader(data, limits.max_seconds)
        opened = _OPENERS[kind](reader)
        reader.allowance = math.inf
        return _decode(opened, size, limits)
    except ImageError:
        raise
    except Exception as error:  # the per-image edge: bad bytes make Pillow raise nearly anything
        text = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        given = f"a broken or unsupported {kind} file ({text})"
        raise ImageError(given, "expected a whole image", "fetch it again") from error


def _decode(opened: ImageFile, size: int | None, limits: Limits) -> Decoded:
    width, height = opened.size
    if width * height > limits.max_pixels:
        given = f"the image has {width:,} x {height:,} pixels"
        expected = f"expected at most {limits.max_pixels:,} in all"
        raise ImageError(given, expected, "save it smaller or raise the limit")
    box = None
    if size and isinstance(opened, _Jpeg):
        drafted = opened.draft(None, (DRAFT_MARGIN * size, DRAFT_MARGIN * size))
        box = drafted[1] if drafted else None  # its last row and column may be less than whole
    opened.load()
    turn = _orientation(opened.info.get("exif", b""))
    flat = _flat(opened)
    if size:
        flat = flat.resize((size, size), pil.Resampling.BILINEAR, box=box)
    if turn in _TRANSPOSE:
        flat = flat.transpose(_TRANSPOSE[turn])
    if turn >= 5:
        width, height = height, width
    return Decoded(np.asarray(flat.convert("RGB")), width, height)


class _Reader(io.BytesIO):
    """The bytes of a file, while the time of the thread that decodes them lasts.

    ``allowance`` is how many more may be read. It holds while the header is parsed: in a TIFF
    of 0.5 MB, 5,000 fields can all point at the same 0.4 MB, and some Pillows copy each.
    """

    def __init__(self, data: bytes, seconds: float) -> None:
        super().__init__(data)
        self.allowance: float = 2 * len(data) + 65536
        self._seconds = seconds
        self._deadline = time.thread_time() + seconds

    def read(self, size: int | None = -1, /) -> bytes:
        if time.thread_time() > self._deadline:
            given = f"decoding takes more than {self._seconds:g} seconds"
            raise ImageError(given, "expected a simple image", "save it anew or raise the limit")
        got = super().read(size)
        self.allowance -= len(got)
        if self.allowance < 0:
            given = "the header of the image repeats itself"
            raise ImageError(given, "expected a simple image", "save it anew")
        return got


class _Jpeg(JpegImagePlugin.JpegImageFile):
    def _open(self) -> None:
        # Where the density is known, Pillow leaves the EXIF block alone. Parsing it takes longer
        # than decoding a small photo and warns about every camera that writes it wrongly.
        self.info["dpi"] = (72.0, 72.0)
        super()._open()


def _heif(file: io.BytesIO) -> ImageFile:
    try:
        from pillow_heif import HeifImageFile
    except ImportError as error:
        expected = "HEIC needs pip install 'originid[heic]'"
        raise ImageError("a HEIC image", expected, "install that or save it as JPEG") from error
    opened: ImageFile = HeifImageFile(file)
    return opened


_OPENERS: dict[str, Callable[[io.BytesIO], ImageFile]] = {
    "JPEG": _Jpeg,
    "PNG": PngImagePlugin.PngImageFile,
    "WebP": WebPImagePlugin.WebPImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "AVIF": AvifImagePlugin.AvifImageFile,
    "HEIC": _heif,
}
_MAGIC = {
    "JPEG": rb"\xff\xd8\xff",
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "WebP": rb"RIFF....WEBP",
    "GIF": rb"GIF8[79]a",
    "BMP": rb"BM",
    "TIFF": rb"II[*+]\0|MM\0[*+]",
    "AVIF": rb".{4}ftyp(.{4})*?avi[fs]",
    "HEIC": rb".{4}ftyp(.{4})*?(hei[cmsx]|hev[cmsx]|mif1|msf1)",
}


def _kind(data: bytes) -> str:
    """The format that the first bytes announce."""
    head = data[:64]  # a container names the formats that it is compatible with up here
    for kind, magic in _MAGIC.items():
        if re.match(magic, head, re.DOTALL):
            return kind
    *most, last = _MAGIC
    given = f"not an image (it begins with {data[:8]!r})" if data else "the file is empty"
    raise ImageError(given, f"expected {', '.join(most)} or {last}", "save it in such a format")


_TRANSPOSE = {
    2: pil.Transpose.FLIP_LEFT_RIGHT,
    3: pil.Transpose.ROTATE_180,
    4: pil.Transpose.FLIP_TOP_BOTTOM,
    5: pil.Transpose.TRANSPOSE,
    6: pil.Transpose.ROTATE_270,
    7: pil.Transpose.TRANSVERSE,
    8: pil.Transpose.ROTATE_90,
}


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
            tag, short = struct.unpack_from(f"{order}H6xH", block, first + 2 + 12 * i)
            if tag == 0x0112:
                return int(short) if 1 <= short <= 8 else 1
    except struct.error:  # the block ends early
        pass
    return 1


def _flat(image: pil.Image) -> pil.Image:
    """Any mode to RGB, or to L, which is the same with a third of the work."""
    if image.mode.startswith("I;16"):
        return _from_16_bits(image)
    if image.mode in ("I", "F"):
        return _stretched(image)
    if image.mode == "LAB":
        return _from_lab(image)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = pil.new("RGB", image.size, "white")
        white.paste(rgba, mask=rgba)
        return white
    return image if image.mode in ("L", "RGB") else image.convert("RGB")


def _from_16_bits(image: pil.Image) -> pil.Image:
    """The upper byte, as Pillow takes of 16-bit RGB."""
    values = np.asarray(image)
    grey = (values >> 8).astype(np.uint8)
    grey[values == image.info.get("transparency", -1)] = 255
    return pil.fromarray(grey)


def _stretched(image: pil.Image) -> pil.Image:
    """32-bit integers and floats have no agreed range: the image's own becomes 0 to 255."""
    values = np.asarray(image, np.float64)
    finite = values[np.isfinite(values)]
    low, high = finite.min(), finite.max()
    inside = np.clip(np.nan_to_num(values, nan=low), low, high)
    return pil.fromarray(((inside - low) * (255 / ((high - low) or 1))).astype(np.uint8))


def _from_lab(image: pil.Image) -> pil.Image:
    from PIL import ImageCms  # optional in Pillow, and rarely needed

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
    return converted or image


def find_images(
    paths: Sequence[str | os.PathLike[str]], on_failure: Callable[[Failure], None]
) -> Iterator[str]:
    """Paths of the image files under ``paths``, depth first and sorted by name.

    A path that names a file is yielded whatever its suffix. In folders, files without a suffix
    of ``IMAGE_SUFFIXES`` and whatever begins with a dot are passed over; symbolic links are
    followed, but under each given path a folder is entered once and a file yielded once. A path
    begins as it was given; bytes that are not UTF-8 are kept by surrogateescape.

    Args:
        on_failure: called with each path that is missing, cannot be listed or is a broken link.
    """
    for path in paths:
        try:
            top = os.fsdecode(path)
            is_folder = stat.S_ISDIR(os.stat(top).st_mode)
        except (OSError, ValueError) as error:
            on_failure(_failure(os.fsdecode(path), error))
            continue
        if is_folder:
            yield from _walk(top, on_failure)
        else:
            yield top


def _failure(path: str, error: OSError | ValueError) -> Failure:
    return Failure(path, getattr(error, "strerror", None) or str(error))


def _walk(top: str, on_failure: Callable[[Failure], None]) -> Iterator[str]:
    entered: set[str] = set()  # real folders
    linked: set[str] = set()  # real files that a link stands for
    pending = [(top, True)]  # a stack, since folders can be nested deeper than calls
    while pending:
        path, is_folder = pending.pop()
        if not is_folder:
            yield path
            continue
        real = os.path.realpath(path)
        if real in entered:
            continue
        entered.add(real)
        try:
            with os.scandir(path) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            on_failure(_failure(path, error))
            continue
        children = _children(listed, real, entered, linked, on_failure)
        pending += reversed(list(children))


def _children(
    listed: list["os.DirEntry[str]"],
    real: str,
    entered: set[str],
    linked: set[str],
    on_failure: Callable[[Failure], None],
) -> Iterator[tuple[str, bool]]:
    """Of the entries of a folder, those to visit: path, and whether it is a folder."""
    for entry in listed:
        if entry.name.startswith("."):
            continue
        if entry.is_symlink():
            target = os.path.realpath(entry.path)
            if not os.path.exists(target):
                on_failure(Failure(entry.path, "broken link"))
            elif os.path.isdir(target):
                yield entry.path, True
            elif _is_image(entry.name) and target not in linked:
                folder, name = os.path.split(target)
                if folder not in entered or not _is_image(name):  # else it comes by itself
                    linked.add(target)
                    yield entry.path, False
        elif entry.is_dir(follow_symlinks=False):
            yield entry.path, True
        elif _is_image(entry.name) and os.path.join(real, entry.name) not in linked:
            yield entry.path, False


def _is_image(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES and not name.startswith(".")
