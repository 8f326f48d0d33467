"""The tail of strangers' scores: against scipy's distribution, and against counting."""

import math
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from originid.errors import InputError
from originid.verdict.pareto_tail import (
    BODY,
    BODY_LEAST,
    TAIL_LEAST,
    Tail,
    fit_pareto,
    pooled_tail,
    survival,
)

SHAPES = (-0.5, -0.2, 0.0, 0.2, 0.5)
shapes = st.floats(-0.8, 0.8).filter(lambda shape: abs(shape) > 1e-6 or shape == 0)
scales = st.floats(0.01, 100)


def drawn(shape: float, scale: float, count: int, seed: int) -> np.ndarray:
    found = stats.genpareto.rvs(shape, scale=scale, size=count, random_state=seed)
    return np.sort(np.asarray(found, np.float64))


# The distribution itself.


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=20), shapes, scales)
def test_survival_is_that_of_scipy(excess: list[float], shape: float, scale: float) -> None:
    got = survival(np.array(excess), shape, scale)
    expected = stats.genpareto.sf(np.array(excess), shape, scale=scale)
    np.testing.assert_allclose(got, expected, rtol=1e-7, atol=1e-300)


@given(st.floats(0, 50), st.floats(0, 50), shapes, scales)
def test_survival_falls(one: float, other: float, shape: float, scale: float) -> None:
    low, high = sorted((one, other))
    at_low, at_high = survival(np.array([low, high]), shape, scale)
    assert 1 >= at_low >= at_high >= 0


