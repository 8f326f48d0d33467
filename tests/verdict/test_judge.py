"""What several views cost a verdict."""

import numpy as np
import pytest

from originid.types import Verdict
from originid.verdict.collection_calibration import CollectionCalibration
from originid.verdict.judge import Candidate, judge
from originid.verdict.pareto_tail import BODY, Tail


@pytest.fixture
def calibration() -> CollectionCalibration:
    tail = Tail(tuple(np.linspace(-0.9, 0.6, len(BODY)).tolist()), shape=-0.1, scale=0.05)
    return CollectionCalibration(tail, None, 5)


@pytest.mark.parametrize("tried", [1, 5, 11])
def test_rates_are_multiplied_by_the_number_of_views(
    calibration: CollectionCalibration, tried: int
) -> None:
    scores = np.array([0.9, 0.75, 0.7, 0.1])
    candidates = [Candidate(score) for score in scores]
    one = judge(calibration, scores, candidates, 1.0, 0.001)
    several = judge(calibration, scores, candidates, 1.0, 0.001, tried)
    np.testing.assert_allclose(several.rates, np.minimum(tried * one.rates, 1))


def test_the_same_file_costs_nothing_more(calibration: CollectionCalibration) -> None:
    judged = judge(calibration, np.array([1.0]), [Candidate(1.0, True)], 1.0, 0.001, 15)
    assert (judged.verdict, judged.rates.tolist()) == (Verdict.ORIGIN, [0.0])


def test_the_verdict_follows_the_multiplied_rate(calibration: CollectionCalibration) -> None:
    scores = np.array([0.9])
    rate = float(calibration.false_match_rates(scores)[0])
    assert 0 < rate < 0.1
    verdicts = [
        judge(calibration, scores, [Candidate(0.9)], 1.0, 1.5 * rate, tried).verdict
        for tried in (1, 2)
    ]
    assert verdicts[0] is Verdict.ORIGIN
    assert verdicts[1] is not Verdict.ORIGIN
