"""What the sentence says, and that it says no more than the numbers do."""

import numpy as np
import pytest

from originid.explain.alignment import Alignment, of_box
from originid.explain.contributions import Cells
from originid.explain.words import AGREES, differing, sentence, strength
from originid.types import Box, Mask
from originid.views.words import described

SIZE = 9
ALL: Mask = np.ones((SIZE, SIZE), np.bool_)


def alignment(inliers: int) -> Alignment:
    return Alignment(of_box((0, 0, 1, 1)), False, np.zeros((inliers, 2)), 0.0)


def cells(alike: "np.ndarray[tuple[int, int], np.dtype[np.bool_]]", known: Mask = ALL) -> Cells:
    """Cells that are alike where a mask is true."""
    grid = np.where(alike, 0.9, 0.1).astype(np.float32)
    return Cells(grid, np.zeros_like(grid), grid, known, 0.45)


def share(of: float) -> Mask:
    """A mask that is true for this share of the cells, from the top."""
    count = round(of * SIZE * SIZE)
    return np.arange(SIZE * SIZE).reshape(SIZE, SIZE) < count


def test_a_pair_that_agrees() -> None:
    alike = ALL.copy()
    alike[3:6, 3:6] = False
    assert sentence("mirrored", alignment(148), cells(alike), ALL) == (
        "The query agrees with the reference, once it is mirrored: 148 small details lie at the "
        "same places in both, and 89 % of the shared area looks alike (by chance, 1 % does). They "
        "differ most in the middle."
    )


def test_a_stranger() -> None:
    words = sentence("full", alignment(0), cells(share(0.04)), ALL)
    assert words == (
        "The query agrees with the reference no more than a stranger does: 4 % of the shared area "
        "looks alike, and too few small details lie at the same places."
    )


def test_a_part_says_how_much_it_shows() -> None:
    covered = np.zeros((10, 10), np.bool_)
    covered[:5] = True
    words = sentence(described("mirrored", (0, 0, 1, 0.5)), alignment(30), cells(ALL), covered)
    assert "once it is mirrored and laid over a part of it" in words
    assert words.endswith("100 % of the shared area looks alike (by chance, 1 % does). The query "
                          "shows about 50 % of the reference.")  # fmt: skip


def test_a_lookalike_is_not_called_an_agreement() -> None:
    for inliers, alike in ((0, 0.2), (20, 0.02)):
        words = sentence("full", alignment(inliers), cells(share(alike)), ALL)
        assert words.startswith("The query resembles the reference in part")
        assert "differ" not in words


def test_a_few_cells_that_look_alike_say_nothing() -> None:
    known = np.zeros_like(ALL)
    known[0, :4] = True
    words = sentence("full", alignment(0), cells(ALL, known), ALL)
    assert words.startswith("The query agrees with the reference no more than a stranger does")
    assert "only 4 of 81 cells can be compared" in words
    assert "alike" not in words


def test_without_cells_details_alone_speak() -> None:
    assert strength(alignment(40), None) == AGREES
    assert strength(alignment(0), None) == 0
    assert sentence("full", alignment(40), None, ALL) == (
        "The query agrees with the reference: 40 small details lie at the same places in both."
    )


@pytest.mark.parametrize(
    ("row", "column", "name"),
    [
        (0, 0, "at the upper left"),
        (0, 1, "at the top"),
        (1, 1, "in the middle"),
        (1, 2, "at the right"),
        (2, 1, "at the bottom"),
        (2, 2, "at the lower right"),
    ],
)
def test_where_they_differ(row: int, column: int, name: str) -> None:
    alike = ALL.copy()
    alike[3 * row : 3 * row + 3, 3 * column : 3 * column + 3] = False
    assert differing(cells(alike)) == name


def test_nothing_is_named_that_does_not_stand_out() -> None:
    assert differing(cells(ALL)) == ""
    known = np.zeros_like(ALL)
    known[:3, :3] = True
    assert differing(cells(~ALL, known)) == ""  # nothing else is known


def test_it_says_everything_only_where_it_is_everything() -> None:
    nearly = np.ones((32, 32), np.bool_)
    nearly[0, 0] = False
    assert "more than 99 %" in sentence("full", alignment(9), cells(nearly, nearly | True), nearly)
    few = ~nearly
    assert "less than 1 %" in sentence("full", alignment(0), cells(few, nearly | True), nearly)


@pytest.mark.parametrize("box", [(0, 0, 0.5, 1), (0.2, 0.2, 0.8, 0.8), (0.5, 0.5, 1, 1)])
def test_every_part_that_a_search_names_is_a_part_here(box: Box) -> None:
    words = sentence(described("full", box), alignment(30), cells(ALL), ALL)
    start = "The query agrees with the reference, once it is laid over a part of it:"
    assert words.startswith(start)
