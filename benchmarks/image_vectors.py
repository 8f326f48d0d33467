"""Random vectors that resemble those of real images and of edits made from them.

The constants were measured on 5,800 photos and 1,202 pairs of origins and edits. The vectors were
32 x 32 RGB box means, their DCT coefficients of radial frequency below 24, each divided by its
spread within pairs (1,413 dims). In units of 1 / sqrt(dim), the constants for 642 and for 3,072
dims are nearly the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from originid.types import Floats32, Ids, Vectors

BLOCK = 4096  # vectors drawn at a time

# Variances of the principal components, in units of their mean, by their rank as a share of dim.
RANKS = (0.0, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0)
VARIANCES = (19.0, 10.6, 7.0, 4.9, 3.2, 2.0, 1.0, 0.15, 0.05, 0.018, 0.01)
# Some images are smooth and some busy: the log variances stretch by a factor 1 +- TILT.
TILT, TILTS = 0.22, 64
# Images of alike scenes share a part of their vector: (number of families, largest shared part,
# power of a uniform variate that gives the part). With both, the cosine of two photos has a
# standard deviation of 0.052 (real: 0.051), and the best of 5,800 strangers is 0.22 at the median,
# 0.34 at 95 % and 0.57 at 99 % (real: 0.21, 0.35, 0.51).
FAMILIES = ((400, 0.3, 1.3), (10_000, 0.75, 3.5))
# Near-duplicates, an assumption: the photos at hand hold none. A fifth of the references are in
# runs of 2 to about 12. Half are saved again: 1 - cosine between 1e-4 and 1e-2 (measured on photos
# saved as JPEG, halved or cut to a thumbnail: 2e-5 to 6e-3). Half are other shots of the scene.
SERIES_START, SERIES_STOP = 0.055, 0.25  # chances that a run starts, and that it ends
SAVED_AGAIN, OTHER_SHOTS = (-4.0, -2.0), (0.5, 0.99)
# Cosine of a query to its origin: quantiles over the pairs.
SHARES = (0.0, 0.01, 0.02, 0.05, 0.10, 0.25, 0.50, 0.75, 0.95, 0.99, 1.0)
COSINES = (-0.05, -0.03, 0.02, 0.10, 0.24, 0.57, 0.77, 0.89, 0.98, 0.997, 0.999)


@dataclass(frozen=True)
class Universe:
    """Draws vectors of imaginary images. A block has the same vectors every time.

    Args:
        dim: the number of dimensions of a vector.
        count: the number of references.
    """

    dim: int
    count: int

    def blocks(self) -> Iterator[tuple[Ids, Vectors]]:
        """Yield all references in blocks: ids from 1, and vectors of unit length, (n, dim)."""
        for start in range(0, self.count, BLOCK):
            size = min(BLOCK, self.count - start)
            rng = np.random.default_rng([1, start])
            yield np.arange(start, start + size, dtype=np.int64) + 1, self._references(size, rng)

    def edit(self, origins: Vectors, rng: np.random.Generator) -> Vectors:
        """Return a query for each origin, as far from it as edits are.

        Args:
            origins: the vectors of the origins, float32 (n, dim), of unit length.
            rng: the source of the numbers that are drawn.
        """
        cosines = np.interp(rng.random(len(origins)), SHARES, COSINES)
        return _towards(origins, self._images(len(origins), rng), cosines)

    def _references(self, size: int, rng: np.random.Generator) -> Vectors:
        vectors = self._images(size, rng)
        first, rest = _series(size, rng)
        again = rng.random(len(rest)) < 0.5
        cosines = np.where(
            again,
            1 - 10 ** rng.uniform(*SAVED_AGAIN, len(rest)),
            rng.uniform(*OTHER_SHOTS, len(rest)),
        )
        vectors[rest] = _towards(vectors[first], vectors[rest], cosines)
        return vectors

    def _images(self, size: int, rng: np.random.Generator) -> Vectors:
        drawn = rng.standard_normal((size, self.dim), np.float32)
        for (families, most, power), centres in zip(FAMILIES, self._centres, strict=True):
            part = (most * rng.random((size, 1), np.float32) ** power).astype(np.float32)
            drawn *= np.sqrt(1 - part)
            drawn += np.sqrt(part) * centres[rng.integers(0, families, size)]
        drawn *= self._deviations[rng.integers(0, TILTS, size)]
        return _unit(drawn)

    @cached_property
    def _centres(self) -> list[Floats32]:
        rng = np.random.default_rng(2)
        return [rng.standard_normal((count, self.dim), np.float32) for count, *_ in FAMILIES]

    @cached_property
    def _deviations(self) -> Floats32:
        """Standard deviations of the components (TILTS, dim), of images from busy to smooth."""
        places = (np.arange(self.dim) + 0.5) / self.dim
        logs = np.interp(places, RANKS, np.log(VARIANCES))
        share = np.exp(logs) / np.exp(logs).sum()
        tilts = TILT * np.random.default_rng(3).standard_normal((TILTS, 1))
        deviations: Floats32 = np.exp((1 + tilts) * (logs - share @ logs) / 2).astype(np.float32)
        return deviations


def _series(size: int, rng: np.random.Generator) -> tuple[Ids, Ids]:
    """Rows of near-duplicates: (row of the first of its series, row)."""
    first: list[int] = []
    rest: list[int] = []
    row = 0
    while row < size:
        length = 1
        if rng.random() < SERIES_START:
            length = min(size - row, 1 + int(rng.geometric(SERIES_STOP)))
        first += [row] * (length - 1)
        rest += range(row + 1, row + length)
        row += length
    return np.array(first, np.int64), np.array(rest, np.int64)


def _towards(vectors: Vectors, others: Vectors, cosines: NDArray[np.float64]) -> Vectors:
    """Vectors at the given cosines to `vectors`, on the way to `others`."""
    across = others - np.sum(vectors * others, axis=1, keepdims=True) * vectors
    sines = np.sqrt(1 - cosines**2)
    return (cosines[:, None] * vectors + sines[:, None] * _unit(across)).astype(np.float32)


def _unit(vectors: Floats32) -> Floats32:
    lengths: Floats32 = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / lengths
