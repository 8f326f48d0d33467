"""Colours of 16 bits, of which Pillow decodes the upper byte alone.

That is right where all 16 bits are in use. Where a camera put 10 or 12 bits into them, the upper
byte is nearly black; then the lower byte is decoded too, by telling Pillow the other byte order.
"""

import sys

import numpy as np
from PIL import Image as Pillow
from PIL.ImageFile import ImageFile

from originid.images.value_range import (
    FEWEST,
    OUTLIERS,
    ROWS,
    SAMPLED,
    Values,
    to_8_bits,
    value_range,
)

UPPER = 64  # of 256: an upper byte below it means that at most 14 bits are in use
SWAPPED = {"L": "B", "B": "L", "N": "B" if sys.byteorder == "little" else "L"}
MODES = ("RGB", "RGBA", "CMYK")


def has_16_bits(opened: ImageFile) -> bool:
    """Tell whether only the upper bytes of colours of 16 bits will be decoded.

    Args:
        opened: an image of which only the header is read yet.
    """
    return opened.mode in MODES and bool(opened.tile) and ";16" in _raw_mode(opened)


def are_upper_bytes_low(loaded: ImageFile) -> bool:
    """Tell whether all colours but a few outliers are in the lower bits.

    Args:
        loaded: an image for which `has_16_bits` was true, after its upper bytes were decoded.
    """
    colours = len(loaded.getbands()) - (loaded.mode == "RGBA")
    counts = np.array(loaded.histogram()).reshape(-1, 256)[:colours]
    few = max(FEWEST, int(counts.sum() * OUTLIERS))
    return bool(counts[:, UPPER:].sum() <= few)


def both_bytes(upper: ImageFile, again: ImageFile) -> Pillow.Image:
    """Decode the lower bytes too, and bring the colours to 8 bits by the bits in use.

    Args:
        upper: the image, loaded.
        again: the same file, of which only the header is read yet.

    Returns:
        An image of mode RGB, CMYK, RGBA, or LA if it is grey with transparency.
    """
    raw, mode = _raw_mode(again), upper.mode
    is_grey = raw.startswith("LA")  # two samples of 2 bytes are read as four samples of 1 byte
    _set_raw_mode(again, "RGBA" if is_grey else raw[:-1] + SWAPPED[raw[-1]])
    again.load()
    mode = "LA" if is_grey else mode

    def rows(top: int, bottom: int) -> Values:
        """The samples of some rows, of shape (rows, w, samples)."""
        box = (0, top, upper.width, bottom)
        low = np.asarray(again.crop(box))
        high = low[..., ::2] if is_grey else np.asarray(upper.crop(box))
        low = low[..., 1::2] if is_grey else low
        return np.asarray(high.astype(np.uint16) << 8 | low)

    step = max(1, int(np.sqrt(upper.width * upper.height * len(mode) / SAMPLED)))
    sample = np.concatenate([rows(top, top + 1)[:, ::step] for top in range(0, upper.height, step)])
    colours = sample.shape[-1] - (mode in ("LA", "RGBA"))
    ranges = value_range(sample[..., :colours]), value_range(sample[..., colours:])
    picture = Pillow.new(mode, upper.size)
    for top in range(0, upper.height, ROWS):  # a few at a time, to hold no third copy
        some = rows(top, min(top + ROWS, upper.height))
        levels = [to_8_bits(some[..., :colours], between=ranges[0])]
        levels += [to_8_bits(some[..., colours:], between=ranges[1])] if colours < len(mode) else []
        block = np.concatenate(levels, axis=-1)
        picture.paste(Pillow.frombytes(mode, (upper.width, len(block)), block.tobytes()), (0, top))
    return picture


def _raw_mode(opened: ImageFile) -> str:
    arguments = opened.tile[0].args
    return str(arguments[0] if isinstance(arguments, tuple) else arguments)


def _set_raw_mode(opened: ImageFile, mode: str) -> None:
    for place, tile in enumerate(opened.tile):
        arguments = tile.args
        changed = (mode, *arguments[1:]) if isinstance(arguments, tuple) else mode
        opened.tile[place] = tile._replace(args=changed)
