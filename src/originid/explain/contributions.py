"""Contributions: how much each cell of the reference adds to the score.

The components of a vector are DCT coefficients, weighted and cut by the map. The DCT keeps lengths
and angles. So a vector of unit length, turned back by the DCT, is a picture of unit length with the
same cosines: a picture of what the map thinks tells photos apart. The product of two such pictures,
summed over the channels of a cell, is what the cell contributes, and the contributions of all cells
add up to the cosine. Nothing is left out: the map's cut and a place's damping are in the vectors.

Neighbouring cells share a contribution, because low frequencies have no sharper place.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from originid.maps import DctBasis
from originid.types import Floats32, Mask, Vectors

SMOOTHING = 1.0  # cells: the standard deviation over which alikeness is averaged
CHANCE = 0.45  # alikeness that 1 % of the cells of strangers exceed, of photos: 0.42 to 0.48
STRANGERS = 30  # vectors of strangers from which on their own 1 % is taken
FAINT = 0.05  # of the mean strength of a cell; fainter cells do not count as alike by their noise
_RARE = 0.01


@dataclass(frozen=True, eq=False)
class Cells:
    """Where a query and a reference agree, on a grid over the reference of (n, n) cells.

    Args:
        contributions: what each cell adds to the cosine, float32 (n, n); the sum is the cosine.
        expected: what it adds on average for strangers, float32 (n, n); 0 if none were given.
        alike: how alike both are around each cell, float32 (n, n) in [-1, 1]: their cosine there.
            It is 0 where nothing is known of the query.
        known: where the query shows something, (n, n).
        chance: the alikeness that 1 % of strangers' cells exceed, in (0, 1).
    """

    contributions: Floats32
    expected: Floats32
    alike: Floats32
    known: Mask
    chance: float

    @property
    def score(self) -> float:
        """The cosine, which is the sum of all contributions."""
        return float(self.contributions.sum(dtype=np.float64))

    @property
    def agreeing(self) -> Mask:
        """Which cells (n, n) are more alike than 99 % of strangers' cells."""
        return self.known & (self.alike > self.chance)

    @property
    def share(self) -> float:
        """The share, in [0, 1], of the known cells that agree; 0 if none is known."""
        return float(self.agreeing.sum() / max(int(self.known.sum()), 1))


def compare_cells(
    query: Vectors, reference: Vectors, strangers: Vectors, known: Mask, basis: DctBasis
) -> Cells:
    """Divide the cosine of two vectors among the cells of the grid.

    Args:
        query: float32 (dim,), of unit length.
        reference: float32 (dim,), of unit length.
        strangers: float32 (m, dim), of unit length: references that the query is not made from.
            With fewer than `STRANGERS`, `CHANCE` stands for them.
        known: which cells (n, n) the query shows.
        basis: of the model's map; all its blocks have one grid of n x n cells.
    """
    here = pictures(query[None], basis)
    there = pictures(np.concatenate([reference[None], strangers]), basis)
    products = (here * there).sum(axis=1)
    alike = alikeness(here * known, there * known)
    others = alike[1:, known]
    enough = len(others) >= STRANGERS and others.size > 0
    chance = float(np.quantile(others, 1 - _RARE)) if enough else CHANCE
    expected = products[1:].mean(axis=0) if len(strangers) else np.zeros_like(products[0])
    return Cells(products[0], expected, np.where(known, alike[0], np.float32(0)), known, chance)


def pictures(vectors: Vectors, basis: DctBasis) -> Floats32:
    """Vectors (m, dim) turned back by the DCT: float32 (m, channels, n, n), the same length."""
    cells = basis.shapes[0][1]
    return basis.latents(vectors).reshape(len(vectors), -1, cells, cells)


def alikeness(here: Floats32, there: Floats32) -> Floats32:
    """The cosines (m, n, n), in [-1, 1], around each cell of pictures.

    Args:
        here: one picture (1, channels, n, n).
        there: pictures (m, channels, n, n).
    """
    product = smoothed((here * there).sum(axis=1))
    strength = np.sqrt(smoothed(np.square(here).sum(axis=1)))
    strength = strength * np.sqrt(smoothed(np.square(there).sum(axis=1)))
    least = FAINT * strength.mean(axis=(1, 2), keepdims=True)
    return np.asarray(product / np.maximum(strength + least, 1e-12), np.float32)


def smoothed(grids: Floats32) -> Floats32:
    """Grids (m, n, n) averaged over `SMOOTHING` cells; a border has less around it."""
    weights = _weights(grids.shape[-1])
    return np.asarray(weights @ grids @ weights.T, np.float32)


def _weights(cells: int) -> NDArray[np.float32]:
    """The weights (n, n) by which each cell of a line counts for each other; rows add up to 1."""
    apart = np.subtract.outer(np.arange(cells), np.arange(cells))
    weights = np.exp(-((apart / SMOOTHING) ** 2) / 2)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)
