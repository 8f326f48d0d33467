"""An image file that is opened, and then decoded: the header first, so that its cost is known."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image as Pillow
from PIL.ImageFile import ImageFile

from originid.errors import ImageError, TooLargeError
from originid.images.bounded_bytes import BoundedBytes
from originid.images.formats import FORMATS
from originid.images.frames import is_blank, later_frames, moves
from originid.images.jpeg import END, Jpeg, decode_at_once, missing_rows
from originid.images.limits import Limits
from originid.images.orientation import TURNS, orientation
from originid.images.pillow_modes import flat, rgb
from originid.images.sixteen_bits import are_upper_bytes_low, both_bytes, has_16_bits
from originid.types import Image

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


BESIDE = 1 << 16  # bytes that a header may read of a file of any size; of a larger one, all 4 times
HEADER_READS = 500_000  # half a second
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


class OpenedImage:
    """A file of which only the header is read yet."""

    def __init__(self, kind: str, data: bytes, size: int | None, limits: Limits) -> None:
        self._kind, self._data, self._size, self._limits = kind, data, size, limits
        self._reader = BoundedBytes(data, limits.max_seconds, 4 * len(data) + BESIDE, HEADER_READS)
        self.file = FORMATS[kind][1](self._reader)
        self._reader.allowance = self._reader.reads = math.inf
        self.width, self.height = self.file.size
        if self.width * self.height > limits.max_pixels:
            given = f"the image has {self.width:,} x {self.height:,} pixels"
            expected = f"expected at most {limits.max_pixels:,} in all"
            raise TooLargeError(given, expected, "save it smaller or raise the limit")
        self._box = _draft(self.file, size) if size else None

    def decode(self) -> Decoded:
        """Decode the pixels, and bring them into the shape that was asked for."""
        if isinstance(self.file, Jpeg):
            at_once = decode_at_once(self._data, self.file)
            if at_once is not None:
                return self._upright(at_once, orientation(self.file))
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
        decoded = self._upright(picture, turn)
        if moves(self.file) and is_blank(decoded.image):
            frames = (self._upright(flat(frame), turn) for frame in later_frames(self.file))
            decoded = next((frame for frame in frames if not is_blank(frame.image)), decoded)
        return decoded

    def _upright(self, pixels: Pillow.Image | Image, turn: int) -> Decoded:
        """Bring decoded pixels, without transparency, into the shape that was asked for."""
        turned = turn > 4
        width, height = (self.height, self.width) if turned else (self.width, self.height)
        return Decoded(self._shaped(pixels, turn), width, height)

    def _without_its_end(self) -> Decoded:
        """Decode a JPEG that is cut short: with an end, the decoder fills what is missing."""
        whole = OpenedImage(self._kind, self._data + END, self._size, self._limits)
        decoded = whole.decode()
        missing = missing_rows(whole.file)
        if missing > MOST_MISSING:
            given = f"the file is cut short, and {missing:.0%} of the image is missing"
            raise ImageError(given, "expected a whole image", "fetch or save it anew")
        grey = f"{missing:.0%} of the rows are grey" if missing else "no row is missing"
        return replace(decoded, note=f"the file is cut short: {grey}")

    def _shaped(self, pixels: Pillow.Image | Image, turn: int) -> Image:
        if not isinstance(pixels, Pillow.Image):
            if not self._size and turn not in TURNS and pixels.ndim == 3:
                return pixels
            pixels = Pillow.fromarray(pixels)
        image = pixels
        if self._size:
            square, bilinear = (self._size, self._size), Pillow.Resampling.BILINEAR
            image = image.resize(square, bilinear, box=self._box)
        if turn in TURNS:
            image = image.transpose(TURNS[turn])
        return np.asarray(rgb(image))


@contextmanager
def image_errors(kind: str) -> Iterator[None]:
    """A context in which whatever a decoder raises becomes an `ImageError`.

    Args:
        kind: the format of the file, for the error.
    """
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
