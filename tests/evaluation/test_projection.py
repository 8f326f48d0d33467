import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from originid.evaluation.projection import (
    projected_acc,
    projected_map,
    stranger_probability,
    tail_size,
)
from originid.verdict.pareto_tail import TAIL_LEAST, fit_pareto, survival

STRANGERS = 2000
KNOWN_TAILS = {
    "exponential": stats.expon(),
    "bounded": stats.genpareto(-0.3),
    "heavy": stats.genpareto(0.15),
    "gaussian": stats.norm(),
}


def probability(best: float, scores: np.ndarray) -> float:
    """p of one query from the scores of all strangers."""
    top = np.sort(scores)[-tail_size(len(scores)) - 1 :]
    beaten = (scores >= best).sum()
    return float(stranger_probability([best], top[None], [beaten], [len(scores)])[0])


def slow_fit(x: list[float]) -> tuple[float, float]:
    """Zhang and Stephens (2009), one number at a time, in the paper's sign k = -shape."""
    n, m = len(x), 30 + int(math.sqrt(len(x)))
    quartile = x[int(n / 4 + 0.5) - 1]

    def k(theta: float) -> float:
        return -sum(math.log(1 - theta * value) for value in x) / n

    grid = [1 / x[-1] + (1 - math.sqrt(m / (j - 0.5))) / (3 * quartile) for j in range(1, m + 1)]
    profile = [n * (math.log(theta / k(theta)) + k(theta) - 1) for theta in grid]
    weights = [1 / sum(math.exp(other - own) for other in profile) for own in profile]
    theta = sum(weight * each for weight, each in zip(weights, grid, strict=True))
    return -k(theta), k(theta) / theta


def test_fit_against_a_slow_reference() -> None:
    x = np.sort(stats.genpareto(-0.2, scale=0.05).rvs((5, 80), random_state=0), axis=1)
    shape, scale = fit_pareto(x)
    expected = [slow_fit(row) for row in x.tolist()]
    np.testing.assert_allclose(np.stack([shape, scale], axis=1), expected, rtol=1e-9)


def test_zeros_before_the_data_change_nothing() -> None:
    x = np.sort(stats.expon().rvs((3, 64), random_state=1), axis=1)
    padded = np.concatenate([np.zeros((3, 17)), x], axis=1)
    # 64 and 81 values have 38 and 39 grid points: the same estimate on another grid.
    np.testing.assert_allclose(fit_pareto(padded), fit_pareto(x), atol=0.01)


@pytest.mark.parametrize("shape", [-0.5, -0.2, 0.0, 0.2])
def test_fit_finds_a_known_tail(shape: float) -> None:
    x = np.sort(stats.genpareto(shape, scale=0.3).rvs((200, 300), random_state=2), axis=1)
    found, scale = fit_pareto(x)
    assert found.mean() == pytest.approx(shape, abs=0.03)
    assert scale.mean() == pytest.approx(0.3, rel=0.04)
    assert found.std() < 0.08


positive = st.floats(1e-6, 1e6)


@given(st.lists(positive, min_size=TAIL_LEAST, max_size=40))
def test_the_end_of_the_tail_lies_beyond_every_excess(values: list[float]) -> None:
    x = np.sort(np.array([values]))
    shape, scale = fit_pareto(x)
    assert np.isfinite(shape[0])
    assert scale[0] > 0
    assert survival(x[:, -1], shape, scale)[0] > 0


@given(st.floats(1e-3, 1e3))
def test_fit_does_not_depend_on_the_unit(unit: float) -> None:
    x = np.sort(stats.expon().rvs((1, 50), random_state=3), axis=1)
    shape, scale = fit_pareto(x)
    scaled_shape, scaled_scale = fit_pareto(unit * x)
    np.testing.assert_allclose(scaled_shape, shape, rtol=1e-9)
    np.testing.assert_allclose(scaled_scale, unit * scale, rtol=1e-9)


@pytest.mark.parametrize("shape", [-0.5, -1e-12, 0.0, 1e-12, 0.3])
def test_survival_against_scipy(shape: float) -> None:
    excess = np.array([0.0, 0.1, 1.0, 1.999, 2.0, 50.0])
    expected = stats.genpareto(shape).sf(excess)
    np.testing.assert_allclose(survival(excess, shape, 1.0), expected, rtol=1e-6, atol=1e-300)


def test_measures_at_n() -> None:
    np.testing.assert_allclose(projected_acc([0, 1e-6, 1], 10**6), [1, math.exp(-1), 0])
    # The number K of better strangers is Poisson; the reciprocal rank is 1 / (1 + K).
    better = stats.poisson(3.0).pmf(np.arange(200))
    expected = (better / np.arange(1, 201)).sum()
    np.testing.assert_allclose(projected_map([3e-6], 10**6), [expected])


def test_measures_at_n_where_n_p_is_tiny_or_unknown() -> None:
    p = np.array([0.0, 1e-300, 1e-18, 1e-14])
    expected = [1, 1, 1 - 5e-13, 1 - 5e-9]
    np.testing.assert_allclose(projected_map(p, 10**6), expected, rtol=1e-15)
    assert np.isnan(projected_map([math.nan], 10)).all()
    assert np.isnan(projected_acc([math.nan], 10)).all()


@given(st.floats(0, 1), st.integers(1, 10**9))
def test_map_lies_between_acc_and_one(p: float, population: int) -> None:
    acc, mean = projected_acc(p, population), projected_map(p, population)
    assert 0 <= acc <= mean + 1e-15 <= 1 + 1e-15


