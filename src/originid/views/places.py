"""Places: a query that is part of a reference, put where it may lie in it.

A query that was cut out of a reference says nothing of what was cut away. So its latent is made on
a smaller grid, as a reference's latent would show this part, and put at a place of the whole grid;
around it stands the mean of natural images, M. The map subtracts that mean, so what is not known
contributes nothing: for a map in the DCT (see `DctMap`), with the place's rows i to i + h and
columns j to j + w, and C the matrix of the DCT,

    DCT(placed) - DCT(M) = C[:, i:i+h] (L - M[i:i+h, j:j+w]) C[:, j:j+w]^T

This is linear in L. All places of one size are two matrix products, and the term with M does not
depend on the query: it is computed once for a model.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from originid.encoders.base import Encoder
from originid.errors import ModelError
from originid.maps import DctMap, Map, dct_matrix, unit_length
from originid.types import Box, Floats32, Image, Vectors

Size = tuple[int, int]
"""Height and width in cells of the grid."""

OVERSAMPLED = 2  # pixels for one of a canvas, from which smaller canvases are made


@dataclass(frozen=True, order=True)
class Place:
    """Where in the grid a query is put, in cells."""

    height: int
    width: int
    top: int
    left: int

    @property
    def size(self) -> Size:
        """Height and width."""
        return self.height, self.width

    def box(self, cells: int) -> Box:
        """The part of a reference that it covers, on a grid of this many cells a side."""
        x, y = self.left / cells, self.top / cells
        return x, y, x + self.width / cells, y + self.height / cells


def windows(sizes: Iterable[Size], step: int, cells: int) -> tuple[Place, ...]:
    """Places of these sizes, from one border of the grid to the other.

    Args:
        sizes: heights and widths in cells, at most ``cells``.
        step: cells between neighbours at most; what is left over is shared evenly.
        cells: of the grid, a side.
    """
    found = []
    for height, width in sizes:
        tops, lefts = (_offsets(cells - side, step) for side in (height, width))
        found += [Place(height, width, top, left) for top in tops for left in lefts]
    return tuple(dict.fromkeys(found))


def likely_places(cells: int) -> tuple[Place, ...]:
    """The 19 places of what is left of a reference after common crops: the fewest that serve.

    They are those of squares of about 3/4 and 1/2 of the area, and of strips such as 9:16 of a
    4:3, at the borders and in the middle.
    """
    squares = (((28, 28), 4), ((22, 22), 5))
    strips = (((32, 18), 7), ((18, 32), 7))
    return _scaled(squares + strips, cells)


def coarse_places(cells: int) -> tuple[Place, ...]:
    """The 37 places at which the whole and its mirror image are put, of a grid of 32 x 32 cells.

    Other grids have the same places, scaled. A part of the height or of the width is what is left
    of a reference that was cut to another shape.
    """
    squares = (((32, 32), 1), ((28, 28), 2), ((22, 22), 5))
    strips = tuple((size, 4) for side in (28, 24, 20) for size in ((side, 32), (32, side)))
    return _scaled(squares + strips, cells)


def dense_places(cells: int) -> tuple[Place, ...]:
    """151 places, at every second cell: squares from 20 to 32, and parts of a height or a width.

    581 places at every cell found no more, and cost four times as much.
    """
    squares = tuple(((side, side), 2) for side in range(20, 33, 3))
    strips = tuple((size, 2) for side in range(18, 32, 4) for size in ((side, 32), (32, side)))
    return _scaled(squares + strips, cells)


class Placing:
    """Puts latents of smaller grids at places of a model's grid, and maps them.

    Args:
        map: of the model, a `DctMap` whose blocks all have one square grid.
        places: where queries are put; the order is that of the vectors.
        damping: the radial frequency at which a coefficient is multiplied by exp(-1/2), so that a
            place need not fit to the cell; None damps nothing.

    Raises:
        ModelError: another map, or a latent of several grids.
    """

    def __init__(self, map: Map, places: Sequence[Place], damping: float | None = None) -> None:
        self.map = refuse_other(map)
        self.places = tuple(places)
        self.cells = self.map.basis.shapes[0][1]
        basis = self.map.basis
        kept, channel, self._limit = [], 0, 0
        for (c, h, w), indices in zip(basis.shapes, basis.kept, strict=True):
            of_channel, row, column = np.unravel_index(indices, (c, h, w))
            kept.append((of_channel + channel, row, column))
            self._limit = max(self._limit, int(max(row.max(), column.max())) + 1)
            channel += c
        self._channels = channel
        self._kept = tuple(np.concatenate(each) for each in zip(*kept, strict=True))
        radius = np.hypot(self._kept[1], self._kept[2])
        gain = np.ones(len(radius)) if damping is None else np.exp(-((radius / damping) ** 2) / 2)
        self._damping = gain.astype(np.float32)
        self._of_size: dict[Size, list[int]] = defaultdict(list)
        for number, place in enumerate(self.places):
            self._of_size[place.size].append(number)

    @property
    def sizes(self) -> tuple[Size, ...]:
        """Of the places, each once."""
        return tuple(self._of_size)

    def vectors(self, latents: Mapping[Size, Floats32]) -> Vectors:
        """Vectors (places, dim) of unit length of one query.

        Args:
            latents: for each of ``sizes`` a float32 latent (channels, height, width).
        """
        return mapped(self.map, [self.differences(latents)])

    def differences(self, latents: Mapping[Size, Floats32]) -> Floats32:
        """Damped coefficients (places, dim), as `mapped` takes them.

        Args:
            latents: as for `vectors`.
        """
        return self.coefficients(latents) * self._damping

    def coefficients(self, latents: Mapping[Size, Floats32]) -> Floats32:
        """The kept DCT coefficients (places, dim) of a placed query less those of the mean."""
        return self._spectra(latents) - self._known_mean

    @cached_property
    def _known_mean(self) -> Floats32:
        """Coefficients (places, dim) of the mean within each place and nothing elsewhere."""
        basis = self.map.basis
        mean = basis.latents(self.map.mean[None]).reshape(self._channels, self.cells, self.cells)
        out = np.empty((len(self.places), basis.dim), np.float32)
        for number, place in enumerate(self.places):
            rows, columns = _span(place.top, place.height), _span(place.left, place.width)
            out[number] = self._transform(mean[:, rows, columns], [place.top], [place.left])[0, 0]
        return out

    def _spectra(self, latents: Mapping[Size, Floats32]) -> Floats32:
        out = np.empty((len(self.places), self.map.basis.dim), np.float32)
        for size, numbers in self._of_size.items():
            tops = sorted({self.places[number].top for number in numbers})
            lefts = sorted({self.places[number].left for number in numbers})
            spectra = self._transform(latents[size], tops, lefts)
            rows = [tops.index(self.places[number].top) for number in numbers]
            columns = [lefts.index(self.places[number].left) for number in numbers]
            out[numbers] = spectra[rows, columns]
        return out

    def _transform(self, latent: Floats32, tops: Sequence[int], lefts: Sequence[int]) -> Floats32:
        """Kept coefficients (tops, lefts, dim) of a latent at the product of tops and lefts."""
        _, height, width = latent.shape
        cosines, limit = self._cosines, self._limit
        rows = np.concatenate([cosines[:, _span(top, height)] for top in tops])
        columns = np.concatenate([cosines[:, _span(left, width)] for left in lefts])
        spectra = (rows @ latent @ columns.T).reshape(-1, len(tops), limit, len(lefts), limit)
        channel, row, column = self._kept
        return np.moveaxis(spectra[channel, :, row, :, column], 0, 2)

    @cached_property
    def _cosines(self) -> Floats32:
        """The lowest frequencies of the DCT of the grid, (frequencies, cells)."""
        return dct_matrix(self.cells)[: self._limit]


def mapped(map: DctMap, differences: Sequence[Floats32]) -> Vectors:
    """Vectors (n, dim) of unit length of what `Placing.differences` returned, one after another.

    All at once are quicker: the matrices of a map are large, and are read once then.
    """
    return unit_length(map.finish(np.concatenate(differences)))


def encode_sizes(image: Image, sizes: Iterable[Size], encoder: Encoder) -> dict[Size, Floats32]:
    """Latents of an image on smaller grids, (channels, height, width) for each size.

    The image is squashed onto a part of the square that the encoder takes, its border is repeated
    over the rest, and of the latent the part that belongs to the image is taken. So every encoder
    whose latents are one grid can do it, and one that looks no further than a border sees the
    border as usual.

    Args:
        image: uint8 RGB (h, w, 3).
        sizes: heights and widths in cells, at most those of the encoder's grid.
        encoder: of the model.
    """
    sizes = list(sizes)
    cells = encoder.shapes[0][1]
    # Squashed once, so that each canvas need not begin with all pixels again: half of the time.
    side = OVERSAMPLED * encoder.size
    small = np.asarray(Pillow.fromarray(image).resize((side, side), Pillow.Resampling.BILINEAR))
    canvases = np.stack(
        [
            canvas(image if size == (cells, cells) else small, size, encoder.size, cells)
            for size in sizes
        ]
    )
    latents = encoder.encode(canvases).reshape(len(sizes), -1, cells, cells)
    pairs = zip(sizes, latents, strict=True)
    return {(height, width): latent[:, :height, :width] for (height, width), latent in pairs}


def canvas(image: Image, size: Size, side: int, cells: int) -> Image:
    """The square (side, side, 3) whose first cells hold an image, its border repeated after it.

    Args:
        image: uint8 RGB (h, w, 3).
        size: height and width in cells that the image takes.
        side: of the square in pixels.
        cells: of the grid, a side.
    """
    height, width = (round(part * side / cells) for part in size)
    squashed = Pillow.fromarray(image).resize((width, height), Pillow.Resampling.BILINEAR)
    around = ((0, side - height), (0, side - width), (0, 0))
    return np.pad(np.asarray(squashed), around, mode="edge")


def refuse_other(map: Map) -> DctMap:
    """The map, if latents can be put at places of its grid.

    Raises:
        ModelError: another kind of map, or blocks of different or oblong grids.
    """
    sides = (
        {side for _, *grid in map.basis.shapes for side in grid}
        if isinstance(map, DctMap)
        else set()
    )
    if not isinstance(map, DctMap) or len(sides) > 1:
        raise ModelError(
            f"a map of the kind {map.kind!r}",
            "expected a map in the DCT of latents that share one square grid",
            "search with the effort `quick`, or use a model that was fitted in closed form",
        )
    return map


def _span(start: int, length: int) -> slice:
    return slice(start, start + length)


def _offsets(room: int, step: int) -> list[int]:
    """Whole numbers from 0 to ``room``, evenly, no further apart than ``step``."""
    count = -(-room // step) + 1
    places: NDArray[np.float64] = np.linspace(0, room, count)
    return [round(place) for place in places]


def _scaled(steps: Sequence[tuple[Size, int]], cells: int) -> tuple[Place, ...]:
    """Places of sizes, with their steps, that are stated for 32 cells."""
    found: list[Place] = []
    for (height, width), step in steps:
        size = round(height * cells / 32), round(width * cells / 32)
        found += windows([size], max(1, round(step * cells / 32)), cells)
    return tuple(dict.fromkeys(found))
