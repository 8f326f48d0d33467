"""The content of a reference that is a picture within a frame: bars, margins, a page around it.

A part of an image is its content if what lies around it is ground of nearly one colour, and if the
colours jump along the whole of each side that the ground touches. So a thing on plain ground has no
content but the whole: it does not begin along a whole line. An ordinary photo has none either.
"""

import math

import numpy as np

from originid.types import Box, Image, Mask
from originid.views.blocks import Block, find_blocks

LEAST = 0.2  # of the area: smaller content is a small picture on a page
NEAR = 20  # grey levels by which a pixel of the ground differs from its median
GROUND = 0.75  # of what is around the content is ground; the rest is words and signs
THIN = 0.012  # of the width or height: a thinner margin is none, and so far a side may be blurred
EDGE = 0.95  # of the line beside a side is ground
JUMP = 0.5  # of each side differs from the ground
JUMPS = 0.6  # of the sides on average


def find_content(image: Image) -> Box | None:
    """Find the part of a framed image that is a picture of its own.

    Args:
        image: uint8 RGB (h, w, 3).

    Returns:
        Where it lies, or None if the image is no picture within a frame.
    """
    height, width = image.shape[:2]
    for block in find_blocks(image):
        if block.area >= LEAST * height * width and _is_content(image, block):
            left, right = block.left / width, block.right / width
            return left, block.top / height, right, block.bottom / height
    return None


def box_within(outer: Box, inner: Box) -> Box:
    """Where a part lies in an image.

    Args:
        outer: the part of the image that another part was found in.
        inner: where that other part lies in the outer one.
    """
    left, top, right, bottom = outer
    width, height = right - left, bottom - top
    return (
        left + inner[0] * width,
        top + inner[1] * height,
        left + inner[2] * width,
        top + inner[3] * height,
    )


def _is_content(image: Image, block: Block) -> bool:
    """Whether a block lies on ground with straight sides, two of them opposite each other."""
    around = np.ones(image.shape[:2], np.bool_)
    around[block.top : block.bottom, block.left : block.right] = False
    ground = np.median(image[around], axis=0)
    off = np.abs(image.astype(np.int16) - ground).max(axis=2) > NEAR
    if off[around].mean() > 1 - GROUND:
        return False
    columns = off[block.top : block.bottom].T
    rows = off[:, block.left : block.right]
    sides = [
        (rows, block.top),
        (rows[::-1], len(rows) - block.bottom),
        (columns, block.left),
        (columns[::-1], len(columns) - block.right),
    ]
    top, bottom, left, right = (at >= THIN * len(lines) for lines, at in sides)
    if not ((top and bottom) or (left and right)):
        return False
    jumps = [
        _jump(lines, at)
        for (lines, at), is_cut in zip(sides, (top, bottom, left, right), strict=True)
        if is_cut
    ]
    return min(jumps) >= JUMP and sum(jumps) >= JUMPS * len(jumps)


def _jump(off: Mask, at: int) -> float:
    """The share of a side along which the ground ends; 0 where it is not ground beside the side.

    Args:
        off: where lines along the side differ from the ground (n, length), the outermost first.
        at: the number of the first line that is within.
    """
    reach = math.ceil(THIN * len(off))
    outside, inside = off[at - reach : at], off[at : at + reach]
    if outside.mean(axis=1).min() > 1 - EDGE:
        return 0.0
    return float(inside.mean(axis=1).max())
