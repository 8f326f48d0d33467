"""Confidence: what follows from the tail of strangers' scores, and what it promises."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from originid.errors import InputError
from originid.verdict.calibration import Calibration
from originid.verdict.pareto_tail import BODY, Tail, pooled_tail

BODY_SCORES = tuple(np.linspace(-0.08, 0.1, len(BODY)).tolist())
EXPONENTIAL = Calibration(Tail(BODY_SCORES, shape=0.0, scale=0.02))


def test_confidence_by_hand() -> None:
    # P(one stranger > s) = 0.001 exp(-(s - 0.1) / 0.02) = 1e-6 at this score.
    score = np.array([0.1 + 0.02 * np.log(0.001 / 1e-6)])
    assert EXPONENTIAL.confidence(score, 1)[0] == pytest.approx(1 - 1e-6, abs=1e-9)
    assert EXPONENTIAL.confidence(score, 1_000_000)[0] == pytest.approx(np.exp(-1), abs=1e-4)


@given(st.floats(-1, 1), st.floats(-1, 1), st.integers(1, 10**9), st.integers(1, 10**9))
def test_confidence_grows_with_score_and_falls_with_size(
    a: float, b: float, m: int, n: int
) -> None:
    low, high = sorted((a, b))
    few, many = sorted((m, n))
    of = EXPONENTIAL.confidence(np.array([low, high]), few)
    assert 0 <= of[0] <= of[1] <= 1
    assert EXPONENTIAL.confidence(np.array([high]), many)[0] <= of[1]


def test_a_bounded_tail_ends() -> None:
    bounded = Calibration(Tail(BODY_SCORES, shape=-0.5, scale=0.1))
    assert bounded.confidence(np.array([0.31]), 10**9)[0] == 1  # the end is at 0.3


def test_confidences_must_be_ordered() -> None:
    with pytest.raises(InputError, match=r"uncertain = 0\.9"):
        Calibration(EXPONENTIAL.tail, origin=0.5, uncertain=0.9)


@pytest.mark.parametrize("n", [3, 100, 10_000])
def test_the_promised_share_of_strangers_passes(n: int) -> None:
    """Among queries that have no origin, 1 - c get a best match of confidence above c."""
    rng = np.random.default_rng(0)
    calibration = Calibration(pooled_tail(rng.normal(0, 0.05, 2_000_000)))
    best = np.array([rng.normal(0, 0.05, n).max() for _ in range(4_000)])
    confidences = calibration.confidence(best, n)
    for c in (0.5, 0.9, 0.99):
        assert (confidences > c).mean() == pytest.approx(1 - c, abs=0.025)


def test_a_tail_is_read_off_the_scores() -> None:
    scores = np.arange(1, 100_001) / 100_000
    tail = pooled_tail(scores)
    for probability in (0.9, 0.3, 0.07, 0.004):
        reached = tail.exceedance(1 - probability)
        assert reached == pytest.approx(probability, rel=0.2)
    assert tail.exceedance(0.9999) == pytest.approx(1e-4, rel=0.2)
    assert tail.exceedance(1.01) == 0
    assert tail.exceedance(-5) == 1


@pytest.mark.parametrize("scores", [[], [0.5], np.zeros(100_000), np.arange(300) / 300])
def test_too_few_strangers_are_not_a_calibration(scores: list[float]) -> None:
    with pytest.raises(InputError, match="scores of strangers"):
        pooled_tail(scores)


@pytest.mark.parametrize(
    "bad",
    [
        {"body": ()},
        {"body": (*BODY_SCORES, 9.0)},
        {"body": BODY_SCORES[::-1]},
        {"scale": 0.0},
        {"shape": float("nan")},
    ],
)
def test_a_tail_that_makes_no_sense_is_refused(bad: dict[str, object]) -> None:
    good = {"body": BODY_SCORES, "shape": 0.0, "scale": 1.0}
    with pytest.raises(InputError, match="ascending scores"):
        Tail(**{**good, **bad})  # type: ignore[arg-type]
