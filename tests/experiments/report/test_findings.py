"""The top of a page of reports: sentences from the numbers, pictures, and rows without a value."""

from dataclasses import replace

import pytest

from originid.experiments import ExperimentInputs, ExperimentReport
from originid.experiments.report.findings import PICTURES, SENTENCES, pictures, sentences
from originid.experiments.report.page import to_html
from originid.experiments.report.report import Cell, Plot, Table
from originid.experiments.report.writing import to_markdown

MODELS = Table(
    "Public models",
    ("model", "family", "mAP", "Acc", "Acc 95 %", "projected Acc", "paper: Acc"),
    (
        ("phash", "hash", 75.0, 72.5, "[68.0, 77.0]", 63.0, None),
        ("pdq", "hash", 85.0, 84, "[80.0, 87.0]", 80.0, None),
        ("tones, map full", "ours", 95.0, 94.4, "[92.0, 96.0]", 92.0, None),
        ("clip", "text", None, None, None, None, 1.8),
        ("siglip", "newer", None, None, None, None, None),
    ),
)
TRAINED = Table(
    "Accuracy",
    ("method", "unseen Acc"),
    (
        ("vit", 40.0),
        ("qaconv", 66.8),
        ("tones, map full", 86.2),
        ("tones, map full, all generators", 86.5),
    ),
)
STRENGTH = Table(
    "Acc by strength",
    ("encoder", "learned from", "judged on", "0.5", "0.9"),
    (("a", "no map", "x", 50, 0), ("a", "x", "x", 91.1, 2.7), ("a", "y", "x", 100, 2.7)),
)
ATTACKS = Table(
    "Attacks",
    ("attack", "Acc"),
    (("none", 94.4), ("jpeg:10", 93.8), ("blur:2", 94.5)),
)
MISSES = Table(
    "Misses", ("method", "map", "origin groups", "with a miss"), (("a", "full", 332, 38),)
)
TOLD = {
    "table2": [
        "With tones, map full, the origin has rank 1 for 94.4 % of the queries (95 % interval "
        "[92.0, 96.0]); among a million references it would be 92 %.",
        "Of the public models that were run, pdq is the best, with 84 %.",
    ],
    "table3": [
        "For edits by generators that it did not learn from, tones, map full, finds 86.2 %; the "
        "best network that was trained on images, qaconv, finds 66.8 %."
    ],
    "strength": [
        "An edit of strength 0.5 is found in 91.1 to 100 % of the cases, and one of strength 0.9, "
        "which keeps little of the photo, in 2.7 %."
    ],
    "figure7": [
        "Of 2 ways to degrade a query, jpeg:10 does the most harm: Acc goes from 94.4 to 93.8 %."
    ],
    "failures": ["Of 332 groups of origins, 38 have an edit that a misses."],
}  # fmt: skip
TABLES = dict(zip(TOLD, (MODELS, TRAINED, STRENGTH, ATTACKS, MISSES), strict=True))


def report(name: str, summary: Table, *plots: str) -> ExperimentReport:
    drawn = {plot: Plot(f"{name} {plot}", "x", "y", {"a": ([1, 2], [1, 2])}) for plot in plots}
    return ExperimentReport(name, name.title(), ExperimentInputs(), summary, plots=drawn)


@pytest.mark.parametrize("name", TOLD)
def test_each_sentence_says_what_its_table_holds(name: str) -> None:
    assert sentences([report(name, TABLES[name])]) == TOLD[name]


def test_the_most_important_sentences_come_first_whatever_the_order_of_the_reports() -> None:
    reports = [report(name, TABLES[name]) for name in reversed(TABLES)]
    every = [sentence for told in TOLD.values() for sentence in told]
    assert sentences(reports) == every[:SENTENCES]


@pytest.mark.parametrize("name", TOLD)
@pytest.mark.parametrize("rows", [(), None])
def test_nothing_is_said_of_what_was_not_measured(
    name: str, rows: tuple[tuple[Cell, ...], ...] | None
) -> None:
    table = TABLES[name]
    empty = tuple((row[0], *[None] * (len(row) - 1)) for row in table.rows)
    assert sentences([report(name, replace(table, rows=empty if rows is None else rows))]) == []
    assert sentences([report(name, Table("T", ("x",), ((1,),)))]) == []


def test_three_pictures_are_chosen_and_each_is_drawn_once() -> None:
    pytest.importorskip("matplotlib", reason="needs the extra [experiments]")
    reports = [report("theory", ATTACKS, "a", "b", "c"), report("figure7", ATTACKS, "acc")]
    chosen = [name for name, _ in pictures(reports)]
    assert chosen == ["picture-figure7-acc", "picture-theory-a", "picture-theory-b"]
    assert len(chosen) == PICTURES
    html = to_html(reports, {}, {})
    assert html.count("data:image/png;base64,") == 4
    for name in chosen:
        assert html.count(f'<figure id="{name}">') == html.count(f'href="#{name}"') == 1
    assert html.index("What was found") < html.index("All results") < html.index("<table>")


def test_rows_without_any_value_are_one_line() -> None:
    made = report("table2", MODELS)
    line = "No value, here or in the paper: siglip, newer."
    for text in (to_html([made], {}, {}), to_markdown(made)):
        assert line in text
        assert "clip" in text  # the paper has a value
        assert text.count("siglip") == 1
    assert len(made.summary.to_json()) == 5  # files for programs keep every row


@pytest.mark.parametrize(
    ("row", "stays"),
    [
        (("a", None, None), False),
        (("a", None, "-"), False),
        (("a", "-", "-"), True),  # a text for what never has a value
        (("a", "name", None), False),
        (("a", "0.9 ± 0.1", None), True),
        (("a", "[0.8, 0.9]", None), True),
        (("a", "+0.1 [0.0, 0.2]", None), True),
        (("a", 0, None), True),
        ((None, 1.0, None), True),
    ],
)
def test_which_rows_have_no_value(row: tuple[Cell, ...], stays: bool) -> None:
    shown, left_out = Table("T", ("x", "y", "z"), (row,)).folded()
    assert (shown.rows == (row,), left_out == ()) == (stays, stays)


def test_a_long_table_is_shown_when_it_is_asked_for() -> None:
    long = Table("T", ("x",), tuple((number,) for number in range(41)))
    assert "<summary>41 rows</summary>" in to_html([report("data", long)], {}, {})
    short = replace(long, rows=long.rows[:40])
    assert "<summary>" not in to_html([report("data", short)], {}, {})
