"""Frames, bars and captions: what many pictures share, found in a query so that it does not count.

A line of a picture is flat where nearly all of it has one colour. A flat line beside a line that
differs from it along most of its length is the border of a frame: a picture of a thing on plain
ground has flat lines too, but the thing does not begin along a whole line. Of a framed picture only
the cells are evidence that are not flat themselves and not in a mostly flat line.
"""

from typing import TypeVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from originid.types import Image, Latents

Mask = NDArray[np.bool_]
Number = TypeVar("Number", bound=np.generic)

CELLS = 32  # on a side, as in the latents
LINE_TOLERANCE = 9  # grey levels by which a compressed flat line differs from its median
LINE_SHARE = 0.98  # of a flat line's pixels lie within the tolerance
STEP = 16  # grey levels by which a picture differs from its frame
STEP_SHARE = 0.6  # of the line beside a frame differs from it
REACH = 3  # pixels over which resizing blurs the border of a frame
CELL_TOLERANCE = 12  # range of grey levels within a flat cell and one pixel around it
RING_SHARE = 0.97  # of the outermost pixels have one colour around an inset
STRAIGHT_SHARE = 0.7  # of the lines of an inset begin, and end, where most of them do
LEAST_INSET = 10  # pixels on a side; smaller ones have too few cells to be evidence
PLAIN_SHARE = 0.45  # of a line's cells are flat and of one colour: the line is part of a frame


def framed(thumbnails: Image) -> Mask:
    """Which images hold a flat line that ends at a straight border.

    Args:
        thumbnails: uint8 of shape (n, 64, 64, 3).

    Returns:
        A mask of shape (n,).
    """
    found = np.zeros(len(thumbnails), np.bool_)
    for turned in (thumbnails, thumbnails.transpose(0, 2, 1, 3)):
        # Most photos have no flat line at all, as every eighth pixel of each line shows.
        sampled = np.sort(turned[:, :, ::8], axis=2).astype(np.int16)
        near = sampled[:, :, -2] - sampled[:, :, 1] <= 2 * LINE_TOLERANCE
        flat: Mask = np.logical_and.reduce(near, axis=2)
        possible = np.logical_or.reduce(flat, axis=1) & ~found
        for row in np.flatnonzero(possible):
            found[row] = _has_border(turned[row], flat[row])
    for row in np.flatnonzero(~found):
        found[row] = _inset(thumbnails[row]) is not None
    return found


def content_cells(image: Image) -> Mask:
    """Which cells are evidence in a framed picture.

    Args:
        image: squashed, uint8 of shape (64, 64, 3).

    Returns:
        A mask of shape (`CELLS`, `CELLS`). Of an inset it is true inside. Elsewhere it is true
        where the picture is neither flat nor beside a flat cell, nor in a line of which
        `PLAIN_SHARE` is flat and of one colour.
    """
    inset = _inset(image)
    if inset is not None:
        # The cells at the border of an inset hold some of what is around it.
        (top, bottom), (left, right) = ((-(-a // 2) + 1, b // 2 - 1) for a, b in inset)
        inside = np.zeros((CELLS, CELLS), np.bool_)
        inside[top:bottom, left:right] = True
        return inside
    flat = flat_cells(image)
    means = image.reshape(CELLS, 2, CELLS, 2, 3).mean(axis=(1, 3))
    rows = _plain_lines(flat, means)
    columns = _plain_lines(flat.T, means.transpose(1, 0, 2))
    return ~_widened(flat | rows[:, None] | columns[None, :])


def flat_cells(image: Image) -> Mask:
    """Which cells (`CELLS`, `CELLS`) of an image (64, 64, 3) have one colour."""
    padded = np.pad(image, ((1, 1), (1, 1), (0, 0)), mode="edge").astype(np.int16)
    windows = sliding_window_view(padded, (4, 4), axis=(0, 1))[::2, ::2]
    spread = windows.max(axis=(3, 4)) - windows.min(axis=(3, 4))
    return np.asarray(largest(spread) <= CELL_TOLERANCE)


def with_unknown(latents: Latents, mean: Latents, known: Mask) -> Latents:
    """Latents in which cells that are not known have the mean of natural images.

    The map being linear, up to its cut, they contribute nothing to the vector.

    Args:
        latents: float32 of shape (n, channels x `CELLS` x `CELLS`).
        mean: of natural images, of shape (channels x `CELLS` x `CELLS`,).
        known: of shape (n, `CELLS`, `CELLS`).
    """
    grid = latents.reshape(len(latents), -1, CELLS, CELLS)
    filled = np.where(known[:, None], grid, mean.reshape(1, -1, CELLS, CELLS))
    return np.asarray(filled.reshape(latents.shape), np.float32)


def largest(colours: NDArray[Number]) -> NDArray[Number]:
    """The largest of the three numbers of each pixel, (..., 3) to (...).

    numpy's own reduction over so short an axis takes many times as long.
    """
    red, green, blue = (colours[..., channel] for channel in range(3))
    found: NDArray[Number] = np.maximum(np.maximum(red, green), blue)
    return found


def _inset(image: Image) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """The rows and the columns, from and to, of a picture that lies on plain ground.

    It is told from a thing on plain ground by its straight sides: most of its rows begin and end in
    the same columns, and most of its columns in the same rows.
    """
    ring = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]]).astype(np.int16)
    ground = np.median(ring, axis=0)
    plain = largest(np.abs(ring - ground)) <= 2 * LINE_TOLERANCE
    if plain.mean() < RING_SHARE:
        return None
    off = largest(np.abs(image - ground)) > STEP
    rows, columns = _straight_ends(off.T), _straight_ends(off)
    if rows is None or columns is None:
        return None
    return rows, columns


