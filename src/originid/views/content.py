"""The content of a reference that is a picture within a frame: bars, margins, a page around it.

A part of an image is its content if what lies around it is ground of nearly one colour, and if the
colours jump along the whole of each side that the ground touches. So a thing on plain ground has no
content but the whole: it does not begin along a whole line. An ordinary photo has none either.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from originid.types import Box, Image, Mask
from originid.verdict.margins import largest
from originid.views.blocks import Block, find_blocks

LEAST = 0.2  # of the area: smaller content is a small picture on a page
NEAR = 20  # grey levels by which a pixel of the ground differs from its median
GROUND = 0.75  # of what is around the content is ground; the rest is words and signs
SAMPLED = 4  # every fourth pixel of every fourth line tells what is around
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
        content = _content(image, block) if block.area >= LEAST * height * width else None
        if content is not None:
            left, right = content.left / width, content.right / width
            return left, content.top / height, right, content.bottom / height
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


def _content(image: Image, block: Block) -> Block | None:
    """A block without the blur of its sides, if it lies on ground with straight sides.

    Two of the sides that the ground touches must be opposite each other.
    """
    height, width = image.shape[:2]
    around = np.ones((height, width), np.bool_)
    around[block.top : block.bottom, block.left : block.right] = False
    sample = image[::SAMPLED, ::SAMPLED][around[::SAMPLED, ::SAMPLED]]
    if not len(sample):
        return None
    ground = np.median(sample, axis=0).astype(np.int16)
    if _differs(sample, ground).mean() > 1 - GROUND:
        return None
    rows = image[:, block.left : block.right]
    columns = image[block.top : block.bottom].swapaxes(0, 1)
    sides = [
        _side(columns, block.left, ground),
        _side(rows, block.top, ground),
        _side(columns[::-1], width - block.right, ground),
        _side(rows[::-1], height - block.bottom, ground),
    ]
    jumps = [side.jump for side in sides if side.cut]
    opposite = (sides[0].cut and sides[2].cut) or (sides[1].cut and sides[3].cut)
    if not opposite or min(jumps) < JUMP or sum(jumps) < JUMPS * len(jumps):
        return None
    left, top, right, bottom = (side.start for side in sides)
    return Block(left, top, width - right, height - bottom)


@dataclass(frozen=True)
class _Side:
    cut: bool  # whether the ground touches it
    jump: float = 0.0  # the share of it along which the ground ends
    start: int = 0  # the first line within


def _side(lines: Image, at: int, ground: NDArray[np.int16]) -> _Side:
    """How a side of a block looks.

    Args:
        lines: those along the side (n, length, 3), the outermost first.
        at: the number of the first line within.
        ground: the colour of the ground (3,).
    """
    if at < THIN * len(lines):
        return _Side(False)
    reach = math.ceil(THIN * len(lines))
    shares = _differs(lines[at - reach : at + reach], ground).mean(axis=1)
    if shares[:reach].min() > 1 - EDGE:
        return _Side(True)
    jump = float(shares[reach:].max())
    # Beside the first line that has ended the ground, one may still be mixed with it.
    blurred = int(np.argmax(shares[reach:] >= 0.9 * jump)) + 1
    return _Side(True, jump, at + blurred)


def _differs(colours: Image, ground: NDArray[np.int16]) -> Mask:
    """Which colours (..., 3) are not those of the ground (3,)."""
    return np.asarray(largest(np.abs(colours - ground)) > NEAR)
