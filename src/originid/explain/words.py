"""What the numbers of an explanation say, in one or two plain sentences."""

from itertools import product

import numpy as np

from originid.explain.alignment import Alignment
from originid.explain.contributions import Cells
from originid.types import Mask
from originid.views.words import FULL, is_place

CLEAR = 0.35
"""The share of the shared area that looks alike from which a query agrees with a reference.

benchmarks/explain.py measures it. Wrong references that reach more show the same thing, such as two
photos of one painting. Pictures by one generator of the same layout reached 0.30.
"""
PARTLY = 0.15
LITTLE = 0.1  # of all cells: fewer that are known say nothing, as they look alike by chance
AGREES = 2
BLANK = (
    "There is too little in one of these pictures to tell: all that is nearly blank looks alike."
)
WHOLE = 0.95  # of the reference: a query that shows so much shows all of it, in words
_ROWS = ("upper", "", "lower")
_COLUMNS = ("left", "", "right")


def sentence(view: str, alignment: Alignment, cells: Cells | None, covered: Mask) -> str:
    """Say how a query and a reference agree.

    Args:
        view: what was done to the query, as `Match.view` has it.
        alignment: how the query lies in the reference.
        cells: where they agree; None where the model has no grid of cells.
        covered: where in the reference the query lies, of any shape (h, w).
    """
    text = f"{_start(alignment, cells)}{_undone(view)}: {_numbers(alignment, cells)}."
    agrees = strength(alignment, cells) == AGREES
    shown = float(covered.mean())
    if agrees and shown < WHOLE:
        text += f" The query shows about {_percent(shown)} of the reference."
    place = differing(cells) if agrees and cells is not None else ""
    return f"{text} They differ most {place}." if place else text


def strength(alignment: Alignment, cells: Cells | None) -> int:
    """How much a query and a reference agree.

    Returns:
        `AGREES`; or 1, as pictures of one layout do; or 0, no more than any strangers do.
    """
    share = 0.0 if cells is None or _too_few(cells) else cells.share
    if share >= CLEAR or (cells is None and len(alignment.inliers)):
        return AGREES
    return int(share >= PARTLY or len(alignment.inliers) > 0)


def differing(cells: Cells) -> str:
    """Where a query and a reference differ most: such as ``at the lower left``; "" if nowhere.

    The grid is divided into nine parts. The one that is least alike is named, if less than half of
    it agrees, and less of it than of the known area as a whole.
    """
    found = []
    lines = np.array_split(np.arange(len(cells.known)), 3)
    for row, column in product(range(3), range(3)):
        part = np.ix_(lines[row], lines[column])
        known = cells.known[part]
        if known.any() and known.mean() >= 0.5:
            agreeing = float(cells.agreeing[part].sum() / known.sum())
            found.append((float(cells.alike[part][known].mean()), agreeing, row, column))
    if len(found) < 2:
        return ""
    _, agreeing, row, column = min(found)
    if agreeing >= min(0.5, 0.8 * cells.share):
        return ""
    name = f"{_ROWS[row]} {_COLUMNS[column]}".strip()
    names = {"": "in the middle", "upper": "at the top", "lower": "at the bottom"}
    return names.get(name, f"at the {name}")


def _start(alignment: Alignment, cells: Cells | None) -> str:
    return (
        "The query agrees with the reference no more than a stranger does",
        "The query resembles the reference in part, as a picture of the same layout may",
        "The query agrees with the reference",
    )[strength(alignment, cells)]


def _undone(view: str) -> str:
    """What was done to the query before it was compared, as the end of a clause."""
    done = []
    for word in view.split(", "):
        if word.startswith("block "):
            done.append("cut out of what is around it")
        elif is_place(word):
            done.append("laid over a part of it")
        elif word not in (FULL,):
            done.append(word)
    return f", once it is {' and '.join(done)}" if done else ""


def _numbers(alignment: Alignment, cells: Cells | None) -> str:
    count = len(alignment.inliers)
    if count:
        details = f"{count} small details lie at the same places in both"
    else:
        details = "too few small details lie at the same places"
    if cells is None:
        return details
    if _too_few(cells):
        known = f"{int(cells.known.sum())} of {cells.known.size:,}"
        return f"{details}, and only {known} cells can be compared, which is too little to tell"
    share = _percent(cells.share)
    if strength(alignment, cells) == 0:
        return f"{share} of the shared area looks alike, and {details}"
    alike = f"{share} of the shared area looks alike (by chance, 1 % does)"
    return f"{details}, and {alike}" if count else f"{alike}, but {details}"


def _too_few(cells: Cells) -> bool:
    return bool(cells.known.mean() < LITTLE)


def _percent(share: float) -> str:
    """A share in whole percent; 100 % and 0 % only where it is all or nothing."""
    percent = round(100 * share)
    if percent == 100 and share < 1:
        return "more than 99 %"
    return f"{percent} %" if percent or not share else "less than 1 %"
