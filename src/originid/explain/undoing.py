"""The query as a match saw it: what the match says was done to the query is undone.

A match names its view in words, parted by commas, such as ``block 1 of the picture, mirrored``. The
words are those of `views.looks.query_views`, which makes the same picture again.
"""

from dataclasses import dataclass

import numpy as np

from originid.errors import InputError
from originid.types import Box, Image
from originid.views.blocks import find_blocks
from originid.views.looks import query_views
from originid.views.moves import mirrored
from originid.views.words import FULL, WHOLE, is_place

MIRRORED = "mirrored"
_BLOCK = "block "


@dataclass(frozen=True, eq=False)
class Undone:
    """A query as a view shows it.

    Args:
        image: uint8 RGB (h, w, 3).
        part: where in the query it lies, as (left, top, right, bottom) in [0, 1]; all of it unless
            the view is a block.
    """

    image: Image
    part: Box = WHOLE


def undo(image: Image, view: str) -> Undone:
    """The query as a view of this name shows it.

    Args:
        image: the query, uint8 RGB (h, w, 3); its longer side has at most 1024 pixels, so that
            blocks are those that a search found.
        view: the name, as `Match.view` has it.

    Raises:
        InputError: no view of this query has that name.
    """
    known = {each.name: each.image for each in query_views(image, "thorough")}
    first, *rest = [word for word in view.split(", ") if not is_place(word)] or [FULL]
    if first not in known or any(word != MIRRORED for word in rest):
        raise InputError(
            f"the view {view!r} of a match",
            f"expected one of {', '.join(known)}",
            "search for the query again: it may have changed",
        )
    seen = image if first == FULL else known[first]
    for _ in rest:
        seen = mirrored(seen)
    return Undone(np.ascontiguousarray(seen), _part(image, first))


def _part(image: Image, view: str) -> Box:
    """The part of the query (left, top, right, bottom) that a view shows."""
    if not view.startswith(_BLOCK):
        return WHOLE
    block = find_blocks(image)[int(view.removeprefix(_BLOCK).split()[0]) - 1]
    height, width = image.shape[:2]
    return block.left / width, block.top / height, block.right / width, block.bottom / height
