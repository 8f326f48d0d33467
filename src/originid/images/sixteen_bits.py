"""Colours of 16 bits, of which Pillow decodes the upper byte alone.

That is right where all 16 bits are in use. Where a camera put 10 or 12 bits into them, the upper
byte is nearly black; then the lower byte is decoded too, by telling Pillow the other byte order.
"""

import sys

import numpy as np
from PIL import Image as Pillow
from PIL.ImageFile import ImageFile

from originid.images.value_range import FEWEST, OUTLIERS, Values, to_8_bits

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
    if raw.startswith("LA"):  # two samples of 2 bytes are read as four samples of 1 byte
        _set_raw_mode(again, "RGBA")
        again.load()
        halves, mode = np.asarray(again).astype(np.uint16), "LA"
        values: Values = halves[..., ::2] << 8 | halves[..., 1::2]
    else:
        _set_raw_mode(again, raw[:-1] + SWAPPED[raw[-1]])
        again.load()
        values = np.asarray(upper).astype(np.uint16) << 8 | np.asarray(again)
    if mode in ("LA", "RGBA"):
        levels = np.dstack([to_8_bits(values[..., :-1]), to_8_bits(values[..., -1])])
    else:
        levels = to_8_bits(values)
    return Pillow.frombytes(mode, upper.size, levels.tobytes())


def _raw_mode(opened: ImageFile) -> str:
    arguments = opened.tile[0].args
    return str(arguments[0] if isinstance(arguments, tuple) else arguments)


def _set_raw_mode(opened: ImageFile, mode: str) -> None:
    for place, tile in enumerate(opened.tile):
        arguments = tile.args
        changed = (mode, *arguments[1:]) if isinstance(arguments, tuple) else mode
        opened.tile[place] = tile._replace(args=changed)