@pytest.mark.parametrize("scale", [0.1, 1.0, 7.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_everything_survives_an_excess_of_zero(shape: float, scale: float) -> None:
    assert survival(0.0, shape, scale) == 1


@pytest.mark.parametrize("shape", [-0.1, -0.25, -0.5, -1.0])
def test_a_negative_shape_ends_at_scale_by_shape(shape: float) -> None:
    end = 3.0 / -shape
    assert survival(end * 0.999, shape, 3.0) > 0
    assert survival(end, shape, 3.0) == 0
    assert survival(end * 1000, shape, 3.0) == 0


def test_no_shape_is_an_exponential() -> None:
    excess = np.linspace(0, 20, 50)
    np.testing.assert_allclose(survival(excess, 0.0, 2.0), np.exp(-excess / 2), rtol=1e-12)
    np.testing.assert_allclose(survival(excess, 1e-8, 2.0), np.exp(-excess / 2), rtol=1e-5)


def test_shapes_and_scales_go_with_their_rows() -> None:
    rows = survival(np.array([1.0, 1.0, 1.0]), np.array([-0.2, 0.0, 0.2]), np.array([1, 2, 3]))
    alone = [float(survival(1.0, s, c)) for s, c in ((-0.2, 1), (0.0, 2), (0.2, 3))]
    assert rows.tolist() == pytest.approx(alone, rel=1e-12)


# Fitting it.


@pytest.mark.parametrize("scale", [0.02, 1.0, 50.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_fit_finds_what_scipy_drew(shape: float, scale: float) -> None:
    excesses = np.stack([drawn(shape, scale, 2000, seed) for seed in range(8)])
    found, size = fit_pareto(excesses)
    assert found.shape == size.shape == (8,)
    # The standard error of a shape from 2,000 values is (1 + shape) / sqrt(2000): 0.01 to 0.03.
    assert np.abs(found - shape).max() < 4 * (1 + shape) / math.sqrt(2000) + 0.02
    np.testing.assert_allclose(size, scale, rtol=0.15)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_fit_is_hardly_less_likely_than_scipys(shape: float) -> None:
    """It is not the likeliest, but the mean over likely ones: within one unit of log-likelihood."""
    x = drawn(shape, 1.0, 500, 3)
    found, scale = fit_pareto(x[None])
    own = stats.genpareto.logpdf(x, found[0], scale=scale[0]).sum()
    best_shape, _, best_scale = stats.genpareto.fit(x, floc=0)
    best = stats.genpareto.logpdf(x, best_shape, scale=best_scale).sum()
    assert own > best - 1


@settings(max_examples=40, deadline=None)
@given(st.floats(-0.5, 0.5), st.integers(0, 10**6))
def test_every_excess_lies_before_the_end_of_its_fit(shape: float, seed: int) -> None:
    x = drawn(shape, 1.0, TAIL_LEAST, seed)
    found, scale = fit_pareto(x[None])
    assert np.isfinite([found[0], scale[0]]).all()
    assert scale[0] > 0
    assert survival(x[-1], found[0], scale[0]) > 0


@settings(max_examples=30, deadline=None)
@given(st.floats(-0.4, 0.4), st.floats(1e-3, 1e3), st.integers(0, 10**6))
def test_a_fit_scales_with_its_data(shape: float, unit: float, seed: int) -> None:
    x = drawn(shape, 1.0, 100, seed)
    (one,), (size,) = fit_pareto(x[None])
    (two,), (larger,) = fit_pareto(unit * x[None])
    assert two == pytest.approx(one, abs=1e-9)
    assert larger == pytest.approx(unit * size, rel=1e-9)


def test_rows_are_fitted_alone() -> None:
    rows = np.stack([drawn(shape, 1.0, 300, 9) for shape in SHAPES])
    together = fit_pareto(rows)
    alone = [fit_pareto(row[None]) for row in rows]
    np.testing.assert_allclose(together[0], [shape[0] for shape, _ in alone], rtol=1e-12)
    np.testing.assert_allclose(together[1], [scale[0] for _, scale in alone], rtol=1e-12)


# The tail as a whole: what was seen below the threshold, the fit above.


@pytest.fixture(scope="module")
def normal() -> np.ndarray:
    return np.random.default_rng(1).normal(0, 0.1, 200_000)


def test_below_the_threshold_it_is_what_was_counted(normal: np.ndarray) -> None:
    tail = pooled_tail(normal)
    for share, score in zip(BODY, tail.body, strict=False):
        counted = (normal >= score).mean()
        assert counted == pytest.approx(share, abs=1e-4)
        assert float(tail.exceedance(score)) == pytest.approx(share, rel=1e-9)


SEEDS = range(8)  # from 200 exceedances alone, a tail two decades out may be off by half a decade


@pytest.mark.parametrize("sigmas", [1.0, 2.0, 3.0, 3.5, 4.0, 4.5])
def test_a_normal_tail_is_read_beyond_what_was_seen(sigmas: float) -> None:
    """In decades, on average: at 4.5 sigma, one in 300,000, from 200,000 scores."""
    errors = []
    for seed in SEEDS:
        scores = np.random.default_rng(seed).normal(0, 0.1, 200_000)
        got = float(pooled_tail(scores).exceedance(0.1 * sigmas))
        errors.append(math.log10(got) - math.log10(stats.norm.sf(sigmas)))
    assert abs(np.mean(errors)) < 0.25
    assert np.abs(errors).max() < 0.8


@pytest.mark.parametrize("shape", [-0.3, 0.0, 0.3])
def test_a_pareto_tail_is_found_again(shape: float) -> None:
    tails = [pooled_tail(drawn(shape, 1.0, 200_000, seed)) for seed in SEEDS]
    for p, tolerance in ((1e-3, 0.05), (1e-4, 0.15), (1e-5, 0.3)):
        score = stats.genpareto.isf(p, shape)
        found = [math.log10(float(tail.exceedance(score))) for tail in tails]
        assert np.mean(found) == pytest.approx(math.log10(p), abs=tolerance)


def test_the_tail_neither_jumps_nor_rises(normal: np.ndarray) -> None:
    tail = pooled_tail(normal)
    scores = np.linspace(-0.5, 1.0, 20_001)
    p = tail.exceedance(scores)
    assert (np.diff(p) <= 1e-15).all()
    assert ((p >= 0) & (p <= 1)).all()
    # A step here is 7.5e-5, of a scale of 0.1: below the start of the body all is 1.
    inside = p[:-1] > 1e-12
    assert (p[1:][inside] / p[:-1][inside]).min() > 0.9


@pytest.mark.parametrize(
    ("count", "points"),
    [(400, 5), (999, 5), (1000, 6), (4000, 8), (19_999, 9), (20_000, 10), (10**6, 10)],
)
def test_the_threshold_is_as_far_out_as_twenty_scores_allow(count: int, points: int) -> None:
    scores = np.random.default_rng(2).normal(size=count)
    tail = pooled_tail(scores)
    assert len(tail.body) == points
    assert tail.share == BODY[points - 1]
    assert tail.share * count >= TAIL_LEAST
    assert points == len(BODY) or BODY[points] * count < TAIL_LEAST


@pytest.mark.parametrize("count", [0, 1, 100, 399])
def test_too_few_scores_are_refused_with_how_many_there_are(count: int) -> None:
    with pytest.raises(InputError, match=f"^{count} scores of strangers") as caught:
        pooled_tail(np.random.default_rng(3).normal(size=count))
    assert "expected 400 scores" in caught.value.expected
    assert math.ceil(TAIL_LEAST / BODY[BODY_LEAST - 1]) == 400


@pytest.mark.parametrize("values", [1, 2])
def test_scores_that_repeat_have_no_tail(values: int) -> None:
    scores = np.random.default_rng(4).integers(0, values, 10_000) / 10
    with pytest.raises(InputError, match="0 are above the highest that repeats"):
        pooled_tail(scores)


def test_the_order_of_the_scores_does_not_matter(normal: np.ndarray) -> None:
    some = normal[:5000]
    assert pooled_tail(some) == pooled_tail(some[::-1]) == pooled_tail(np.sort(some))


def test_a_tail_goes_through_json() -> None:
    tail = pooled_tail(np.random.default_rng(5).normal(size=5000))
    assert Tail(**asdict(tail)) == tail
    assert Tail(**{**asdict(tail), "body": list(tail.body)}) == tail


TAIL = Tail((0.0, 0.1, 0.2), shape=0.1, scale=0.05)


@pytest.mark.parametrize(
    "wrong",
    [
        {"body": ()},
        {"body": (0.2, 0.1)},
        {"body": (0.0, float("nan"))},
        {"body": tuple(range(len(BODY) + 1))},
        {"scale": 0.0},
        {"scale": -1.0},
        {"scale": float("inf")},
        {"shape": float("nan")},
        {"shape": float("-inf")},
    ],
)
def test_a_tail_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError, match="ascending scores, a finite shape, a positive scale"):
        replace(TAIL, **wrong)  # type: ignore[arg-type]


def test_exceedance_by_hand() -> None:
    # Below: halfway between the scores of 1 and 0.5, and of 0.5 and 0.2, in the logarithm.
    assert float(TAIL.exceedance(0.05)) == pytest.approx(math.sqrt(0.5))
    assert float(TAIL.exceedance(0.15)) == pytest.approx(math.sqrt(0.5 * 0.2))
    assert float(TAIL.exceedance(-9.0)) == 1
    # Above: 0.2 (1 + 0.1 * 0.1 / 0.05)^-10
    assert float(TAIL.exceedance(0.3)) == pytest.approx(0.2 * 1.2**-10)
