"""The query's vector as it lies in the reference, and which cells it shows there."""

from dataclasses import dataclass

import numpy as np
from PIL import Image as Pillow

from originid.explain.alignment import Alignment, warp
from originid.images.thumbnails import thumbnails
from originid.maps import DctMap
from originid.model import Model
from originid.types import Box, Floats32, Image, Latents, Mask, Vectors
from originid.verdict.margins import CELLS, content_cells, framed
from originid.views.looks import DAMPING
from originid.views.places import Place, Placing, encode_sizes
from originid.views.words import WHOLE


@dataclass(frozen=True, eq=False)
class Placed:
    """A query where it lies in a reference.

    Args:
        vector: float32 (dim,), of unit length.
        known: which cells (n, n) of the reference's grid it shows.
    """

    vector: Vectors
    known: Mask


def place(
    query: Image,
    alignment: Alignment,
    box: Box | None,
    model: Model,
    map: DctMap,
    with_frame: bool = False,
) -> Placed:
    """Map a query as it lies in the reference; what it does not show contributes nothing.

    Args:
        query: as its view shows it, uint8 RGB (h, w, 3).
        alignment: how it lies. Where local features say it, these count, otherwise the box.
        box: of the match; None is the whole reference.
        model: its encoder and its vectors.
        map: of the model; all its blocks have one grid.
        with_frame: whether the frame of a framed query counts, since the reference has the same.
    """
    cells = map.basis.shapes[0][1]
    at = cell_place(box, cells)
    if alignment.by_details or at.size == (cells, cells):
        if alignment.by_details:
            square, covered = warp(query, alignment.affine, model.encoder.size, model.encoder.size)
        else:
            square, covered = squashed(query, model), np.ones((cells, cells), np.bool_)
        known = _full(covered, cells)
        if known.all() and not with_frame:
            known = _without_frame(square, cells)
        latent = model.encoder.encode(square[None])
        return Placed(model.vectors(_with_mean(latent, known, map))[0], known)
    placing = Placing(map, [at], DAMPING)
    known = np.zeros((cells, cells), np.bool_)
    known[at.top : at.top + at.height, at.left : at.left + at.width] = True
    return Placed(placing.vectors(encode_sizes(query, placing.sizes, model.encoder))[0], known)


def cell_place(box: Box | None, cells: int) -> Place:
    """The place of a box in a grid of so many cells a side, to the nearest cell."""
    left, top, right, bottom = (round(each * cells) for each in box or WHOLE)
    left, top = min(max(left, 0), cells - 1), min(max(top, 0), cells - 1)
    width, height = min(max(right - left, 1), cells - left), min(max(bottom - top, 1), cells - top)
    return Place(height, width, top, left)


def squashed(image: Image, model: Model) -> Image:
    """An image as the encoder takes it: uint8 RGB (size, size, 3)."""
    size = model.encoder.size
    square = Pillow.fromarray(image).resize((size, size), Pillow.Resampling.BILINEAR)
    return np.asarray(square)


def _full(covered: Mask, cells: int) -> Mask:
    """Which cells (n, n) are covered whole, of a mask of pixels or of cells (size, size)."""
    each = len(covered) // cells
    return np.asarray(covered.reshape(cells, each, cells, each).all(axis=(1, 3)))


def _without_frame(square: Image, cells: int) -> Mask:
    """Which cells are evidence: all, but of a framed picture those of its frame."""
    small = thumbnails(square[None])
    if cells != CELLS or not framed(small)[0]:
        return np.ones((cells, cells), np.bool_)
    return content_cells(small[0])


def _with_mean(latents: Latents, known: Mask, map: DctMap) -> Floats32:
    """Latents (1, latent_dim) in which unknown cells have the mean of natural images."""
    if known.all():
        return latents
    mean = map.basis.latents(map.mean[None])
    grid = np.where(known, latents.reshape(-1, *known.shape), mean.reshape(-1, *known.shape))
    return np.asarray(grid.reshape(latents.shape), np.float32)
