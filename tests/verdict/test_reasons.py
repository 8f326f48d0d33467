"""Information, and the sentence that says why."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from originid.types import Verdict
from originid.verdict.information import LITTLE, information, tells
from originid.verdict.reasons import crowd, often, reason, rounded


def test_blank_pictures_and_gradients_have_no_information() -> None:
    for value in (0, 128, 255):
        assert information(np.full((1, 64, 64, 3), value, np.uint8)) == 0
    across = np.linspace(0, 255, 64).astype(np.uint8)
    assert information(np.broadcast_to(across[None, None, :, None], (1, 64, 64, 3))) == 0


def test_a_busy_picture_is_all_information() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    assert information(noise[None])[0] > 0.95


def test_a_small_mark_is_little() -> None:
    page = np.full((64, 64, 3), 255, np.uint8)
    page[30:34, 30:36] = 10
    assert 0 < information(page[None])[0] < LITTLE


@pytest.mark.parametrize(
    ("query", "reference", "score", "expected"),
    [
        (0.5, 0.5, 0.3, True),
        (0.5, None, 0.3, True),
        (0.5, 0.01, 0.99, False),  # a blank reference answers nobody
        (0.0, 0.0, 0.99, False),  # two blank pictures
        (0.0, None, 0.99, False),  # a blank query, and an old reference that may be blank
        (0.0, 0.6, 0.3, False),
        (0.0, 0.6, 0.7, True),  # 5 % contrast of a photo
    ],
)
def test_what_a_score_tells(
    query: float, reference: float | None, score: float, expected: bool
) -> None:
    assert tells(query, reference, score) is expected


@pytest.mark.parametrize(
    ("verdict", "rate", "references", "sentence"),
    [
        (
            Verdict.ORIGIN,
            4.2e-5,
            5800,
            "certain: 1 in 20,000 strangers in this collection scores as high",
        ),
        (
            Verdict.ORIGIN,
            8e-4,
            5800,
            "likely: 1 in 1,000 strangers in this collection scores as high",
        ),
        (
            Verdict.UNCERTAIN,
            0.03,
            37,
            "look at it: the best of 37 strangers would score as high 1 time in 30",
        ),
        (
            Verdict.NONE,
            0.5,
            5800,
            "none: the best of 5,800 strangers would score as high half of the time",
        ),
        (Verdict.NONE, 0.99, 1, "none: the only reference would score as high nearly always"),
    ],
)
def test_sentences(verdict: Verdict, rate: float, references: int, sentence: str) -> None:
    assert reason(verdict, rate, references) == sentence


def test_a_collection_that_was_not_calibrated_says_so() -> None:
    assert "photos of the model" in reason(Verdict.ORIGIN, 1e-6, 10, calibrated=False)


def test_a_crowd_is_counted() -> None:
    assert crowd(1200).startswith("looks like 1,200 references here")


@given(st.floats(1, 1e12))
def test_rounding_never_claims_more(number: float) -> None:
    shown = int(rounded(number).replace(",", ""))
    assert 0.5 * number <= shown <= number * (1 + 1e-6)
    assert len(str(shown).rstrip("0")) == 1


@given(st.floats(0, 1), st.floats(0, 1))
def test_every_rate_has_words(rate: float, other: float) -> None:
    assert often(rate)
    assert reason(Verdict.NONE, other, 3)
