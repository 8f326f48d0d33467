"""Looks: a query in one view at one place, which is one more vector to compare references with.

A query that is not certain is looked at in stages, each dearer than the last. *Coarse* looks (the
whole and its mirror image at places, blocks, quarter turns) choose a shortlist; *dense* looks (the
best views at many more places) and *parts* are compared with the shortlist alone. Every stage
returns the same: for each reference a statistic, the look that gave it, and strangers' statistics.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from originid.encoders.base import Encoder
from originid.errors import InputError
from originid.maps import Map
from originid.types import Floats32, Image, Ints, Vectors
from originid.views.blocks import find_blocks
from originid.views.moves import mirrored, quarter_turned, reduced, turned
from originid.views.normalise import Cohort, nats
from originid.views.parts import Parts, part_statistic
from originid.views.places import Box, Place, Placing, Size, encode_sizes, windows

LONGEST = 512  # pixels of a query that is looked at: a fifth of it still fills an encoder
DENSE_VIEWS = 2  # of a query, that the dense stage looks at
VOTERS = 50  # of the best candidates, whose views are looked at densely
Effort = Literal["quick", "normal", "thorough"]
"""How much is done for a query that has no origin as it is."""
_QUARTERS = {1: "a quarter", 2: "a half", 3: "three quarters"}


@dataclass(frozen=True)
class View:
    """What a query may look like in a reference.

    Args:
        name: what was done to the query, in words, such as "whole", "mirrored", "turned by a
            quarter", "block 1 of the picture, mirrored".
        image: uint8 RGB (h, w, 3).
        full: whether it is put at all coarse places, or only at the whole grid.
        block: whether it is a block of the query, which a frame may hold.
    """

    name: str
    image: Image
    full: bool = False
    block: bool = False


@dataclass(frozen=True)
class Look:
    """A view at a place."""

    view: str
    place: Place


@dataclass(frozen=True)
class Looks:
    """The vectors of a query's looks.

    Args:
        vectors: float32 (v, dim), unit length.
        looks: what each is, (v,).
    """

    vectors: Vectors
    looks: tuple[Look, ...]


@dataclass(frozen=True)
class Stage:
    """What a stage says of each reference.

    Args:
        name: "whole", "coarse", "dense" or "parts".
        statistic: the largest z, float32 (n,): bigger is better.
        nats: the same as -log of the share of strangers that would reach it, (n,); comparable
            between stages.
        look: of each reference the number of the best of ``looks``, (n,).
        looks: of the query in this stage; of parts the one view, at the whole grid.
        strangers: the statistics of the cohort under the same looks, (m,).
    """

    name: str
    statistic: Floats32
    nats: Floats32
    look: Ints
    looks: tuple[Look, ...]
    strangers: Floats32

    def box(self, reference: int, cells: int) -> Box:
        """Where the query lies in a reference: x0, y0, x1, y1 in [0, 1]."""
        number = int(self.look[reference])
        return self.looks[number].place.box(cells)


def check_effort(effort: str) -> None:
    """Refuse an effort that there is not.

    Raises:
        InputError: it is none of `Effort`.
    """
    known = get_args(Effort)
    if effort not in known:
        raise InputError(f"effort {effort!r}", f"expected one of {', '.join(known)}", "name one")


def query_views(image: Image, effort: Effort = "normal", degrees: float = 5.0) -> tuple[View, ...]:
    """The views of a query; the first is the whole.

    Args:
        image: uint8 RGB (h, w, 3). Blocks are cut from it as it is; of everything else the longer
            side is reduced to `LONGEST` pixels.
        effort: "quick" is the whole alone; "normal" adds the mirror image, quarter turns and what
            frames hold; "thorough" adds small turns.
        degrees: of small turns, to both sides.
    """
    check_effort(effort)
    whole = reduced(image, LONGEST)
    views = [View("whole", whole, True)]
    if effort == "quick":
        return tuple(views)
    views.append(View("mirrored", mirrored(whole), True))
    views += [View(f"turned by {part}", quarter_turned(whole, n)) for n, part in _QUARTERS.items()]
    for number, block in enumerate(find_blocks(image), 1):
        name, part = f"block {number} of the picture", reduced(block.cut(image), LONGEST)
        views += [
            View(name, np.ascontiguousarray(part), block=True),
            View(f"{name}, mirrored", mirrored(part), block=True),
        ]
    if effort == "thorough":
        views += [View(f"turned by {d:g} degrees", turned(whole, d)) for d in (degrees, -degrees)]
    return tuple(views)


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


class Lookout:
    """Makes the looks of queries for one model, and compares them.

    Args:
        encoder: of the model; its latents are one square grid.
        map: of the model, as `Placing` takes it.
        damping: see `Placing`; of coarse and of dense looks.
    """

    def __init__(self, encoder: Encoder, map: Map, damping: float = 10.0) -> None:
        self.encoder = encoder
        self._plain = Placing(map, ())
        self.cells = self._plain.cells
        coarse = coarse_places(self.cells)
        self._whole = Placing(map, coarse[:1])
        self._coarse = Placing(map, coarse, damping)
        self._once = Placing(map, coarse[:1], damping)
        self._dense = Placing(map, dense_places(self.cells), damping)
        self._parts = Parts(map)

    def whole(self, view: View) -> Looks:
        """One view at the whole grid, not damped: the model's own vector of it."""
        return self._looks(self._whole, view, self._latents(self._whole, view))

    def coarse(self, views: Sequence[View]) -> Looks:
        """All views: each as it is, damped, and at the coarse places if it is `View.full`."""
        found = []
        for view in views:
            placing = self._coarse if view.full else self._once
            latents = self._latents(placing, view)
            # The undamped whole is exact where nothing was cut away.
            found += [self._looks(each, view, latents) for each in (self._whole, placing)]
        return _joined(found)

    def dense(self, views: Sequence[View]) -> Looks:
        """Some views at the dense places."""
        placing = self._dense
        return _joined([self._looks(placing, v, self._latents(placing, v)) for v in views])

    def compare(self, name: str, looks: Looks, references: Vectors, cohort: Cohort) -> Stage:
        """The statistics of references under some looks.

        Args:
            name: of the stage.
            looks: from `whole`, `coarse` or `dense`.
            references: stored vectors (n, dim).
            cohort: strangers.
        """
        best = cohort.best(looks.vectors, references)
        unlikely = nats(best.statistic, best.strangers)
        return Stage(name, best.statistic, unlikely, best.vector, looks.looks, best.strangers)

    def compare_parts(self, view: View, references: Vectors, cohort: Cohort) -> Stage:
        """The statistics of references under the moved parts of one view."""
        whole = self._latents(self._whole, view)[(self.cells, self.cells)]
        statistic, strangers = part_statistic(self._parts.vectors(whole), references, cohort)
        look = Look(view.name, self._whole.places[0])
        zero = np.zeros(len(references), np.int64)
        return Stage("parts", statistic, nats(statistic, strangers), zero, (look,), strangers)

    def _latents(self, placing: Placing, view: View) -> Mapping[Size, Floats32]:
        return encode_sizes(view.image, placing.sizes, self.encoder)

    def _looks(self, placing: Placing, view: View, latents: Mapping[Size, Floats32]) -> Looks:
        vectors = placing.vectors(latents)
        return Looks(vectors, tuple(Look(view.name, place) for place in placing.places))


def best_views(stage: Stage, views: Sequence[View], count: int = DENSE_VIEWS) -> tuple[View, ...]:
    """The views that the best references of a stage are seen in, the best first."""
    order = np.argsort(-stage.statistic, kind="stable")[:VOTERS]
    names = dict.fromkeys(stage.looks[stage.look[row]].view for row in order)
    by_name = {view.name: view for view in views}
    return tuple(by_name[name] for name in list(names)[:count])


def _joined(looks: Sequence[Looks]) -> Looks:
    return Looks(
        np.concatenate([each.vectors for each in looks]),
        tuple(look for each in looks for look in each.looks),
    )


def _scaled(steps: Sequence[tuple[Size, int]], cells: int) -> tuple[Place, ...]:
    """Places of sizes, with their steps, that are stated for 32 cells."""
    found: list[Place] = []
    for (height, width), step in steps:
        size = round(height * cells / 32), round(width * cells / 32)
        found += windows([size], max(1, round(step * cells / 32)), cells)
    return tuple(dict.fromkeys(found))
