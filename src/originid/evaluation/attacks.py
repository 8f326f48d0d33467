"""What happens to a query after it was made (Figure 7 of the paper): the image is degraded.

An attack is applied to the image at its own size, before an encoder squashes it.
"""

import io
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFilter, ImageFont

from originid.errors import ImageError, InputError
from originid.images.decode import decode
from originid.types import Image

WATERMARK = "originid"
_WIDTH = 0.3  # of the image, which a watermark's text takes
_GAP = (0.4, 2.0)  # between texts, in their width and in their height
_JPEG_SIDE = 65_500  # pixels, the limit of libjpeg
_LARGEST = 4.0  # scale of `resize`: bigger files than that are nobody's query


@dataclass(frozen=True)
class Kind:
    """A way to degrade an image, at levels above 0 up to ``most``, or whole ones from 1."""

    apply: Callable[[Image, float], Image]
    most: float
    level: str
    whole: bool = False

    def admits(self, level: float) -> bool:
        """Whether a level is one of it."""
        if self.whole:
            return level == round(level) and 1 <= level <= self.most
        return 0 < level <= self.most


@dataclass(frozen=True)
class Attack:
    """One of `ATTACKS` at a level; as a text it is ``NAME:LEVEL``.

    Raises:
        InputError: an unknown name, or a level out of its range.
    """

    name: str
    level: float

    def __post_init__(self) -> None:
        kind = ATTACKS.get(self.name)
        if kind is None or not math.isfinite(self.level) or not kind.admits(self.level):
            raise _refusal(str(self))

    def __str__(self) -> str:
        return f"{self.name}:{self.level:g}"

    def apply(self, image: Image) -> Image:
        """Degrade an image, uint8 RGB (h, w, 3); the same image always gives the same result."""
        return ATTACKS[self.name].apply(image, self.level)


def parse_attack(text: str) -> Attack:
    """Read an attack, such as ``jpeg:30``.

    Raises:
        InputError: as of `Attack`.
    """
    name, _, level = text.partition(":")
    if not re.fullmatch(r"[0-9]*\.?[0-9]+", level):  # float takes much more than numbers
        raise _refusal(text)
    try:
        return Attack(name, float(level))
    except InputError:
        raise _refusal(text) from None


def jpeg(image: Image, quality: float) -> Image:
    """Compress as JPEG with libjpeg's quality, 1 to 100, colours at half resolution.

    Raises:
        ImageError: a side of more pixels than JPEG can hold.
    """
    if max(image.shape) > _JPEG_SIDE:
        height, width = image.shape[:2]
        raise ImageError(
            f"{width} x {height} pixels", f"expected at most {_JPEG_SIDE} a side", "resize it"
        )
    buffer = io.BytesIO()
    Pillow.fromarray(image).save(buffer, "JPEG", quality=round(quality), subsampling="4:2:0")
    return decode(buffer.getvalue()).image


def blur(image: Image, sigma: float) -> Image:
    """Blur by a Gaussian of a standard deviation in pixels, made of box filters."""
    return np.asarray(Pillow.fromarray(image).filter(ImageFilter.GaussianBlur(sigma)))


def resize(image: Image, scale: float) -> Image:
    """Scale both sides, bicubic and antialiased; it is not scaled back, as encoders do that."""
    height, width = (max(1, round(scale * side)) for side in image.shape[:2])
    return np.asarray(Pillow.fromarray(image).resize((width, height), Pillow.Resampling.BICUBIC))


def watermark(image: Image, opacity: float) -> Image:
    """Cover the image with rows of a text, white with a black shadow, of an opacity in (0, 1]."""
    height, width = image.shape[:2]
    letters = _texts(height, width)
    offset = max(1, width // 300)
    shadow = np.zeros_like(letters)
    shadow[offset:, offset:] = letters[:-offset, :-offset]
    out = image.astype(np.float32)
    for mask, colour in ((shadow & ~letters, 0.0), (letters, 255.0)):
        out[mask] += opacity * (colour - out[mask])
    return np.rint(out).astype(np.uint8)


def _refusal(text: str) -> InputError:
    known = "; ".join(f"{name}:{kind.level}" for name, kind in ATTACKS.items())
    return InputError(f"attack {text!r}", f"expected {known}", "choose a name and a level")


def _texts(height: int, width: int) -> NDArray[np.bool_]:
    """Where the letters of a watermark are, (height, width), every other row shifted by half."""
    font = ImageFont.load_default_imagefont()  # part of Pillow, the same on every machine
    _, _, right, bottom = font.getbbox(WATERMARK)
    text = Pillow.new("1", (int(right), int(bottom)))
    ImageDraw.Draw(text).text((0, 0), WATERMARK, 1, font)
    wide = max(1, round(_WIDTH * width))
    high = max(1, round(wide * text.height / text.width))
    bitmap = np.asarray(text.resize((wide, high), Pillow.Resampling.NEAREST))
    tile = np.pad(bitmap, ((0, round(_GAP[1] * high)), (0, round(_GAP[0] * wide))))
    row = np.tile(tile, (1, -(-width // tile.shape[1]) + 1))
    both = np.concatenate([row, np.roll(row, tile.shape[1] // 2, axis=1)])
    return np.tile(both, (-(-height // len(both)), 1))[:height, :width]


ATTACKS: Mapping[str, Kind] = {
    "jpeg": Kind(jpeg, 100, "QUALITY, a whole number from 1 to 100", whole=True),
    "blur": Kind(blur, 100, "SIGMA in pixels, above 0, at most 100"),
    "resize": Kind(resize, _LARGEST, f"SCALE of both sides, above 0, at most {_LARGEST:g}"),
    "watermark": Kind(watermark, 1, "OPACITY, above 0, at most 1"),
}
"""The attacks of Figure 7 by name."""
