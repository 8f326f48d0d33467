"""From which score a verdict comes: the inverse of the false-match rate."""

import numpy as np
import pytest

from originid.verdict.calibration import Calibration
from originid.verdict.collection_calibration import calibrate, scores_needed
from originid.verdict.lead import LISTED
from originid.verdict.pareto_tail import BODY, Tail

MODEL = Calibration(
    Tail(tuple(np.linspace(-0.1, 0.08, len(BODY)).tolist()), shape=0.0, scale=0.009)
).tail


def lists(count: int, seed: int) -> np.ndarray:
    drawn = np.random.default_rng(seed).exponential(0.02, (count, 200)) + 0.05
    return -np.sort(-drawn, axis=1)[:, :54]


@pytest.mark.parametrize("references", [10, 200, 5000])
@pytest.mark.parametrize("rate", [1e-2, 1e-3])
def test_the_rate_at_the_score_is_the_rate(references: int, rate: float) -> None:
    rows = lists(256, 0)
    made = calibrate(MODEL, rows, references)
    needed = made.score_needed(rate, rows[7])
    for score, holds in ((needed + 1e-4, True), (needed - 1e-4, False)):
        scores = np.concatenate([[score], rows[7]])
        assert (made.false_match_rates(scores)[0] <= rate) is np.bool_(holds)


def test_a_picture_that_resembles_many_needs_more() -> None:
    rows = np.concatenate([lists(128, 1), 3 * lists(128, 2)])
    few, middle, many = scores_needed(calibrate(MODEL, rows, 5000), rows, 1e-3)
    assert few < middle < many


def test_an_empty_collection_has_the_models() -> None:
    made = calibrate(MODEL, np.empty((0, LISTED)), 1)
    few, middle, many = scores_needed(made, np.empty((0, LISTED)), 1e-3)
    assert few == middle == many
    assert 0 < few < 1
