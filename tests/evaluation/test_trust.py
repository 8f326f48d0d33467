"""The figures about stated rates: predictors that are calibrated by design, shares by hand."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PILImage

from originid.errors import StorageError
from originid.evaluation.best_matches import BestMatches
from originid.evaluation.metrics import micro_average_precision
from originid.evaluation.protocol import Protocol
from originid.evaluation.trust import (
    MEASURES,
    Trials,
    expected_calibration_error,
    join_trials,
    observed_frequencies,
    rates_of_strangers,
    share_with_interval,
    summarise_trust,
)
from originid.types import Floats64

PROTOCOL = Protocol(bootstrap=200)


def matches(rates: list[float], right: list[bool] | None = None) -> BestMatches:
    values = np.array(rates, np.float64)
    correct = np.zeros(len(rates), np.bool_) if right is None else np.array(right, np.bool_)
    return BestMatches(values, (1 - values).astype(np.float32), correct)


def equal(count: int) -> Floats64:
    return np.full(count, 1 / count)


def test_a_calibrated_predictor_has_no_calibration_error() -> None:
    exact = (np.arange(1500) + 0.5) / 1500
    shuffled = np.random.default_rng(0).permutation(exact)
    assert expected_calibration_error(shuffled, equal(1500)) == pytest.approx(0, abs=1e-12)
    drawn = np.random.default_rng(1).uniform(size=20_000)
    assert expected_calibration_error(drawn, equal(20_000)) < 0.01


def test_calibration_errors_by_hand() -> None:
    uniform = (np.arange(3000) + 0.5) / 3000
    # Rates that are stated at half of what they are: the mean of u - u / 2 is 1/4.
    assert expected_calibration_error(uniform / 2, equal(3000)) == pytest.approx(0.25)
    assert expected_calibration_error(np.zeros(3000), equal(3000)) == pytest.approx(0.5)
    # Without bins errors of both signs cancel; within one bin they do as well.
    assert expected_calibration_error(np.full(3000, 0.5), equal(3000), 1) == pytest.approx(0)
    assert expected_calibration_error(np.full(3000, 0.5), equal(3000), 2) == pytest.approx(0.25)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.integers(1, 20))
def test_the_error_is_between_its_ends_and_weights_are_counts(
    rates: list[float], bins: int
) -> None:
    values = np.array(rates)
    error = expected_calibration_error(values, equal(len(rates)), bins)
    assert 0 <= error <= 0.5 + 1 / 2 / len(rates) + 1e-9
    stated, observed = observed_frequencies(values, equal(len(rates)))
    assert (np.diff(stated) >= 0).all()
    assert (np.diff(observed) > 0).all()
    assert 0 < observed[0] <= observed[-1] < 1


def test_a_group_counts_once_however_many_queries_it_has() -> None:
    absent = matches([0.1, 0.2, 0.3, 0.9])
    groups = ("a", "a", "a", "b")
    trials = Trials(matches([0.0] * 4), absent, matches([]), matches([0.5]), groups)
    rates, weights = rates_of_strangers(trials)
    assert rates.tolist() == [0.1, 0.2, 0.3, 0.9, 0.5]
    np.testing.assert_allclose(weights, np.array([1 / 3, 1 / 3, 1 / 3, 1, 1]) / 3)


def test_shares_by_hand() -> None:
    """Groups a (two queries) and b (one), at the preset balanced, 1e-3."""
    trials = Trials(
        present=matches([1e-5, 5e-4, 1e-4], [True, True, False]),
        absent=matches([1e-4, 0.5, 0.5]),
        among_photos=matches([0.5, 0.5, 1e-2]),
        strangers=matches([1e-6, 0.9, 0.9, 0.9]),
        groups=("a", "a", "b"),
    )
    found = summarise_trust(trials, PROTOCOL)
    shares = {name: value for name, (value, _, _) in found.presets["balanced"].items()}
    assert tuple(shares) == MEASURES
    assert shares == {
        "false_origin": 0.25,  # half of a, none of b
        "false_origin_among_photos": 0.0,
        "false_origin_of_strangers": 0.25,
        "true_origin": 0.5,  # all of a, none of b
        "true_of_first": 1.0,  # b's origin is not first
        "wrong_origin": 0.5,
    }
    assert found.presets["strict"]["true_origin"][0] == 0.25
    assert found.presets["wide"]["false_origin_among_photos"][0] == 0.5
    # By rate: stranger, present 1, absent 1 and present 3 (wrong first), present 2, the rest.
    assert found.micro_ap == pytest.approx((1 / 2 + 2 / 5) / 3)
    assert found.to_json()["presets"]["balanced"]["stated"] == pytest.approx(0.1)


def test_micro_precision_over_queries_with_and_without_origin_is_scikit_learns() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(3)
    right = rng.random(300) < 0.8
    trials = Trials(
        BestMatches(rng.random(300) ** 3, rng.random(300).astype(np.float32), right),
        BestMatches(rng.random(300), rng.random(300).astype(np.float32), np.zeros(300, np.bool_)),
        matches([]),
        matches(rng.random(50).tolist()),
        tuple(f"{number // 2}" for number in range(300)),
    )
    found = summarise_trust(trials, PROTOCOL)
    truth = np.concatenate([right, np.zeros(350, np.bool_)])
    rates = np.concatenate([trials.present.rates, trials.absent.rates, trials.strangers.rates])
    # scikit-learn divides by the positives that were predicted; here all 300 origins count.
    expected = metrics.average_precision_score(truth, -rates) * right.sum() / 300
    assert found.micro_ap == pytest.approx(expected)
    assert micro_average_precision(-rates, truth, 300) == found.micro_ap


def test_intervals_stay_open_where_nothing_was_seen() -> None:
    groups = [str(number) for number in range(100)]
    none = share_with_interval(np.zeros(100), groups, PROTOCOL)
    every = share_with_interval(np.ones(100), groups, PROTOCOL)
    assert none == pytest.approx((0, 0, 0.0362), abs=1e-4)  # Clopper and Pearson, 0 of 100
    assert every == pytest.approx((1, 1 - 0.0362, 1), abs=1e-4)
    share, low, high = share_with_interval(np.repeat([0.0, 1.0], 50), groups, PROTOCOL)
    assert low < share == 0.5 < high
    assert all(map(math.isnan, share_with_interval(np.zeros(0), [], PROTOCOL)))


def test_folds_are_joined_in_order() -> None:
    one = Trials(matches([0.1], [True]), matches([0.2]), matches([]), matches([]), ("a",))
    two = Trials(matches([0.3]), matches([0.4]), matches([]), matches([0.5]), ("b",))
    both = join_trials([one, two])
    assert both.present.rates.tolist() == [0.1, 0.3]
    assert both.present.right.tolist() == [True, False]
    assert both.strangers.rates.tolist() == [0.5]
    assert both.groups == ("a", "b")


def test_the_diagram_shows_both_the_promise_and_the_observed(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra [experiments]")
    from originid.evaluation.reliability import draw_reliability, interval_of_frequencies

    uniform = ((np.arange(400) + 0.5) / 400).tolist()
    groups = tuple(map(str, range(400)))
    trials = Trials(matches(uniform), matches(uniform), matches([]), matches([]), groups)
    low, high = interval_of_frequencies(trials, np.array([0.1, 0.5]))
    assert (low < [0.1, 0.5]).all()
    assert (high > [0.1, 0.5]).all()
    draw_reliability(trials, tmp_path / "d.png")
    with PILImage.open(tmp_path / "d.png") as picture:
        assert picture.size == (825, 750)
    with pytest.raises(StorageError, match=r"none/d\.png"):
        draw_reliability(trials, tmp_path / "none" / "d.png")
