"""The line of facts under an explanation: nothing under `none` reads like a chance that it is."""

from types import SimpleNamespace
from typing import cast

import pytest

from originid.answer import Match
from originid.explain.captions import facts
from originid.explain.evidence import Evidence
from originid.types import Verdict


def line(verdict: Verdict | None, rate: float) -> str:
    match = Match(1, "a.jpg", 0.068, rate)
    return facts(cast("Evidence", SimpleNamespace(match=match, verdict=verdict)))


@pytest.mark.parametrize(
    ("verdict", "rate", "said"),
    [
        (
            Verdict.ORIGIN, 1e-6,
            "Verdict: origin. Score 0.068, of 1 at most. Fewer than 1 in 100,000 strangers in this "
            "collection scores as high.",
        ),
        (
            Verdict.UNCERTAIN, 0.01,
            "Verdict: uncertain. Score 0.068, of 1 at most. 1 in 100 strangers in this "
            "collection scores as high.",
        ),
        (
            Verdict.NONE, 0.42,
            "Verdict: none. Score 0.068, of 1 at most. Such a score is ordinary: the best "
            "stranger of the collection would reach it 4 times in 10.",
        ),
        (
            Verdict.NONE, 1.0,
            "Verdict: none. Score 0.068, of 1 at most. Such a score is ordinary: the best "
            "stranger of the collection would reach it nearly always.",
        ),
        (
            None, 0.5,
            "Score 0.068, of 1 at most. That is ordinary: the best stranger of the collection "
            "would reach it half of the time.",
        ),
        (
            None, 0.0,
            "Score 0.068, of 1 at most. No stranger of the collection is expected to score as "
            "high.",
        ),
    ],
)  # fmt: skip
def test_the_line_of_facts(verdict: Verdict | None, rate: float, said: str) -> None:
    assert line(verdict, rate) == said


@pytest.mark.parametrize("rate", [0.0, 1e-9, 0.05, 0.3, 0.6, 1.0])
def test_under_none_no_rate_looks_rare(rate: float) -> None:
    said = line(Verdict.NONE, rate)
    assert "ordinary" in said
    assert "1 in " not in said
    assert "No stranger" not in said
    assert "%" not in said
