"""Every branch of the judgement of a query, and the sentence that says why, with its numbers."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from originid.types import Verdict
from originid.verdict.collection_calibration import CollectionCalibration, calibrate
from originid.verdict.information import FAINT_COPY, LITTLE
from originid.verdict.judge import CROWD, NEARLY, SAME, SURE, Candidate, judge
from originid.verdict.lead import LISTED
from originid.verdict.pareto_tail import BODY, Tail
from originid.verdict.presets import PRESETS, UNCERTAIN, verdict_at
from originid.verdict.reasons import (
    CERTAIN,
    SAME_FILE,
    SAME_PICTURE,
    TOO_LITTLE,
    crowd,
    often,
    reason,
    rounded,
)
from originid.verdict.strangers import fit_strangers

MODEL = Tail(tuple(np.linspace(-0.12, 0.083, len(BODY)).tolist()), shape=0.016, scale=0.0089)
STRANGERS = fit_strangers(np.random.default_rng(0).normal(2, 0.5, 400))
LARGE = CollectionCalibration(MODEL, STRANGERS, 5800)
SMALL = CollectionCalibration(MODEL, None, 12)
USUAL = 0.12 * np.arange(1, LISTED + 1) ** -0.15  # what a query scores with strangers, descending
BLANK, BUSY = LITTLE / 2, 0.8  # information


def after(best: float, others: np.ndarray = USUAL) -> np.ndarray:
    """The scores of a query whose best one is given."""
    return np.concatenate([[best], others])


def of(scores: np.ndarray, shown: int = 1, information: float | None = BUSY) -> list[Candidate]:
    return [Candidate(score, information=information) for score in scores[:shown].tolist()]


def best_with_rate(calibration: CollectionCalibration, rate: float) -> float:
    """The best score that has a false-match rate just below the one given."""
    return calibration.score_needed(rate, USUAL) + 1e-5


def test_a_collection_with_nothing_has_no_origin() -> None:
    judged = judge(LARGE, np.empty(0), [], BUSY, 1e-3)
    assert (judged.verdict, judged.rates.shape) == (Verdict.NONE, (0,))
    assert judged.reason == "none: the collection has nothing like it"


@pytest.mark.parametrize("information", [0.0, BLANK, BUSY])
@pytest.mark.parametrize("score", [-1.0, 0.0, 1.0])
@pytest.mark.parametrize("own", [None, 0.0, BUSY])
def test_the_same_file_is_certain_whatever_it_shows(
    information: float, score: float, own: float | None
) -> None:
    """A blank file is the same file too: bytes are no matter of resemblance."""
    judged = judge(LARGE, np.array([score]), [Candidate(score, True, own)], information, 1e-4, 100)
    assert (judged.verdict, judged.rates.tolist(), judged.reason) == (
        Verdict.ORIGIN,
        [0.0],
        SAME_FILE,
    )


@pytest.mark.parametrize("information", [0.0, BUSY])
@pytest.mark.parametrize("reference", [None, LITTLE, BUSY])
def test_the_same_picture_is_an_origin_even_where_a_crowd_scores_as_high(
    information: float, reference: float | None
) -> None:
    """Its rate is that of the model's photos, where the collection alone could not tell."""
    scores = np.linspace(0.99, 0.97, LISTED)
    judged = judge(LARGE, scores, [Candidate(0.99, False, reference)], information, 1e-3)
    assert (judged.verdict, judged.reason) == (Verdict.ORIGIN, SAME_PICTURE)
    assert judged.rates[0] == pytest.approx(LARGE.by_model(0.99))
    assert LARGE.false_match_rates(scores)[0] > UNCERTAIN


def test_a_score_just_below_that_of_the_same_picture_is_judged_as_a_crowd() -> None:
    scores = np.linspace(np.nextafter(SAME, 0), 0.97, LISTED)
    judged = judge(LARGE, scores, of(scores), BUSY, 1e-3)
    assert (judged.verdict, judged.reason) == (Verdict.NONE, crowd(LISTED))