def test_the_tail_is_the_top_five_per_cent_within_limits() -> None:
    assert [tail_size(n) for n in (0, 380, 381, 6136, 10**6)] == [0, 0, 20, 307, 1000]


def bias(tail: str, queries: int, strangers: int, population: int, lowest: int) -> float:
    """Projected Acc less the Acc against N real strangers, in points.

    The origins' log10 p is uniform from ``lowest`` up to -3.
    """
    rng, law, size = np.random.default_rng(4), KNOWN_TAILS[tail], tail_size(strangers)
    best = law.isf(10 ** rng.uniform(lowest, -3, queries))
    scores = law.rvs((queries, strangers), random_state=rng)
    top = np.partition(scores, -size - 1, axis=1)[:, -size - 1 :]
    beaten = (scores >= best[:, None]).sum(axis=1)
    p = stranger_probability(best, top, beaten, np.full(queries, strangers))
    strongest = law.ppf(rng.random((20, queries)) ** (1 / population))  # the best of N strangers
    direct = (best > strongest).mean()
    return float(100 * (projected_acc(p, population).mean() - direct))


@pytest.mark.parametrize("tail", ["exponential", "heavy"])
def test_projection_against_ten_times_as_many_real_strangers(tail: str) -> None:
    assert abs(bias(tail, 300, 20_000, 200_000, lowest=-9)) < 4


@pytest.mark.parametrize("p", [1e-3, 1e-4, 1e-5])
@pytest.mark.parametrize(
    ("tail", "factor"), [("exponential", 1.5), ("heavy", 1.5), ("bounded", 1.5), ("gaussian", 3)]
)
def test_typical_p_of_a_known_tail(tail: str, factor: float, p: float) -> None:
    law = KNOWN_TAILS[tail]
    scores = law.rvs((100, 20_000), random_state=9)
    found = np.median([probability(law.isf(p), row) for row in scores])
    assert p / factor < found < p * factor


@pytest.mark.parametrize(
    ("tail", "known"), [("gaussian", 4.5), ("exponential", -4), ("bounded", -22)]
)
def test_bias_of_projecting_5800_strangers_to_a_million_is_as_documented(
    tail: str, known: float
) -> None:
    assert bias(tail, 1000, 5800, 10**6, lowest=-12) == pytest.approx(known, abs=2)


def test_at_the_measured_size_the_projection_gives_the_measured_accuracy() -> None:
    queries, rng = 1000, np.random.default_rng(5)
    best = stats.norm.isf(10 ** rng.uniform(-6, 0, queries))
    scores = rng.standard_normal((queries, STRANGERS))
    p = [probability(own, row) for own, row in zip(best, scores, strict=True)]
    measured = (best > scores.max(axis=1)).mean()
    assert projected_acc(p, STRANGERS).mean() == pytest.approx(measured, abs=0.02)


def test_an_origin_below_the_tail_gets_the_share_that_was_seen() -> None:
    assert probability(0.5, np.arange(1000) / 1000) == 0.5
    assert probability(-1.0, np.arange(1000) / 1000) == 1.0


def test_an_origin_beyond_a_finite_end_gets_zero() -> None:
    scores = np.random.default_rng(6).random(2000)
    assert probability(1.5, scores) == 0.0
    assert probability(scores.max(), scores) > 0


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=2), st.integers(0, 20))
def test_a_higher_score_is_never_likelier_to_be_beaten(pair: list[float], seed: int) -> None:
    scores = np.tanh(np.random.default_rng(seed).standard_normal(500) / 3)
    low, high = sorted(pair)
    slack = 1 / len(scores)  # where the observed share hands over to the fitted tail
    assert 0 <= probability(high, scores) <= probability(low, scores) + slack


@pytest.mark.parametrize("bits", [64, 256])
def test_discrete_scores(bits: int) -> None:
    """Agreement of binary codes: a lattice whose ties at the threshold are many."""
    law = stats.binom(bits, 0.5)
    scores = law.rvs((100, 5800), random_state=7) / bits
    for p in (1e-3, 1e-4):
        best = law.isf(p) / bits
        exact = law.sf(best * bits - 1)
        found = np.median([probability(best, row) for row in scores])
        assert exact / 2 < found < exact * 2


def test_scores_that_do_not_spread_give_one_stranger_and_not_zero() -> None:
    assert probability(0.9, np.full(1000, 0.5)) == 1 / 1000
    assert probability(0.5, np.full(1000, 0.5)) == 1.0
    assert probability(0.9, 0.5 + 1e-8 * np.arange(1000)) == 1 / 1000


def test_strangers_that_were_taken_out() -> None:
    top = np.concatenate([np.full(30, -np.inf), np.linspace(0, 0.3, 21)])
    p = stranger_probability([0.4, 0.2, -np.inf], np.stack([top] * 3), [0, 8, 21], [21] * 3)
    assert p.tolist() == [1 / 21, 8 / 21, 1.0]


def test_rows_do_not_depend_on_each_other() -> None:
    scores = np.random.default_rng(8).standard_normal((6, 800))
    scores[3] = 0.0
    best = np.array([5.0, 0.0, 2.0, 1.0, 9.0, 3.0])
    top = np.sort(scores, axis=1)[:, -41:]
    together = stranger_probability(
        best, top, (scores >= best[:, None]).sum(axis=1), np.full(6, 800)
    )
    assert together.tolist() == [probability(*one) for one in zip(best, scores, strict=True)]
