"""Parts: a query whose subjects were redrawn a little aside.

The latent of the query is divided into overlapping windows. Each is put back into the grid at its
own place and at places around it, alone, with the mean of natural images everywhere else (see
`places`). A reference that holds the same things, each moved by a little, has one good place for
most windows: the statistic is the sum over the windows of the best z over their places.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from originid.errors import InputError
from originid.maps import Map
from originid.types import Floats32, Vectors
from originid.views.normalise import Strangers, moments
from originid.views.places import Place, Placing, mapped

USUAL_BEST = 1.55  # mean of a part's best z over its moves among photos
USUAL_SPREAD = 0.36  # deviation of the mean of all parts' best z among photos


@dataclass(frozen=True)
class PartSettings:
    """Which windows, and how far they may have moved, in cells.

    Args:
        side: of a window.
        step: between neighbouring windows.
        reach: the furthest that a window is moved, in each direction.
        stride: between the moves that are tried.
    """

    side: int = 16
    step: int = 8
    reach: int = 4
    stride: int = 2

    def __post_init__(self) -> None:
        if min(self.side, self.step, self.stride) < 1 or self.reach < 0:
            raise InputError(
                f"{self}", "expected side, step and stride >= 1 and reach >= 0", "leave them out"
            )


class Parts:
    """Makes the vectors of all moved windows of a query.

    Args:
        map: of the model, as `Placing` takes it.
        settings: see `PartSettings`.
        damping: as of `Placing`.
    """

    def __init__(
        self, map: Map, settings: PartSettings | None = None, damping: float | None = None
    ) -> None:
        self.settings = settings or PartSettings()
        cells = Placing(map, ()).cells
        side, reach = self.settings.side, self.settings.reach
        starts = range(0, cells - side + 1, self.settings.step)
        moves = range(-reach, reach + 1, self.settings.stride)
        self.corners = tuple(product(starts, starts))
        # At the border a move stops there, so that every window has as many places.
        limit = cells - side
        self._placings = tuple(
            Placing(map, _moved(top, left, moves, limit, side), damping)
            for top, left in self.corners
        )

    @property
    def moves(self) -> int:
        """How many places each window is put at."""
        return len(self._placings[0].places)

    def vectors(self, latent: Floats32) -> Vectors:
        """Vectors (parts, moves, dim) of a latent (channels, cells, cells)."""
        side = self.settings.side
        differences = [
            placing.differences({(side, side): latent[:, top : top + side, left : left + side]})
            for placing, (top, left) in zip(self._placings, self.corners, strict=True)
        ]
        vectors = mapped(self._placings[0].map, differences)
        return vectors.reshape(len(self.corners), self.moves, -1)


def part_statistic(vectors: Vectors, references: Vectors, strangers: Strangers) -> Floats32:
    """How far the parts' sum of a reference is above strangers', in their deviations, (n,).

    Args:
        vectors: (parts, moves, dim), from `Parts.vectors`.
        references: vectors (n, dim) of the candidates.
        strangers: references drawn at random, which give each vector its mean and its deviation.
    """
    rows = vectors.reshape(-1, vectors.shape[-1])
    both = np.concatenate([references, strangers.vectors])
    sums = _sum_of_best(strangers.standardise(rows, rows @ both.T), vectors.shape[:2])
    of_strangers = sums[np.newaxis, len(references) :]
    mean, deviation = moments(of_strangers, USUAL_SPREAD * len(vectors), USUAL_BEST * len(vectors))
    return np.asarray((sums[: len(references)] - mean[0]) / deviation[0], np.float32)


def _sum_of_best(z: Floats32, shape: Sequence[int]) -> Floats32:
    return np.asarray(z.reshape(*shape, -1).max(axis=1).sum(axis=0), np.float32)


def _moved(top: int, left: int, moves: range, limit: int, side: int) -> tuple[Place, ...]:
    """The places of one window for all pairs of moves."""
    rows, columns = ([min(max(at + move, 0), limit) for move in moves] for at in (top, left))
    return tuple(Place(side, side, row, column) for row, column in product(rows, columns))