@pytest.mark.parametrize(
    ("information", "reference", "score"),
    [
        (BUSY, BLANK, 0.999),  # a blank reference is never the same picture by its score
        (BLANK, BLANK, 1.0),
        (0.0, 0.0, 0.3),
        (BLANK, None, 0.9),
        (BLANK, BUSY, np.nextafter(FAINT_COPY, 0)),
    ],
)
@pytest.mark.parametrize("calibration", [LARGE, SMALL], ids=["large", "small"])
def test_too_little_to_tell(
    information: float, reference: float | None, score: float, calibration: CollectionCalibration
) -> None:
    judged = judge(
        calibration, after(score), [Candidate(score, False, reference)], information, 0.1
    )
    assert (judged.verdict, judged.rates.tolist(), judged.reason) == (
        Verdict.NONE,
        [1.0],
        TOO_LITTLE,
    )


def test_a_faint_copy_of_a_photo_is_told_by_its_rate() -> None:
    judged = judge(LARGE, after(0.7), [Candidate(0.7, False, BUSY)], 0.0, 1e-3)
    assert judged.verdict is Verdict.ORIGIN
    assert judged.rates[0] == LARGE.false_match_rates(after(0.7))[0]
    assert judged.reason.startswith(("certain: 1 in ", "certain: fewer ", "likely: 1 in "))


@pytest.mark.parametrize(
    ("rate", "verdict", "said"),
    [
        (1e-6, Verdict.ORIGIN, "certain: fewer than 1 in 100,000 strangers in this collection "),
        (2e-5, Verdict.ORIGIN, "certain: 1 in 50,000 strangers in this collection scores as high"),
        (1e-4, Verdict.ORIGIN, "certain: 1 in 10,000 strangers in this collection scores as high"),
        (5e-4, Verdict.ORIGIN, "likely: 1 in 2,000 strangers in this collection scores as high"),
        (2e-2, Verdict.UNCERTAIN, "look at it: the best of 5,800 strangers would score as high 1 "),
        (0.2, Verdict.NONE, "none: the best of 5,800 strangers would score as high 2 times in 10"),
        (0.5, Verdict.NONE, "none: the best of 5,800 strangers would score as high half of the"),
    ],
)
def test_the_reason_has_the_numbers_of_the_collection(
    rate: float, verdict: Verdict, said: str
) -> None:
    scores = after(best_with_rate(LARGE, rate))
    judged = judge(LARGE, scores, of(scores), BUSY, 1e-3)
    assert judged.verdict is verdict
    assert judged.rates[0] == pytest.approx(rate, rel=0.02)
    assert judged.reason.startswith(said)


def test_a_collection_without_a_calibration_speaks_of_the_models_photos() -> None:
    scores = np.array([0.6, 0.1])
    judged = judge(SMALL, scores, of(scores), BUSY, 1e-2)
    assert judged.verdict is Verdict.ORIGIN
    assert re.fullmatch(
        r"(certain|likely): (fewer than )?1 in [\d,]+ strangers among the photos of the model "
        "scores as high",
        judged.reason,
    )


def test_an_only_reference_is_no_best_of_strangers() -> None:
    alone = CollectionCalibration(MODEL, None, 1)
    judged = judge(alone, np.array([-0.2]), [Candidate(-0.2)], BUSY, 1e-3)
    assert judged.verdict is Verdict.NONE
    assert judged.reason.startswith("none: the only reference would score as high ")