def _straight_ends(off: Mask) -> tuple[int, int] | None:
    """Where most lines of a mask begin and end, from and to; None where they do not agree."""
    lines = off[off.any(axis=1)]
    if len(lines) < LEAST_INSET:
        return None
    first, last = lines.argmax(axis=1), lines.shape[1] - lines[:, ::-1].argmax(axis=1)
    start, stop = int(np.median(first)), int(np.median(last))
    straight = min((np.abs(first - start) <= 1).mean(), (np.abs(last - stop) <= 1).mean())
    inside = start > 0 and stop < off.shape[1] and stop - start >= LEAST_INSET
    return (start, stop) if straight >= STRAIGHT_SHARE and inside else None


def _has_border(image: Image, possible: Mask) -> bool:
    """Whether a row of an image (h, w, 3) is flat and another, close to it, differs from it.

    Args:
        image: the image.
        possible: which rows (h,) may be flat.
    """
    values = image.astype(np.int16)
    medians = np.zeros((len(values), 3), np.int16)
    ordered = np.sort(image[possible], axis=1).astype(np.int16)
    middle = image.shape[1] // 2  # of an even number of pixels: the median lies between two
    medians[possible] = (ordered[:, middle - 1] + ordered[:, middle]) // 2
    away = largest(np.abs(values[possible] - medians[possible, None]))
    flat = np.zeros(len(values), np.bool_)
    flat[possible] = (away <= LINE_TOLERANCE).mean(axis=1) >= LINE_SHARE
    rows = np.arange(len(values))
    for step in (1, -1):
        beside = rows + step
        inside = (beside >= 0) & (beside < len(rows))
        last = rows[inside][flat[rows[inside]] & ~flat[beside[inside]]]
        for reach in range(1, REACH + 1):
            far = last + step * reach
            kept = (far >= 0) & (far < len(rows))
            away = largest(np.abs(values[far[kept]] - medians[last[kept], None])) > STEP
            if (away.mean(axis=1) >= STEP_SHARE).any():
                return True
    return False


def _plain_lines(flat: Mask, means: NDArray[np.float64]) -> Mask:
    """Which rows (`CELLS`,) are mostly flat cells of one colour."""
    plain = np.zeros(CELLS, np.bool_)
    for row in np.flatnonzero(flat.mean(axis=1) >= PLAIN_SHARE):
        colour = np.median(means[row][flat[row]], axis=0)
        alike = largest(np.abs(means[row] - colour)) <= CELL_TOLERANCE
        plain[row] = (flat[row] & alike).mean() >= PLAIN_SHARE
    return plain


def _widened(mask: Mask) -> Mask:
    """A mask with the eight neighbours of its true cells."""
    return np.asarray(sliding_window_view(np.pad(mask, 1), (3, 3)).any(axis=(2, 3)))
