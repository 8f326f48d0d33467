"""What a report says in words."""

import pytest

from originid.report.words import (
    counts_in_words,
    queries_in_words,
    rate_in_words,
    stated_in_words,
)


@pytest.mark.parametrize(
    ("origin", "uncertain", "none", "unreadable", "text"),
    [
        (1, 1, 1, 1, "1 has an origin in this collection, 1 needs a person to look, 1 has none. "
         "1 could not be read."),
        (1200, 0, 3, 0, "1,200 have an origin in this collection, 3 have none."),
        (0, 0, 2, 0, "0 have an origin in this collection, 2 have none."),
        (0, 0, 0, 4, "0 have an origin in this collection. 4 could not be read."),
    ],
)  # fmt: skip
def test_counts(origin: int, uncertain: int, none: int, unreadable: int, text: str) -> None:
    counts = {"origin": origin, "uncertain": uncertain, "none": none, "unreadable": unreadable}
    assert counts_in_words(counts) == text


@pytest.mark.parametrize(
    ("verdict", "rate", "text"),
    [
        ("origin", 1e-6, "fewer than 1 in 100,000"),
        ("origin", 0.0, "no stranger"),
        ("uncertain", 0.025, "1 in 40"),
        ("origin", 0.4, ""),  # of a further match, which is ordinary
        ("none", 1e-6, ""),
        (None, 1e-6, ""),
    ],
)
def test_rates_never_read_like_a_chance_of_being_the_origin(
    verdict: str | None, rate: float, text: str
) -> None:
    assert rate_in_words(verdict, {"false_match_rate": rate}) == text


def test_stated_rates_have_their_names() -> None:
    assert stated_in_words(0.001).startswith("1 in 1,000 queries without an origin")
    assert stated_in_words(0.001).endswith("(balanced)")
    assert stated_in_words(0.02).endswith("verdict origin")


def test_numbers_of_queries() -> None:
    assert [queries_in_words(n) for n in (0, 1, 2, 10_000)] == [
        "0 queries", "1 query", "2 queries", "10,000 queries",
    ]  # fmt: skip