@pytest.mark.parametrize("near", [CROWD - 1, CROWD, 37])
def test_a_crowd_is_named_from_its_smallest_size(near: int) -> None:
    """In a collection of 64, where leads are measured from the ninth of the other scores."""
    few = CollectionCalibration(MODEL, STRANGERS, 64)
    scores = np.concatenate([np.full(near, 0.6), np.full(LISTED - near, 0.05)])
    scores[1:near] = np.linspace(0.6, NEARLY * 0.6 + 1e-9, near - 1)
    assert few.by_model(0.6) < SURE
    judged = judge(few, scores, of(scores), BUSY, 1e-3)
    if near < CROWD:
        assert judged.reason.startswith("none: the best of 64 strangers would score as high")
    else:
        assert judged.verdict is Verdict.NONE
        assert judged.reason == (
            f"looks like {near} references here alike: what they share is no evidence"
        )


def test_low_scores_alike_are_no_crowd_to_explain() -> None:
    """Where the photos of the model would score as high as well, nothing is to be explained."""
    scores = np.full(LISTED, 0.09)
    assert LARGE.by_model(0.09) > SURE
    assert judge(LARGE, scores, of(scores), BUSY, 1e-3).reason.startswith("none: the best of 5,800")


def test_a_crowd_behind_an_origin_is_not_mentioned() -> None:
    scores = np.full(LISTED, 0.6)
    judged = judge(SMALL, scores, of(scores), BUSY, 0.1)
    assert judged.verdict is Verdict.ORIGIN
    assert "alike" not in judged.reason


def test_the_verdict_is_that_of_the_best_even_if_a_later_one_is_the_same_file() -> None:
    scores = after(0.13)
    candidates = [Candidate(0.13, information=BUSY), Candidate(scores[1], True, BUSY)]
    judged = judge(LARGE, scores, candidates, BUSY, 1e-3)
    assert judged.verdict is verdict_at(LARGE.false_match_rates(scores)[0], 1e-3)
    assert judged.verdict is not Verdict.ORIGIN
    assert judged.rates[1] == 0


def test_a_candidate_that_was_not_scored_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(KeyError):
        judge(LARGE, after(0.5), [Candidate(0.4)], BUSY, 1e-3)


scores_of_queries = st.lists(st.integers(-1000, 999), min_size=1, max_size=60).map(
    lambda thousandths: np.sort(np.array(thousandths) / 1000)[::-1]
)
shares = st.sampled_from([None, 0.0, BLANK, LITTLE, BUSY])


@given(scores_of_queries, st.data(), st.floats(1, 1e6), st.sampled_from([LARGE, SMALL]))
def test_rates_are_what_the_rules_say_one_by_one(
    scores: np.ndarray, data: st.DataObject, chances: float, calibration: CollectionCalibration
) -> None:
    """A slow reference, written from the rules: file, copy, blankness, rate; then the chances."""
    query = data.draw(st.sampled_from([0.0, BLANK, LITTLE, BUSY]))
    shown = data.draw(st.integers(1, len(scores)))
    candidates = [
        Candidate(score, data.draw(st.booleans()), data.draw(shares))
        for score in scores[:shown].tolist()
    ]
    judged = judge(calibration, scores, candidates, query, 1e-3, chances)
    rates = calibration.false_match_rates(scores)
    for candidate, rate, found in zip(candidates, rates, judged.rates, strict=False):
        blank = candidate.information is not None and candidate.information < LITTLE
        if candidate.same_file:
            expected = 0.0
        elif candidate.score >= 0.98 and not blank:
            expected = min(rate, calibration.by_model(candidate.score))
        elif blank or (query < LITTLE and (candidate.information is None or candidate.score < 0.5)):
            expected = 1.0
        else:
            expected = rate
        assert found == pytest.approx(min(1.0, chances * expected), abs=1e-300)
    assert judged.verdict is verdict_at(float(judged.rates[0]), 1e-3)
    assert judged.reason


@given(scores_of_queries, st.sampled_from([LARGE, SMALL]), st.floats(1, 100))
def test_rates_rise_with_the_rank_and_stay_probabilities(
    scores: np.ndarray, calibration: CollectionCalibration, chances: float
) -> None:
    rates = judge(calibration, scores, of(scores, len(scores)), BUSY, 1e-3, chances).rates
    assert ((rates >= 0) & (rates <= 1)).all()
    assert (np.diff(rates) >= -1e-12).all()


