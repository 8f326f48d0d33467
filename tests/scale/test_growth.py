"""Quantities between and beyond the sizes at which they were measured, and that they never fall."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from originid.scale.growth import Growth, interpolated, largest, times

LINE = Growth((10, 100, 1000), (5.0, 14.0, 104.0))  # 4 and a tenth of the size

POINTS = st.dictionaries(st.integers(1, 10**7), st.floats(0, 1e9), min_size=1, max_size=5).map(
    lambda found: sorted(found.items())
)


@pytest.mark.parametrize(
    ("references", "value"),
    [(10, 5), (55, 9.5), (1000, 104), (2000, 204), (0, 4), (10**9, 1e8 + 4)],
)
def test_values_on_a_line(references: int, value: float) -> None:
    assert LINE.at(references) == pytest.approx(value)


def test_what_one_more_reference_adds() -> None:
    assert LINE.slope == pytest.approx(0.1)
    assert Growth((50,), (10.0,)).slope == 0.2
    assert Growth((50,), (10.0,)).at(100) == 20


def test_a_fall_counts_as_noise() -> None:
    noisy = Growth((1, 2, 3), (7.0, 5.0, 9.0))
    assert [noisy.at(n) for n in (1, 2, 3)] == [7, 7, 9]


def test_what_a_small_size_needs_is_not_below_nothing() -> None:
    assert Growth((10, 20), (1.0, 11.0)).at(0) == 0


@given(points=POINTS, sizes=st.tuples(st.integers(0, 10**12), st.integers(0, 10**12)))
def test_more_references_never_need_less(
    points: list[tuple[int, float]], sizes: tuple[int, int]
) -> None:
    growth = Growth(tuple(n for n, _ in points), tuple(value for _, value in points))
    few, many = sorted(sizes)
    assert growth.at(few) <= growth.at(many) * (1 + 1e-12)


def test_the_largest_size_within_a_value() -> None:
    assert LINE.most(104, 10**12) == 1000
    assert LINE.most(3, 10**12) == 0
    assert LINE.most(1e30, 777) == 777


@given(limit=st.integers(0, 1000), edge=st.integers(0, 1000))
def test_largest_finds_the_edge(limit: int, edge: int) -> None:
    assert largest(lambda n: n <= edge, limit) == min(limit, edge)


def test_interpolation_stays_at_its_ends() -> None:
    assert [interpolated((1, 3), (10.0, 20.0), x) for x in (0, 1, 2, 3, 9)] == [10, 10, 15, 20, 20]


def test_parts_of_a_whole() -> None:
    assert [times(whole, 10) for whole in (0, 1, 10, 10.1, 25)] == [1, 1, 1, 2, 3]
