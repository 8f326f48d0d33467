"""Looks: a query in one view at one place, which is one more vector to compare references with.

A query that is not certain is looked at in stages, each dearer than the last. *Coarse* looks (the
whole and its mirror image at places, blocks, quarter turns) choose a shortlist; *dense* looks (the
best views at many more places) and *parts* are compared with the shortlist alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from originid.encoders.base import Encoder
from originid.errors import InputError
from originid.maps import Map
from originid.types import Floats32, Image, Ints, Rows, Vectors
from originid.views.blocks import find_blocks
from originid.views.moves import mirrored, quarter_turned, reduced, turned
from originid.views.normalise import Strangers
from originid.views.parts import Parts, PartSettings, part_statistic
from originid.views.places import Place, Placing, Size, encode_sizes, windows
from originid.views.words import FULL

LONGEST = 512  # pixels of a query that is looked at: a fifth of it still fills an encoder
DAMPING = 10.0  # see `Placing`; of coarse and of dense looks
DENSE_VIEWS = 2  # of a query, that the dense stage looks at
VOTERS = 50  # of the best candidates, whose views are looked at densely
PLACED_BLOCKS = 2  # of a query, that are put at places as well
COMPARED = 256  # strangers for the stages that look at the shortlist alone
Effort = Literal["quick", "normal", "thorough"]
"""How much is done for a query that has no origin as it is."""
_QUARTERS = {1: "a quarter", 2: "a half", 3: "three quarters"}


@dataclass(frozen=True)
class View:
    """What a query may look like in a reference.

    Args:
        name: what was done to the query, in words, such as "full", "mirrored", "turned by a
            quarter", "block 1 of the picture, mirrored".
        image: uint8 RGB (h, w, 3).
        placed: whether it is put at coarse places, or only at the whole grid.
        block: whether it is a block of the query, which a frame may hold.
    """

    name: str
    image: Image
    placed: bool = False
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
        z: how far its best look is above strangers, in their deviations, float32 (n,).
        look: the number of this look, (n,).
        looks: of the query in this stage, (v,).
        cosine: of its vector with that of the best look, (n,).
    """

    z: Floats32
    look: Ints
    looks: tuple[Look, ...]
    cosine: Floats32

    def only(self, rows: Rows) -> "Stage":
        """What it says of some of the references, (k,)."""
        return Stage(self.z[rows], self.look[rows], self.looks, self.cosine[rows])


def check_effort(effort: str) -> None:
    """Refuse an effort that there is not.

    Raises:
        InputError: it is none of `Effort`.
    """
    known = get_args(Effort)
    if effort not in known:
        raise InputError(f"effort {effort!r}", f"expected one of {', '.join(known)}", "name one")


def query_views(
    image: Image, effort: Effort = "normal", framed: bool = False, degrees: float = 5.0
) -> tuple[View, ...]:
    """The views of a query; the first is the whole, unless it has a frame.

    Args:
        image: uint8 RGB (h, w, 3). Blocks are cut from it as it is; of everything else the longer
            side is reduced to `LONGEST` pixels.
        effort: "quick" is the whole alone; "normal" adds the mirror image, quarter turns and what
            frames hold; "thorough" adds small turns.
        framed: whether it has a frame, by which the whole and its other forms would be compared:
            then only its blocks are views, and there may be none.
        degrees: of small turns, to both sides.
    """
    check_effort(effort)
    whole = reduced(image, LONGEST)
    views = [] if framed else [View(FULL, whole, True)]
    if effort == "quick":
        return tuple(views)
    if not framed:
        views.append(View("mirrored", mirrored(whole), True))
        views += [View(f"turned by {p}", quarter_turned(whole, n)) for n, p in _QUARTERS.items()]
    for number, block in enumerate(find_blocks(image), 1):
        name, part = f"block {number} of the picture", reduced(block.cut(image), LONGEST)
        placed = number <= PLACED_BLOCKS
        views += [
            View(name, np.ascontiguousarray(part), placed, True),
            View(f"{name}, mirrored", mirrored(part), placed, True),
        ]
    if effort == "thorough" and not framed:
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

    Raises:
        ModelError: as `Placing`.
    """

    has_places = True

    def __init__(self, encoder: Encoder, map: Map) -> None:
        self.encoder = encoder
        self.cells = Placing(map, ()).cells
        whole = coarse_places(self.cells)[:1]
        self._whole = Placing(map, whole)
        self._damped = Placing(map, whole, DAMPING)
        self._coarse = Placing(map, coarse_places(self.cells), DAMPING)
        self._likely = Placing(map, whole + likely_places(self.cells), DAMPING)
        self._dense = Placing(map, dense_places(self.cells), DAMPING)
        # A grid of few cells has no parts that could move by some.
        self._parts = Parts(map) if self.cells >= 2 * PartSettings().side else None

    def coarse(self, views: Sequence[View]) -> Looks:
        """All views: each as it is, damped, and at coarse places if it is `View.placed`."""
        found = []
        for view in views:
            placing = self._damped
            if view.placed:
                placing = self._likely if view.block else self._coarse
            latents = self._latents(placing, view)
            # The undamped whole is exact where nothing was cut away.
            found += [self._looks(each, view, latents) for each in (self._whole, placing)]
        return _joined(found)

    def dense(self, views: Sequence[View]) -> Looks:
        """Some views at the dense places."""
        placing = self._dense
        return _joined([self._looks(placing, v, self._latents(placing, v)) for v in views])

    def compare(self, looks: Looks, cosines: Floats32, strangers: Strangers) -> Stage:
        """How references compare with strangers under some looks.

        Args:
            looks: from `coarse` or `dense`, (v,).
            cosines: of references with their vectors, (v, n).
            strangers: references drawn at random.
        """
        return best_looks(looks, cosines, strangers)

    def compare_parts(self, view: View, references: Vectors, strangers: Strangers) -> Floats32:
        """How references compare with strangers under the moved parts of one view, (n,).

        Zeros where the model's grid is too small to have parts.
        """
        if self._parts is None:
            return np.zeros(len(references), np.float32)
        whole = self._latents(self._whole, view)[(self.cells, self.cells)]
        return part_statistic(self._parts.vectors(whole), references, strangers)

    def _latents(self, placing: Placing, view: View) -> Mapping[Size, Floats32]:
        return encode_sizes(view.image, placing.sizes, self.encoder)

    def _looks(self, placing: Placing, view: View, latents: Mapping[Size, Floats32]) -> Looks:
        vectors = placing.vectors(latents)
        return Looks(vectors, tuple(Look(view.name, place) for place in placing.places))


def best_looks(looks: Looks, cosines: Floats32, strangers: Strangers) -> Stage:
    """The best look of each reference, as `Lookout.compare` says."""
    best = strangers.best(looks.vectors, cosines)
    return Stage(best.z, best.vector, looks.looks, best.cosine)


def best_views(stage: Stage, views: Sequence[View], count: int = DENSE_VIEWS) -> tuple[View, ...]:
    """The views that the best references of a stage are seen in, the best first."""
    order = np.argsort(-stage.z, kind="stable")[:VOTERS]
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
