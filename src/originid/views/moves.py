"""Moves that keep a whole picture: mirrored, turned by quarters, turned by some degrees, reduced.

What was done to a query is undone on the query: each function returns the picture that the
references would show.
"""

import math

import numpy as np
from PIL import Image as Pillow

from originid.types import Image


def mirrored(image: Image) -> Image:
    """Left and right exchanged, of an image (h, w, 3)."""
    return np.ascontiguousarray(image[:, ::-1])


def quarter_turned(image: Image, turns: int) -> Image:
    """Turned by quarters, counter-clockwise.

    Args:
        image: uint8 RGB (h, w, 3).
        turns: how many quarters; any whole number.
    """
    return np.ascontiguousarray(np.rot90(image, turns))


def turned(image: Image, degrees: float) -> Image:
    """Turned about its middle, counter-clockwise, and cut to the largest part of its own shape.

    Nothing but the image is in the result: no corner is filled.

    Args:
        image: uint8 RGB (h, w, 3).
        degrees: in [-45, 45].

    Returns:
        uint8 RGB of the same aspect ratio, up to a pixel; the smaller, the more it is turned.
    """
    height, width = image.shape[:2]
    share = inscribed_share(height, width, degrees)
    whole = np.asarray(Pillow.fromarray(image).rotate(degrees, Pillow.Resampling.BILINEAR))
    h, w = max(1, math.floor(share * height)), max(1, math.floor(share * width))
    top, left = (height - h) // 2, (width - w) // 2
    return np.ascontiguousarray(whole[top : top + h, left : left + w])


def reduced(image: Image, side: int) -> Image:
    """An image whose longer side has at most this many pixels; a smaller one as it is.

    Args:
        image: uint8 RGB (h, w, 3).
        side: in pixels.
    """
    height, width = image.shape[:2]
    if max(height, width) <= side:
        return image
    scale = side / max(height, width)
    size = max(1, round(scale * width)), max(1, round(scale * height))
    return np.asarray(Pillow.fromarray(image).resize(size, Pillow.Resampling.BOX))


def inscribed_share(height: int, width: int, degrees: float) -> float:
    """The scale of the largest upright rectangle of the same shape inside a turned one, in (0, 1].

    Of a rectangle with sides l >= s, turned by an angle, it is s / (l sin + s cos).
    """
    angle = math.radians(abs(degrees))
    long, short = max(height, width), min(height, width)
    return short / (long * math.sin(angle) + short * math.cos(angle))
