import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from originid.evaluation.metrics import (
    bootstrap_interval,
    hits,
    macro_average,
    pessimistic_ranks,
    reciprocal_ranks,
    share_interval,
)


def test_ranks_by_hand() -> None:
    wrong = np.array([[0.1, 0.3, 0.2], [0.1, 0.3, 0.2], [0.1, 0.3, 0.2], [0.1, 0.3, 0.2]])
    assert pessimistic_ranks([0.4, 0.25, 0.15, 0.0], wrong).tolist() == [1, 2, 3, 4]


def test_ties_count_against_us() -> None:
    assert pessimistic_ranks([0.5], [[0.5, 0.5, 0.1]]).tolist() == [3]


def test_a_reference_that_is_taken_out_is_not_before_the_origin() -> None:
    assert pessimistic_ranks([0.5], [[-math.inf, 0.9]]).tolist() == [2]


def test_a_query_without_a_correct_reference_ranks_behind_all() -> None:
    assert pessimistic_ranks([-math.inf], [[-1.0, -math.inf, 0.2]]).tolist() == [3]


def test_no_wrong_reference_at_all() -> None:
    assert pessimistic_ranks([0.2, -0.4], np.empty((2, 0))).tolist() == [1, 1]


scores = st.integers(-3, 3).map(lambda score: score / 3)


@given(best=scores, wrong=st.lists(scores, max_size=8))
def test_rank_is_the_place_after_sorting_with_the_origin_last_among_equals(
    best: float, wrong: list[float]
) -> None:
    order = sorted([(-best, 1), *((-score, 0) for score in wrong)])
    (rank,) = pessimistic_ranks([best], np.array([wrong]))
    assert rank == 1 + order.index((-best, 1))


def test_reciprocal_ranks_and_hits() -> None:
    assert reciprocal_ranks([1, 2, 4]).tolist() == [1.0, 0.5, 0.25]
    assert hits([1, 2, 5, 6], 1).tolist() == [1.0, 0.0, 0.0, 0.0]
    assert hits([1, 2, 5, 6], 5).tolist() == [1.0, 1.0, 1.0, 0.0]


def test_macro_average_weighs_groups_and_not_queries() -> None:
    assert macro_average([1, 1, 1, 0], ["a", "a", "a", "b"]) == 0.5
    assert macro_average([1, 0, 0.5], [7, 7, 3]) == 0.5


@given(st.lists(st.tuples(st.floats(0, 1), st.sampled_from("abc")), min_size=1, max_size=30))
def test_macro_average_against_a_dictionary_and_in_any_order(
    rows: list[tuple[float, str]],
) -> None:
    of_group: dict[str, list[float]] = {}
    for value, group in rows:
        of_group.setdefault(group, []).append(value)
    means = [sum(values) / len(values) for values in of_group.values()]
    for ordered in (rows, rows[::-1]):
        values, groups = zip(*ordered, strict=True)
        assert macro_average(values, groups) == pytest.approx(sum(means) / len(means))


@pytest.mark.parametrize(
    ("values", "groups"), [([], []), ([1.0], []), ([1.0, 0.0], ["a"]), ([[1.0]], [["a"]])]
)
def test_macro_average_refuses_what_does_not_fit(values: list[float], groups: list[str]) -> None:
    with pytest.raises(ValueError, match="one group for each of at least one value"):
        macro_average(values, groups)


def test_bootstrap_of_many_groups_is_near_the_normal_interval() -> None:
    rng = np.random.default_rng(1)
    values = rng.random(400)
    low, high = bootstrap_interval(values, np.arange(400), repeats=4000)
    half = 1.96 * values.std() / 20
    assert low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert high == pytest.approx(values.mean() + half, abs=0.1 * half)


def test_bootstrap_resamples_groups_and_not_queries() -> None:
    values = np.repeat([1.0, 0.0, 1.0, 0.0, 1.0], [50, 1, 1, 50, 1])
    groups = np.repeat([0, 1, 2, 3, 4], [50, 1, 1, 50, 1])
    assert bootstrap_interval(values, groups) == bootstrap_interval(
        [1.0, 0.0, 1.0, 0.0, 1.0], range(5)
    )


def test_bootstrap_is_repeatable_and_its_seed_matters() -> None:
    values = np.random.default_rng(2).random(30)
    first = bootstrap_interval(values, range(30), repeats=50, seed=3)
    assert first == bootstrap_interval(values, range(30), repeats=50, seed=3)
    assert first != bootstrap_interval(values, range(30), repeats=50, seed=4)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.integers(0, 5))
def test_bootstrap_stays_within_the_values(values: list[float], seed: int) -> None:
    low, high = bootstrap_interval(values, range(len(values)), repeats=20, seed=seed)
    assert min(values) - 1e-12 <= low <= high <= max(values) + 1e-12


def test_bootstrap_of_one_group_has_no_width() -> None:
    assert bootstrap_interval([1.0, 0.0], ["a", "a"]) == (0.5, 0.5)


def test_unknown_stays_unknown() -> None:
    assert math.isnan(macro_average([1.0, math.nan], ["a", "b"]))
    assert all(math.isnan(end) for end in bootstrap_interval([1.0, math.nan], ["a", "a"]))


@pytest.mark.parametrize("groups", [1, 5, 70])
def test_where_nothing_varies_the_interval_is_that_of_clopper_and_pearson(groups: int) -> None:
    from scipy.stats import binomtest

    numbers = np.arange(groups)
    for right in (0, groups):
        exact = binomtest(right, groups).proportion_ci(0.95, "exact")
        found = share_interval(np.full(groups, right / groups), numbers)
        assert found == pytest.approx((exact.low, exact.high))


def test_elsewhere_it_is_that_of_the_bootstrap() -> None:
    values, groups = np.array([1, 0, 1, 1]), np.array([0, 1, 2, 2])
    assert share_interval(values, groups) == bootstrap_interval(values, groups)
