"""The strength of candidates by a slow loop, and what a candidate is seen as."""

import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from originid.details.verification import Agreement
from originid.escalation.candidates import AGREED, DETAILS_WEIGHT, PARTS_WEIGHT, Candidates
from originid.types import Box
from originid.views.looks import Look, Stage
from originid.views.places import Place

CELLS = 32
BOX: Box = (0.1, 0.2, 0.6, 0.9)
LOOKS = (
    Look("full", Place(32, 32, 0, 0)),
    Look("mirrored", Place(16, 32, 16, 0)),
    Look("turned by a half", Place(16, 16, 0, 16)),
)


def agreement(statistic: float, box: Box | None = BOX) -> Agreement:
    none = np.zeros(0, np.int64)
    return Agreement(statistic, none, none, 1 + 0j, 0j, box)


def stage(z: list[float], first: int = 0) -> Stage:
    """A stage in which the look of each reference is the next one, and its cosine z / 100."""
    values = np.array(z, np.float32)
    looks = (first + np.arange(len(z))) % len(LOOKS)
    return Stage(values, looks, LOOKS, values / np.float32(100))


def candidates(
    coarse: list[float],
    dense: list[float],
    parts: list[float],
    agreements: dict[int, tuple[str, Agreement]] | None = None,
) -> Candidates:
    ids = 10 * np.arange(len(coarse)) + 5
    found = agreements or {}
    return Candidates(ids, stage(coarse), stage(dense, 1), np.array(parts, np.float32), found)


NUMBERS = st.floats(-30, 30, width=32)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), min_size=1, max_size=12),
    statistics_of=st.dictionaries(st.integers(0, 11), st.floats(0, 60), max_size=6),
)
def test_the_strength_by_a_loop(
    rows: list[tuple[float, float, float]], statistics_of: dict[int, float]
) -> None:
    compared = {n: value for n, value in statistics_of.items() if n < len(rows)}
    agreements = {n: ("full", agreement(value)) for n, value in compared.items()}
    coarse, dense, parts = (list(each) for each in zip(*rows, strict=True))
    found = candidates(coarse, dense, parts, agreements)
    usual = statistics.median(compared.values()) if compared else 0.0
    for place, (first, second, moved) in enumerate(rows):
        by_vectors = max(first, second) + PARTS_WEIGHT * max(moved, 0)
        assert found.by_vectors[place] == pytest.approx(by_vectors, abs=1e-4)
        strength = by_vectors + DETAILS_WEIGHT * compared.get(place, usual)
        assert found.strength[place] == pytest.approx(strength, abs=1e-4)
        assert found.cosines[place] == pytest.approx(max(first, second) / 100, abs=1e-5)


def test_what_was_not_compared_agrees_as_a_usual_one_does() -> None:
    agreements = {0: ("full", agreement(30)), 2: ("full", agreement(1)), 3: ("full", agreement(2))}
    found = candidates([1, 1, 1, 1, 1], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0], agreements)
    expected = [1 + DETAILS_WEIGHT * details for details in (30, 2, 1, 2, 2)]
    np.testing.assert_allclose(found.strength, expected, rtol=1e-6)
    assert found.strength.dtype == np.float32


def test_parts_below_those_of_strangers_take_nothing_away() -> None:
    found = candidates([3, 3], [1, 1], [-9, 0])
    assert found.by_vectors.tolist() == [3, 3]


def test_nothing_has_no_strength() -> None:
    found = candidates([], [], [])
    assert found.strength.shape == found.cosines.shape == (0,)
    assert found.best(5) == []


def test_the_best_come_first_and_of_equal_ones_the_first() -> None:
    found = candidates([1, 5, 3, 5, 0], [0, 0, 0, 0, 4], [0, 0, 20, 0, 0])
    assert found.best(3) == [2, 1, 3]
    assert found.best(99) == [2, 1, 3, 4, 0]


@pytest.mark.parametrize(
    ("statistic", "box", "seen"),
    [
        (AGREED, BOX, ("by details", BOX)),
        (99.0, BOX, ("by details", BOX)),
        (AGREED - 0.01, BOX, ("mirrored", (0.0, 0.5, 1.0, 1.0))),
        (99.0, None, ("mirrored", (0.0, 0.5, 1.0, 1.0))),
    ],
)
def test_an_agreement_that_is_clear_says_where_the_query_lies(
    statistic: float, box: Box | None, seen: tuple[str, Box]
) -> None:
    found = candidates([0, 9], [0, 1], [0, 0], {1: ("by details", agreement(statistic, box))})
    assert found.seen(1, None, CELLS) == seen


def test_the_better_stage_says_what_is_seen() -> None:
    found = candidates([9, 9, 4], [1, 1, 5], [0, 0, 0])
    assert found.seen(0, None, CELLS) == ("full", (0, 0, 1, 1))  # the first look of the coarse
    assert found.seen(1, None, CELLS) == ("mirrored", (0, 0.5, 1, 1))
    assert found.seen(2, None, CELLS) == ("full", (0, 0, 1, 1))  # the third of the dense ones
    equal = candidates([5, 5], [5, 5], [0, 0])
    assert equal.seen(1, None, CELLS)[0] == "mirrored"  # the coarse look


def test_a_look_at_a_form_lies_within_the_form() -> None:
    form: Box = (0.0, 0.2, 0.5, 0.6)
    found = candidates([9, 9, 9], [0, 0, 0], [0, 0, 0], {0: ("by details", agreement(50))})
    assert found.seen(0, form, CELLS) == ("by details", BOX)  # details are of the whole file
    view, box = found.seen(1, form, CELLS)
    assert view == "mirrored"
    assert box == pytest.approx((0.0, 0.4, 0.5, 0.6))
    view, box = found.seen(2, form, CELLS)
    assert view == "turned by a half"
    assert box == pytest.approx((0.25, 0.2, 0.5, 0.4))
