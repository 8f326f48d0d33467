"""Blocks: the part of a query that is a picture, where the rest frames it.

Two signs tell a frame. Rows and columns of one colour separate what a page holds: cut away again
and again, they leave the largest block (the XY-cut of Nagy and Seth 1984). And a picture that was
pasted has four straight sides, across which the colours jump: a rectangle bounded by long straight
steps. A block may be wrong, as when a photo has a sky of one colour; it is one more view that is
tried, and the whole query stays.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from originid.types import Image, Ints, Mask
from originid.verdict.margins import largest
from originid.views.moves import reduced


@dataclass(frozen=True)
class BlockSettings:
    """When a row is flat, and when a line is a side.

    Args:
        side: pixels to which the longer side of a query is reduced before it is looked at.
        flat: share of a row's pixels that must be near its median for the row to be flat.
        near: grey levels that still are near.
        step: grey levels by which one colour at least jumps across a side.
        apart: pixels around a jump in which there is no larger one.
        filled: share of a side along which the colours must jump.
        split: share of a line from border to border along which the colours must jump for it to
            divide two pictures.
        least: share of the query's width, and of its height, that a block has at least.
        most: share of the query's area that a block has at most, and that two blocks share.
        lines: straight lines of each direction that may be sides, beside the borders.
        rectangles: how many are found at most.
    """

    side: int = 256
    flat: float = 0.98
    near: int = 9
    step: int = 10
    apart: int = 3
    filled: float = 0.65
    split: float = 0.75
    least: float = 0.2
    lines: int = 8
    most: float = 0.94
    rectangles: int = 2


DEFAULTS = BlockSettings()


@dataclass(frozen=True, order=True)
class Block:
    """An upright part of an image, in pixels: columns left to right, rows top to bottom."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def area(self) -> int:
        """In pixels."""
        return (self.right - self.left) * (self.bottom - self.top)

    def cut(self, image: Image) -> Image:
        """This part of an image."""
        return image[self.top : self.bottom, self.left : self.right]

    def overlap(self, other: "Block") -> float:
        """Area of what both share by the area that they cover together."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        shared = max(width, 0) * max(height, 0)
        return shared / (self.area + other.area - shared)


def find_blocks(image: Image, settings: BlockSettings = DEFAULTS) -> tuple[Block, ...]:
    """The parts of an image that may be a framed picture, the likeliest first, none nearly all.

    Args:
        image: uint8 RGB (h, w, 3).
        settings: see `BlockSettings`.
    """
    height, width = image.shape[:2]
    small = reduced(image, settings.side)
    h, w = small.shape[:2]
    whole = Block(0, 0, w, h)
    found: list[Block] = []
    cut = flat_cut(small, settings)
    for block in (cut, *halves(small, cut, settings), *rectangles(small, settings)):
        if all(block.overlap(other) < settings.most for other in (whole, *found)):
            found.append(block)
    return tuple(_enlarged(block, whole, width, height) for block in found)


def flat_cut(image: Image, settings: BlockSettings = DEFAULTS) -> Block:
    """The largest block between flat rows and columns, cut until none is left inside.

    Args:
        image: uint8 RGB (h, w, 3), reduced already.
        settings: see `BlockSettings`.
    """
    height, width = image.shape[:2]
    grey = _grey(image)
    top, bottom, left, right = 0, height, 0, width
    while True:
        before = (top, bottom, left, right)
        start, stop = _longest(~flat_rows(grey[top:bottom, left:right], settings))
        if stop - start >= settings.least * height:
            top, bottom = top + start, top + stop
        start, stop = _longest(~flat_rows(grey[top:bottom, left:right].T, settings))
        if stop - start >= settings.least * width:
            left, right = left + start, left + stop
        if (top, bottom, left, right) == before:
            return Block(left, top, right, bottom)


def flat_rows(grey: NDArray[np.int16], settings: BlockSettings = DEFAULTS) -> Mask:
    """Which rows (h,) of grey levels (h, w) are of nearly one level."""
    width = grey.shape[1]
    middle = np.partition(grey, width // 2, axis=1)[:, width // 2, None]
    near = np.abs(grey - middle) <= settings.near
    return np.asarray(near.sum(axis=1) >= settings.flat * width)


def rectangles(image: Image, settings: BlockSettings = DEFAULTS) -> tuple[Block, ...]:
    """Rectangles whose four sides are long straight steps or the image's borders, best first.

    A line that goes on beyond a corner is no side: so a house in a photo is no picture in a page.

    Args:
        image: uint8 RGB (h, w, 3), reduced already.
        settings: see `BlockSettings`.
    """
    across, down = _steps(image, settings)
    columns, rows = _lines(across, settings), _lines(down.T, settings)
    upright = _sides(across, columns, rows, settings)
    level = _sides(down.T, rows, columns, settings)
    # Four axes: left, right, top, bottom.
    across_rows = level.transpose(1, 2, 0)
    sides = [upright[:, None], upright[None], across_rows[..., None], across_rows[:, :, None]]
    height, width = image.shape[:2]
    wide = np.subtract.outer(-columns, -columns)[:, :, None, None] / width
    high = np.subtract.outer(-rows, -rows)[None, None] / height
    good = (wide >= settings.least) & (high >= settings.least) & (wide * high <= settings.most)
    for side in sides:
        good = good & (side > 0)
    total = np.where(good, sum(sides), 0)
    # The larger of equally good ones: what is inside may be a part of it.
    order = np.lexsort((-np.broadcast_to(wide * high, total.shape).ravel(), -total.ravel()))
    chosen: list[Block] = []
    for place in order[: np.count_nonzero(good)]:
        left, right, top, bottom = np.unravel_index(place, total.shape)
        block = Block(int(columns[left]), int(rows[top]), int(columns[right]), int(rows[bottom]))
        if all(block.overlap(other) < 0.5 for other in chosen):
            chosen.append(block)
        if len(chosen) == settings.rectangles:
            break
    return tuple(chosen)


def halves(image: Image, whole: Block, settings: BlockSettings = DEFAULTS) -> tuple[Block, ...]:
    """What lies on both sides of the straightest step from border to border, if there is one.

    Args:
        image: uint8 RGB (h, w, 3), reduced already.
        whole: the part of it that is divided.
        settings: see `BlockSettings`.
    """
    across, down = _steps(whole.cut(image), settings)
    best = settings.split
    found: tuple[Block, ...] = ()
    for upright, shares in ((True, across.mean(axis=0)), (False, down.mean(axis=1))):
        edge = round(settings.least * (len(shares) - 1))
        inner = shares[edge : len(shares) - edge]
        # The right one of two that are marked: see `_lines`.
        at = len(shares) - edge - 1 - int(np.argmax(inner[::-1]))
        if len(inner) and shares[at] >= best:
            best, found = shares[at], _divided(whole, at, upright)
    return found


def _divided(block: Block, at: int, upright: bool) -> tuple[Block, Block]:
    """Both parts of a block, left and right or upper and lower, of a line at a pixel of it."""
    left, top, right, bottom = block.left, block.top, block.right, block.bottom
    if upright:
        x = left + at
        return Block(left, top, x, bottom), Block(x, top, right, bottom)
    y = top + at
    return Block(left, top, right, y), Block(left, y, right, bottom)


def _sides(jumps: Mask, lines: Ints, ends: Ints, settings: BlockSettings) -> NDArray[np.float64]:
    """How well each stretch of each line bounds a rectangle, in [0, 1]; 0 where it does not.

    A border of the image bounds a rectangle too, but says little: 0.5.

    Args:
        jumps: (length, places), where colours jump across a line at a place.
        lines: places of the lines, ascending; the first and the last are borders.
        ends: where a stretch may start and stop, ascending.
        settings: see `BlockSettings`.

    Returns:
        Float of shape (lines, ends, ends): line, start, stop.
    """
    sums = np.pad(jumps[:, lines], ((1, 0), (0, 0))).cumsum(axis=0, dtype=np.int64).T

    def share(start: Ints, stop: Ints) -> NDArray[np.float64]:
        """The share, in [0, 1], of each stretch of each line along which colours jump.

        Args:
            start: first place of each stretch; a place outside counts as the nearest border.
            stop: the place after its last one, of a shape that broadcasts with ``start``.
        """
        start, stop = (np.clip(each, 0, len(jumps)) for each in (start, stop))
        # Less than three pixels tell nothing.
        return np.asarray((sums[:, stop] - sums[:, start]) / np.maximum(stop - start, 3))

    start, stop = ends[:, None], ends[None]
    beyond = np.maximum(3, (stop - start) // 10)
    within = share(start, stop)
    outside = np.maximum(
        share(start - beyond - 2, start - 2 + 0 * stop),
        share(stop + 2 + 0 * start, stop + beyond + 2),
    )
    good = (stop > start) & (within >= settings.filled) & (outside <= settings.filled)
    good[[0, -1]] = stop > start
    within[[0, -1]] = 0.5
    return np.where(good, within, 0.0)


def _steps(image: Image, settings: BlockSettings) -> tuple[Mask, Mask]:
    """Where a colour jumps between a pixel and the one left of it, (h, w + 1), and above it.

    A jump is the largest of those around it on its way across: texture, which jumps everywhere,
    does not make lines.
    """
    levels = image.astype(np.int16)
    return _jumps(levels, settings), _jumps(levels.swapaxes(0, 1), settings).T


def _jumps(levels: NDArray[np.int16], settings: BlockSettings) -> Mask:
    height, width = levels.shape[:2]
    size = np.zeros((height, width + 1), np.int16)
    change = np.abs(levels[:, 1:] - levels[:, :-1])
    size[:, 1:-1] = largest(change)
    around = size.copy()
    for shift in range(1, settings.apart + 1):
        np.maximum(around[:, shift:], size[:, :-shift], out=around[:, shift:])
        np.maximum(around[:, :-shift], size[:, shift:], out=around[:, :-shift])
    jumps = (size >= settings.step) & (size == around)
    # A reduced border lies between two pixels: either may hold the jump.
    jumps[:, :-1] |= jumps[:, 1:]
    found: Mask = jumps
    return found


def _lines(jumps: Mask, settings: BlockSettings) -> Ints:
    """The columns along which most jumps lie, with both borders, ascending."""
    length, count = jumps.shape
    sums = np.pad(jumps - np.float32(settings.filled * 0.9), ((1, 0), (0, 0))).cumsum(axis=0)
    # The best stretch of a column, each place of it that has no jump counted against it.
    stretch = (sums - np.minimum.accumulate(sums, axis=0)).max(axis=0)
    stretch[[0, -1]] = 0
    found: list[int] = []
    # Of equally good columns the right one: a jump is marked at its own place and one to the left.
    for place in count - 1 - np.argsort(-stretch[::-1], kind="stable"):
        if stretch[place] < 0.1 * settings.least * length or len(found) == settings.lines:
            break
        if all(abs(int(place) - other) > 2 for other in found):
            found.append(int(place))
    return np.array(sorted({0, count - 1, *found}), np.int64)


def _longest(mask: Mask) -> tuple[int, int]:
    """Start and stop of the longest run of true values; (0, 0) where there is none."""
    edges = np.flatnonzero(np.diff(np.pad(mask, 1).astype(np.int8)))
    if not len(edges):
        return 0, 0
    starts, stops = edges[::2], edges[1::2]
    best = int(np.argmax(stops - starts))
    return int(starts[best]), int(stops[best])


def _grey(image: Image) -> NDArray[np.int16]:
    """Grey levels (h, w): the mean of the colours."""
    red, green, blue = (image[..., channel].astype(np.int16) for channel in range(3))
    return np.asarray((red + green + blue) // 3)


def _enlarged(block: Block, small: Block, width: int, height: int) -> Block:
    """A block of the reduced image in the pixels of the original."""
    x, y = width / small.right, height / small.bottom
    return Block(
        round(block.left * x), round(block.top * y), round(block.right * x), round(block.bottom * y)
    )
