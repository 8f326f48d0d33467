"""What strengths of a second look mean: leads and rates by plain loops, and what must hold."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from originid.types import Verdict
from originid.verdict.collection_calibration import CollectionCalibration, calibrate
from originid.verdict.information import LITTLE
from originid.verdict.judge import judge_again
from originid.verdict.pareto_tail import BODY, Tail
from originid.verdict.presets import UNCERTAIN
from originid.verdict.reasons import TOO_LITTLE
from originid.verdict.second_look import (
    AT,
    FALL,
    LEAST_REFERENCES,
    REACHED,
    SOFTENING,
    UNIT,
    reached,
    sample_size,
    second_leads,
)
from originid.verdict.strangers import LEAST_LEADS, TAIL_SHARE

MODEL = Tail(tuple(np.linspace(-0.9, 0.3, len(BODY)).tolist()), shape=-0.1, scale=0.05)
LEARNED = np.linspace(0.4, 2.6, 48)  # second leads of strangers in a usual collection
STRENGTHS = st.lists(st.floats(-5, 60), min_size=0, max_size=60).map(
    lambda values: sorted(values, reverse=True)
)
REFERENCES = st.integers(1, 2_000_000)


def slow_leads(strengths: list[float], references: int) -> list[float]:
    others = strengths[1:]
    if len(others) < 2:
        return [0.0] * len(strengths)
    level = min(10, max(2, references // 8), len(others) - 1)
    count = min(20, max(5, references // 4), len(others) - 1)
    total = 0.0
    for place in range(count):
        total += others[place] - others[count]
    unit = UNIT * (total / count + SOFTENING)
    return [(strength - others[level]) / unit for strength in strengths]


def calibration(references: int, again: object = LEARNED) -> CollectionCalibration:
    return calibrate(MODEL, np.empty((0, 42)), references, again)  # type: ignore[arg-type]


# Second leads


@settings(max_examples=100, deadline=None)
@given(strengths=STRENGTHS, references=REFERENCES)
def test_leads_by_a_loop(strengths: list[float], references: int) -> None:
    found = second_leads(strengths, references)
    assert found.shape == (len(strengths),)
    np.testing.assert_allclose(found, slow_leads(strengths, references), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("strengths", [[], [50.0], [50.0, 1.0]])
def test_a_list_too_short_to_spread_has_no_lead(strengths: list[float]) -> None:
    assert second_leads(strengths, 1000).tolist() == [0.0] * len(strengths)


def test_three_strengths_by_hand() -> None:
    # The others are 4 and 1: the level is 1, and the spread that of the first of them.
    unit = UNIT * (3 + SOFTENING)
    expected = [9 / unit, 3 / unit, 0.0]
    np.testing.assert_allclose(second_leads([10.0, 4.0, 1.0], 1000), expected)


def test_strengths_that_are_all_the_same_have_no_lead() -> None:
    assert second_leads([7.0] * 30, 300).tolist() == [0.0] * 30


@given(strengths=STRENGTHS, more=st.floats(0, 40), references=REFERENCES)
def test_a_stronger_best_leads_by_more(
    strengths: list[float], more: float, references: int
) -> None:
    if not strengths:
        return
    stronger = [strengths[0] + more, *strengths[1:]]
    assert second_leads(stronger, references)[0] >= second_leads(strengths, references)[0]


@given(strengths=STRENGTHS, shift=st.floats(-20, 20), references=REFERENCES)
def test_what_all_candidates_have_in_common_is_no_lead(
    strengths: list[float], shift: float, references: int
) -> None:
    moved = [strength + shift for strength in strengths]
    np.testing.assert_allclose(
        second_leads(moved, references), second_leads(strengths, references), atol=1e-9
    )


# What strangers reach among photos of one kind


@given(strength=st.floats(-50, 200), references=st.integers(1, 100))
def test_reached_by_counting_each_stranger(strength: float, references: int) -> None:
    none = 1.0
    for _ in range(references):
        none *= 1 - REACHED * math.exp(-max(strength - AT, 0) / FALL)
    assert reached(strength, references) == pytest.approx(1 - none, abs=1e-12)


@given(strengths=STRENGTHS, references=REFERENCES)
def test_reached_never_rises_with_the_strength(strengths: list[float], references: int) -> None:
    rates = reached(strengths, references)
    assert ((rates >= 0) & (rates <= 1)).all()
    assert (np.diff(rates) >= 0).all()  # the strengths descend


@given(strength=st.floats(-50, 200), one=REFERENCES, other=REFERENCES)
def test_reached_never_falls_with_the_number_of_references(
    strength: float, one: int, other: int
) -> None:
    few, many = sorted((one, other))
    assert reached(strength, few) <= reached(strength, many)


def test_reached_in_a_collection_of_one_reference() -> None:
    expected = [REACHED, REACHED, REACHED / math.e]
    np.testing.assert_allclose(reached([0, AT, AT + FALL], 1), expected)
    assert reached(1e4, 1) == pytest.approx(0, abs=1e-300)
    assert np.isfinite(reached([-1e300, 1e300], 10**9)).all()


@pytest.mark.parametrize(
    ("references", "size"),
    [(0, 0), (1, 0), (71, 0), (72, 24), (74, 24), (191, 63), (192, 64), (10**6, 64)],
)
def test_how_many_references_are_looked_at_again(references: int, size: int) -> None:
    assert sample_size(references) == size
    assert not size or (references >= LEAST_REFERENCES and size >= LEAST_LEADS)


# Rates


@pytest.mark.parametrize("references", [1, 5, 100, 150, 250, 399, 400, 100_000])
@pytest.mark.parametrize("again", [(), LEARNED], ids=["not learned", "learned"])
@settings(max_examples=25, deadline=None)
@given(strengths=STRENGTHS)
def test_rates_rise_with_the_rank(references: int, again: object, strengths: list[float]) -> None:
    rates = calibration(references, again).rates_again(strengths)
    assert rates.shape == (len(strengths),)
    assert ((rates >= 0) & (rates <= 1)).all()
    assert (np.diff(rates) >= -1e-12).all()


@pytest.mark.parametrize("references", [1, 150, 250, 400, 100_000])
@settings(max_examples=25, deadline=None)
@given(strengths=STRENGTHS.filter(bool), more=st.floats(0, 60))
def test_the_rate_of_the_best_never_rises_with_its_strength(
    references: int, strengths: list[float], more: float
) -> None:
    asked = calibration(references)
    stronger = [strengths[0] + more, *strengths[1:]]
    assert asked.rates_again(stronger)[0] <= asked.rates_again(strengths)[0] + 1e-12


@pytest.mark.parametrize("again", [(), LEARNED[: LEAST_LEADS - 1]], ids=["none", "too few"])
def test_without_second_leads_photos_of_one_kind_are_asked(again: object) -> None:
    strengths = [30.0, 12.0, 9.0, 8.0]
    asked = calibration(1000, again)
    assert asked.again is None
    np.testing.assert_array_equal(asked.rates_again(strengths), reached(strengths, 1000))


@pytest.mark.parametrize("references", [400, 401, 50_000])
def test_a_large_collection_is_asked_alone(references: int) -> None:
    strengths = np.linspace(30, 2, 40)
    asked = calibration(references)
    assert asked.again is not None
    expected = asked.again.false_match_rate(slow_leads(strengths.tolist(), references))
    np.testing.assert_allclose(asked.rates_again(strengths), expected, rtol=1e-9)


@pytest.mark.parametrize("references", [24, 100, 101, 200, 300, 399])
def test_below_400_references_photos_of_one_kind_guard_the_tail(references: int) -> None:
    asked = calibration(references)
    assert asked.again is not None
    share = asked.model_share
    assert 0 < share <= 1
    strengths = [60.0, 25.0, 12.0, 9.0, *np.linspace(6, 2, 36).tolist()]
    rates = asked.rates_again(strengths)
    leads = slow_leads(strengths, references)
    for strength, lead, rate in zip(strengths, leads, rates, strict=True):
        one = REACHED * math.exp(-max(strength - AT, 0) / FALL)
        by_photos = 1 - (1 - one) ** references
        own = float(asked.again.false_match_rate(lead))
        assert rate == pytest.approx(max(own, min(by_photos ** (1 / share), TAIL_SHARE)), rel=1e-6)
    if references <= 100:  # both are asked in full
        assert rates[0] >= min(float(reached(60.0, references)), TAIL_SHARE) - 1e-15


def test_the_guard_fades_and_does_not_jump() -> None:
    strengths = [20.0, *np.linspace(6, 2, 40).tolist()]
    rates = [float(calibration(n).rates_again(strengths)[0]) for n in range(240, 480, 4)]
    steps = [abs(math.log(b / a)) for a, b in itertools.pairwise(rates)]
    assert max(steps) < 1.0


def test_a_collection_of_many_alike_pictures_states_high_rates() -> None:
    """Where strangers lead by much, as cartons of one brand do, the same lead says little."""
    strengths = [34.0, *np.linspace(8, 3, 60).tolist()]
    usual, alike = calibration(5000), calibration(5000, 8 * LEARNED)
    assert usual.rates_again(strengths)[0] < 1e-3
    assert alike.rates_again(strengths)[0] > 0.1
    # And where many candidates are as strong as the best, none of them is the origin.
    many = [34.0 - 0.05 * n for n in range(40)]
    assert calibration(5000).rates_again(many)[0] > 0.5


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_the_shortest_lists_get_rates(count: int) -> None:
    strengths = [40.0, 9.0, 2.0][:count]
    for references in (3, 150, 1000):
        rates = calibration(references).rates_again(strengths)
        assert rates.shape == (count,)
        assert ((rates >= 0) & (rates <= 1)).all()
    if count and count < 3:  # nothing says how strong strangers are
        assert calibration(1000).rates_again(strengths)[0] == pytest.approx(1)


# The judgement

FIELD = np.array([30.0, 14.0, 9.0, *np.linspace(6, 2, 40)])
SHOWN = [(30.0, 0.9), (14.0, None), (9.0, 0.5)]


def test_rates_of_the_shown_are_those_of_their_strengths() -> None:
    asked = calibration(1000)
    judged = judge_again(asked, FIELD, SHOWN, 0.8, 0.01, 1)
    np.testing.assert_array_equal(judged.rates, asked.rates_again(FIELD)[:3])


@given(chances=st.floats(1, 1e9))
def test_chances_multiply_up_to_one(chances: float) -> None:
    asked = calibration(1000)
    alone = judge_again(asked, FIELD, SHOWN, 0.8, 0.01, 1).rates
    judged = judge_again(asked, FIELD, SHOWN, 0.8, 0.01, chances)
    np.testing.assert_allclose(judged.rates, np.minimum(1, chances * alone))


@pytest.mark.parametrize("stated", [1e-6, 1e-3, 0.05, 0.1])
@pytest.mark.parametrize("best", [6.5, 8.0, 10.0, 14.0, 20.0, 40.0, 100.0])
def test_the_verdict_is_where_the_rate_lies(best: float, stated: float) -> None:
    strengths = np.array([best, *FIELD[3:]])
    judged = judge_again(calibration(1000), strengths, [(best, 0.9)], 0.8, stated, 2.5)
    rate = judged.rates[0]
    bound = Verdict.UNCERTAIN if rate <= UNCERTAIN else Verdict.NONE
    assert judged.verdict is (Verdict.ORIGIN if rate <= stated else bound)
    words = {Verdict.ORIGIN: ("certain", "likely"), Verdict.UNCERTAIN: ("look",)}
    assert judged.reason.startswith(words.get(judged.verdict, ("none",)))


def test_the_cases_above_have_every_verdict() -> None:
    found = {
        judge_again(calibration(1000), np.array([b, *FIELD[3:]]), [(b, 1.0)], 1, 1e-3, 1).verdict
        for b in (6.5, 14.0, 18.0, 22.0, 100.0)
    }
    assert found == set(Verdict)


@pytest.mark.parametrize(
    ("query", "reference", "told"),
    [
        (0.0, 1.0, False),
        (LITTLE - 1e-6, 1.0, False),
        (LITTLE, LITTLE, True),
        (1.0, LITTLE - 1e-6, False),
        (1.0, 0.0, False),
        (1.0, None, True),
        (LITTLE, None, True),
        (0.0, None, False),
    ],
)
def test_little_information_tells_nothing(
    query: float, reference: float | None, told: bool
) -> None:
    judged = judge_again(calibration(1000), FIELD, [(30.0, reference)], query, 0.1, 1)
    if told:
        assert (judged.verdict, judged.reason != TOO_LITTLE) == (Verdict.ORIGIN, True)
    else:
        assert judged.rates.tolist() == [1.0]
        assert (judged.verdict, judged.reason) == (Verdict.NONE, TOO_LITTLE)


def test_a_blank_reference_behind_the_best_only_loses_its_own_rate() -> None:
    shown = [(30.0, 0.9), (14.0, 0.0)]
    judged = judge_again(calibration(1000), FIELD, shown, 0.8, 0.01, 1)
    assert judged.verdict is Verdict.ORIGIN
    assert judged.rates[0] < judged.rates[1] == 1
