"""A collection calibrates itself: leads, their tail, and what is promised."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from originid.errors import InputError
from originid.verdict.collection_calibration import CollectionCalibration, calibrate
from originid.verdict.lead import (
    LARGE,
    LISTED,
    MOST_COPIES,
    SMALL,
    leads,
    ranks,
    usual,
    without_copies,
)
from originid.verdict.pareto_tail import BODY, Tail
from originid.verdict.strangers import (
    PRIOR_SCALE,
    StrangersTail,
    fit_strangers,
    robust_scale,
)

MODEL = Tail(tuple(np.linspace(-0.12, 0.083, len(BODY)).tolist()), shape=0.016, scale=0.0089)


def pareto_lists(rng: np.random.Generator, rows: int, references: int, spread: float) -> np.ndarray:
    """The highest of ``references`` scores of a Pareto distribution, descending, for each row."""
    # The smallest of n uniform numbers are, but for terms of 1 / n, a Poisson process of rate n.
    uniform = rng.exponential(size=(rows, LISTED + MOST_COPIES)).cumsum(axis=1) / references
    return 0.08 * (uniform * references / 20) ** -spread


def test_a_lead_by_hand() -> None:
    others = np.exp(-np.arange(LISTED - 1, dtype=float) / 20)[None]
    found = usual(others, 10_000)
    # The logarithms fall by 1/20 a rank: the 21st is -1, the mean of 40 is 20.5/20 over the 41st.
    assert found.level[0] == pytest.approx(-1.0)
    assert found.spread[0] == pytest.approx(1.025 + 0.02)
    assert found.lead([1.0])[0] == pytest.approx(1 / 1.045)


def test_leads_do_not_depend_on_the_unit_of_the_scores() -> None:
    scores = pareto_lists(np.random.default_rng(0), 50, 2000, 0.15)
    np.testing.assert_allclose(leads(scores[:, :LISTED], 2000), leads(2 * scores[:, :LISTED], 2000))


def test_ranks_shrink_with_the_collection() -> None:
    assert ranks(10**6) == (20, 40)
    assert ranks(64) == (8, 16)
    assert ranks(24) == (3, 6)


@given(st.lists(st.integers(-40, 240), min_size=20, max_size=200), st.integers(0, 99))
def test_the_fit_ignores_order_and_its_rates_are_probabilities(
    eighths: list[int], seed: int
) -> None:
    sample = np.array(eighths) / 8
    shuffled = np.random.default_rng(seed).permutation(sample)
    tail = fit_strangers(sample)
    assert tail == fit_strangers(shuffled)
    grid = np.linspace(-10, 60, 400)
    rates = tail.false_match_rate(grid)
    assert ((rates >= 0) & (rates <= 1)).all()
    assert (np.diff(rates) <= 1e-12).all()


def test_the_scale_of_an_exponential_is_found() -> None:
    excesses = np.random.default_rng(1).exponential(0.8, 200_000)
    assert robust_scale(excesses) == pytest.approx(0.8, rel=0.01)


def test_near_copies_in_the_sample_hardly_move_the_scale() -> None:
    excesses = np.random.default_rng(1).exponential(0.5, 1000)
    with_copies = np.concatenate([excesses, np.full(20, 15.0)])
    assert robust_scale(with_copies) < 1.08 * robust_scale(excesses)
    assert with_copies.mean() > 1.5 * excesses.mean()  # what the plain mean would make of them


@pytest.mark.parametrize("siblings", [1, 3, 10])
def test_series_of_near_copies_do_not_move_the_calibration(siblings: int) -> None:
    rng = np.random.default_rng(8)
    alone = pareto_lists(rng, 512, 5000, 0.15)
    series = alone.copy()
    series[::3, siblings:] = alone[::3, :-siblings]
    series[::3, :siblings] = 0.8
    found, wanted = calibrate(MODEL, series, 5000), calibrate(MODEL, alone, 5000)
    assert found.strangers is not None
    assert wanted.strangers is not None
    assert found.strangers.lead(0.01) == pytest.approx(wanted.strangers.lead(0.01), rel=0.06)


def test_strangers_that_all_score_high_are_no_copies() -> None:
    """X-rays: everything scores about 0.8 with everything."""
    lists = 0.8 - 0.003 * np.arange(LISTED + MOST_COPIES) + np.zeros((200, 1))
    np.testing.assert_array_equal(without_copies(lists, 300), lists[:, :LISTED])


def test_no_excess_leaves_the_prior() -> None:
    assert robust_scale([]) == PRIOR_SCALE


@pytest.mark.parametrize("rate", [0.1, 1e-2, 1e-4, 1e-7])
def test_the_lead_of_a_rate_has_that_rate(rate: float) -> None:
    tail = fit_strangers(np.random.default_rng(2).normal(2, 0.7, 300))
    assert tail.false_match_rate(tail.lead(rate)) == pytest.approx(rate)


def test_a_tail_survives_json() -> None:
    tail = fit_strangers(np.random.default_rng(3).normal(2, 0.7, 300))
    assert StrangersTail.from_json(json.loads(json.dumps(tail.to_json()))) == tail


def test_foreign_calibrations_are_refused() -> None:
    description = fit_strangers(np.arange(50.0)).to_json()
    with pytest.raises(InputError, match="format 2"):
        StrangersTail.from_json({**description, "format": 2})
    with pytest.raises(TypeError):
        StrangersTail.from_json({**description, "shape": 0.1})
    with pytest.raises(InputError):
        StrangersTail.from_json({**description, "scale": float("nan")})


@pytest.mark.parametrize("sample", [[], [1.0] * 19, [float("nan")] * 30])
def test_too_little_to_fit(sample: list[float]) -> None:
    with pytest.raises(InputError):
        fit_strangers(sample)


@pytest.mark.parametrize(("references", "spread"), [(500, 0.1), (6000, 0.3), (100_000, 0.2)])
def test_the_promised_share_of_strangers_passes(references: int, spread: float) -> None:
    """Queries drawn as the references were: a rate of a gets about the share a of them."""
    rng = np.random.default_rng(4)
    made = calibrate(MODEL, pareto_lists(rng, 512, references, spread), references)
    rates = np.array(
        [made.false_match_rates(row)[0] for row in pareto_lists(rng, 4000, references, spread)]
    )
    assert 0.07 < (rates <= 0.1).mean() < 0.15
    assert 0.003 < (rates <= 0.01).mean() < 0.025
    # Excesses are cut for the sake of near-copies: a heavy tail looks up to 3 times lighter.
    assert (rates <= 0.001).mean() < 0.005


@pytest.mark.parametrize("references", [1, 2, 10, 23])
def test_a_tiny_collection_is_judged_by_the_widened_model(references: int) -> None:
    made = calibrate(MODEL, np.full((references, LISTED), -1.0), references)
    assert made.strangers is None
    assert made.false_match_rates([0.95])[0] < 1e-6
    # Ten times the rate of the model's own photos, for the kinds that score higher.
    plain = 1 - (1 - MODEL.exceedance([0.12])[0]) ** references
    assert made.false_match_rates([0.12])[0] > 10 * plain


def test_the_model_fades_out_as_the_collection_grows() -> None:
    tail = fit_strangers(np.random.default_rng(5).normal(2, 0.5, 300))
    shares = [
        CollectionCalibration(MODEL, tail, n).model_share for n in (1, SMALL, 200, LARGE, 10**6)
    ]
    assert shares == pytest.approx([1, 1, 0.5, 0, 0])


@given(st.floats(0.1, 1), st.floats(0.1, 1), st.sampled_from([1, 30, 150, 5000]))
def test_a_higher_score_never_has_a_higher_rate(a: float, b: float, references: int) -> None:
    tail = fit_strangers(np.random.default_rng(6).normal(2, 0.5, 300))
    made = CollectionCalibration(MODEL, tail, references)
    others = np.linspace(0.1, -0.1, LISTED - 1)
    low, high = (made.false_match_rates([best, *others])[0] for best in sorted((a, b)))
    assert 0 <= high <= low <= 1


def test_what_all_references_share_is_no_evidence() -> None:
    """A framed query scores 0.6 with a hundred framed references, and is no origin's."""
    tail = fit_strangers(np.random.default_rng(7).normal(2, 0.5, 300))
    crowd = 0.6 - 0.002 * np.arange(LISTED)
    assert CollectionCalibration(MODEL, tail, 5000).false_match_rates(crowd)[0] > 0.1
    alone = np.concatenate([[0.6], 0.12 * np.arange(1, LISTED) ** -0.15])
    assert CollectionCalibration(MODEL, tail, 5000).false_match_rates(alone)[0] < 1e-3
