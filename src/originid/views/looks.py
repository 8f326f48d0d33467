"""Looks: a query in one view at one place, which is one more vector to compare references with.

A query that is not certain is looked at in stages, each dearer than the last. *Coarse* looks (the
whole and its mirror image at places, blocks, quarter turns) choose a shortlist; *dense* looks (the
best views at many more places) and *parts* are compared with the shortlist alone.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from PIL import Image as Pillow

from originid.encoders.base import Encoder
from originid.errors import InputError
from originid.images.thumbnails import SIDE
from originid.maps import Map
from originid.system.text import closest
from originid.types import Floats32, Image, Ints, Mask, Rows, Vectors
from originid.verdict.margins import CELLS, content_cells, with_unknown
from originid.views.blocks import find_blocks
from originid.views.moves import mirrored, quarter_turned, reduced, turned
from originid.views.normalise import Strangers
from originid.views.parts import Parts, PartSettings, part_statistic
from originid.views.places import (
    Place,
    Placing,
    Size,
    coarse_places,
    dense_places,
    encode_sizes,
    likely_places,
    mapped,
)
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
        known: of a picture in a frame the cells (`CELLS`, `CELLS`) that are evidence; the others
            count as unknown. None where all are.
    """

    name: str
    image: Image
    placed: bool = False
    block: bool = False
    known: Mask | None = None


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
        todo = closest(effort, known, "name one")
        raise InputError(f"effort {effort!r}", f"expected one of {', '.join(known)}", todo)


def query_views(
    image: Image, effort: Effort = "normal", framed: bool = False, degrees: float = 5.0
) -> tuple[View, ...]:
    """The views of a query; the first is the whole, unless it has a frame. There may be none then.

    Args:
        image: uint8 RGB (h, w, 3). Blocks are cut from it as it is; of everything else the longer
            side is reduced to `LONGEST` pixels.
        effort: "quick" is the whole alone; "normal" adds the mirror image, quarter turns and what
            frames hold; "thorough" adds small turns.
        framed: whether it has a frame, by which the whole and its other forms would be compared.
            Then its views are its blocks, and its mirror image and turns by what lies inside.
        degrees: of small turns, to both sides.
    """
    check_effort(effort)
    whole = reduced(image, LONGEST)
    views = [] if framed else [View(FULL, whole, True)]
    if effort == "quick":
        return tuple(views)
    views += _moved(whole, None) if not framed else []
    for number, block in enumerate(find_blocks(image), 1):
        name, part = f"block {number} of the picture", reduced(block.cut(image), LONGEST)
        placed = number <= PLACED_BLOCKS
        views += [
            View(name, np.ascontiguousarray(part), placed, True),
            View(f"{name}, mirrored", mirrored(part), placed, True),
        ]
    views += _moved(whole, _content(whole)) if framed else []
    if effort == "thorough" and not framed:
        views += [View(f"turned by {d:g} degrees", turned(whole, d)) for d in (degrees, -degrees)]
    return tuple(views)


def _moved(whole: Image, known: Mask | None) -> list[View]:
    """The mirror image and the quarter turns of a query, of which these cells are evidence."""
    if known is None:
        turned_by = [View(f"turned by {p}", quarter_turned(whole, n)) for n, p in _QUARTERS.items()]
        return [View("mirrored", mirrored(whole), True), *turned_by]
    if not known.any():
        return []
    return [
        View("mirrored", mirrored(whole), known=known[:, ::-1]),
        *(
            View(f"turned by {p}", quarter_turned(whole, n), known=np.rot90(known, n))
            for n, p in _QUARTERS.items()
        ),
    ]


def _content(whole: Image) -> Mask:
    """The cells of a framed query that are evidence."""
    square = Pillow.fromarray(whole).resize((SIDE, SIDE), Pillow.Resampling.BOX)
    return content_cells(np.asarray(square))


class Lookout:
    """Makes the looks of queries for one model, and compares them.

    Args:
        encoder: of the model; its latents are one square grid.
        map: of the model, as `Placing` takes it.
        pool: of threads that encode several views at the same time.

    Raises:
        ModelError: as `Placing`.
    """

    has_places = True

    def __init__(self, encoder: Encoder, map: Map, pool: Executor) -> None:
        self.encoder = encoder
        self._pool = pool
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
        placings = []
        for view in views:
            placing = self._damped
            if view.placed:
                placing = self._likely if view.block else self._coarse
            placings.append(placing)
        # The undamped whole is exact where nothing was cut away.
        return self._looks(views, [(self._whole, placing) for placing in placings])

    def dense(self, views: Sequence[View]) -> Looks:
        """Some views at the dense places; of a picture in a frame only as it is."""
        return self._looks(
            views, [(self._dense if view.known is None else self._damped,) for view in views]
        )

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
        latents = encode_sizes(view.image, placing.sizes, self.encoder)
        if view.known is None or self.cells != CELLS:
            return latents
        whole, map = (self.cells, self.cells), self._whole.map
        flat = with_unknown(
            latents[whole].reshape(1, -1), map.basis.latents(map.mean[None])[0], view.known[None]
        )
        return {**latents, whole: flat.reshape(latents[whole].shape)}

    def _looks(self, views: Sequence[View], placings: Sequence[tuple[Placing, ...]]) -> Looks:
        """The looks of views at the places of their placings, the last of which has all sizes."""
        latents = self._pool.map(self._latents, (some[-1] for some in placings), views)
        found: list[Look] = []
        differences = []
        for view, some, of_view in zip(views, placings, latents, strict=True):
            for placing in some:
                differences.append(placing.differences(of_view))
                found += [Look(view.name, place) for place in placing.places]
        return Looks(mapped(self._whole.map, differences), tuple(found))


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