@given(st.floats(0.13, 0.97), st.floats(1e-6, 0.1), st.floats(1e-6, 0.1))
def test_a_laxer_promise_never_gives_a_stricter_verdict(
    best: float, one: float, other: float
) -> None:
    order = [Verdict.ORIGIN, Verdict.UNCERTAIN, Verdict.NONE]
    strict, lax = (
        judge(LARGE, after(best), [Candidate(best)], BUSY, stated).verdict
        for stated in sorted((one, other))
    )
    assert order.index(lax) <= order.index(strict)


@given(st.floats(0.13, 0.97), st.floats(1, 50), st.floats(1, 50))
def test_chances_of_chances_multiply(best: float, first: float, second: float) -> None:
    def rate(chances: float) -> float:
        scores = after(best)
        return float(judge(LARGE, scores, of(scores), BUSY, 1e-3, chances).rates[0])

    assert rate(first * second) == pytest.approx(min(1.0, second * rate(first)))
    assert rate(1) <= rate(first)


# What the sentences claim, read back from them.


def told(sentence: str) -> float:
    """The probability that words state, from the end of a sentence."""
    if sentence.endswith("nearly always"):
        return 1.0
    if sentence.endswith("half of the time"):
        return 0.5
    if found := re.search(r"(\d+) times in 10$", sentence):
        return int(found[1]) / 10
    found = re.search(r"1 (?:time )?in ([\d,]+)", sentence)
    assert found, sentence
    return 1 / int(found[1].replace(",", ""))


@given(st.floats(1e-9, 1))
def test_words_never_promise_much_more_than_the_rate(rate: float) -> None:
    """Rounding is to one digit: at most 2 times too careful, and 1.3 times too bold."""
    stated = told(often(rate))
    assert rate / 1.3 <= stated * (1 + 1e-9) <= 2 * rate * (1 + 1e-6)


@given(st.floats(1e-5, 0.1), st.sampled_from(sorted(PRESETS.values())), st.integers(2, 10**7))
def test_the_word_agrees_with_the_verdict(rate: float, stated: float, references: int) -> None:
    verdict = verdict_at(rate, stated)
    sentence = reason(verdict, rate, references)
    assert rate <= told(sentence) * (1 + 1e-9) <= 2 * rate * (1 + 1e-6)
    begins = ("certain: " if rate <= CERTAIN else "likely: ", "look at it: ")
    assert sentence.startswith(begins[verdict is Verdict.UNCERTAIN])
    assert (f"the best of {references:,} " in sentence) == (verdict is Verdict.UNCERTAIN)


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_higher_rate_is_never_told_as_a_rarer_one(one: float, other: float) -> None:
    low, high = (told(often(rate)) for rate in sorted((one, other)))
    assert low <= high


def test_a_rate_of_zero_has_a_number_too() -> None:
    assert reason(Verdict.ORIGIN, 0.0, 2) == (
        "certain: fewer than 1 in 100,000 strangers in this collection scores as high"
    )


@pytest.mark.parametrize(
    ("number", "text"),
    [(1.0, "1"), (9.99, "9"), (10.0, "10"), (19.9, "10"), (999, "900"), (1e6, "1,000,000")],
)
def test_rounding_by_hand(number: float, text: str) -> None:
    assert rounded(number) == text


@pytest.mark.parametrize("references", [1, 10, 23])
def test_few_references_never_get_a_calibration_of_their_own(references: int) -> None:
    """So the reason cannot claim to know the collection."""
    made = calibrate(MODEL, np.tile(USUAL, (references, 1)), references)
    judged = judge(made, np.array([0.7]), [Candidate(0.7)], BUSY, 0.01)
    assert "photos of the model" in judged.reason
