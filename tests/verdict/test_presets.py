"""Stated rates, by name and as numbers."""

import pytest

from originid.errors import UsageError
from originid.types import Verdict
from originid.verdict.presets import DEFAULT, PRESETS, read_rate, verdict_at


def test_the_words_and_the_default() -> None:
    assert [read_rate(word) for word in ("strict", "balanced", "wide")] == [1e-4, 1e-3, 1e-2]
    assert PRESETS[DEFAULT] == 1e-3
    assert read_rate("0.05") == 0.05


@pytest.mark.parametrize("text", ["", "never", "0", "-0.1", "0.2", "1", "nan", "inf", "1e999"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="strict, balanced, wide") as caught:
        read_rate(text)
    assert repr(text) in caught.value.given


@pytest.mark.parametrize(
    ("rate", "verdict"),
    [
        (0.0, Verdict.ORIGIN),
        (1e-3, Verdict.ORIGIN),
        (1.0001e-3, Verdict.UNCERTAIN),
        (0.1, Verdict.UNCERTAIN),
        (0.1001, Verdict.NONE),
        (1.0, Verdict.NONE),
    ],
)
def test_verdicts_at_the_edges(rate: float, verdict: Verdict) -> None:
    assert verdict_at(rate, 1e-3) is verdict
