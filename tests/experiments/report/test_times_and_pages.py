"""Files of times that are odd, times that fail, and pages of odd names."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from originid.errors import InputError, StorageError
from originid.experiments import ExperimentInputs, ExperimentReport
from originid.experiments.report.page import to_html
from originid.experiments.report.report import Table
from originid.experiments.report.timing import FILE, Timing, read_timings, timed
from originid.experiments.report.writing import read_object

PLAIN = ExperimentReport("one", "One", ExperimentInputs(), Table("T", ("a",), ((1,),)))


@pytest.mark.parametrize(
    "entry", ["1", "null", "[]", '"x"', '{"minutes": 3}', '{"seconds": 1, "x": 2}']
)
def test_an_entry_that_is_no_timing_says_what_to_do(entry: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(f'{{"a": {{"seconds": 1}}, "b": {entry}}}')
    with pytest.raises(InputError) as caught:
        read_timings(tmp_path)
    assert caught.value.given.startswith(f"{tmp_path / FILE} cannot be used: ")
    assert caught.value.expected.startswith("expected the seconds of each experiment")
    assert caught.value.todo == "delete the file"


@pytest.mark.parametrize("content", [b"\xff", b"[" * 100_000, b"{} {}"])
def test_a_file_that_is_no_object_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(InputError, match=r"x\.json cannot be used"):
        read_object(tmp_path / "x.json")


def test_only_what_ended_well_has_a_time(tmp_path: Path) -> None:
    with timed(tmp_path, "good"):
        pass
    with pytest.raises(ZeroDivisionError), timed(tmp_path, "bad"):
        raise ZeroDivisionError
    assert set(read_timings(tmp_path)) == {"good"}
    kept = json.loads((tmp_path / FILE).read_text())
    assert (kept["good"]["done"], kept["bad"]["done"]) == (True, False)


def test_a_folder_that_cannot_be_written_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError), timed(tmp_path / "file" / "folder", "x"):
        pass


@given(st.text(min_size=1, max_size=12))
def test_a_page_shows_any_text_and_runs_none(text: str) -> None:
    odd = f"<script>{text}</script>"
    table = Table(odd, (odd,), ((odd,),), odd)
    report = replace(PLAIN, title=odd, summary=table, note=odd, skipped={odd: odd})
    html = to_html([report], {odd: odd}, {})
    assert "<script>" not in html
    # Title with its link, heading of the table with its link, column, cell, two notes, and two
    # reasons with their names, one of them in a line more.
    assert html.count("&lt;script&gt;") == 13


def test_a_note_that_reports_share_is_shown_once() -> None:
    reports = [
        replace(PLAIN, name=name, note=note) for name, note in zip("abc", "xyx", strict=True)
    ]
    html = to_html(reports, {}, {"a": Timing(60, 120, True), "c": Timing(120, 60, True)})
    assert (html.count(">x</p>"), html.count(">y</p>")) == (1, 1)
    assert [html.count(f'href="#{name}"') for name in "abc"] == [1, 1, 1]
    assert "All of it took 3 minutes, in which 3 core-minutes" in html
    assert (html.count("1.0 minutes"), html.count("2.0 minutes")) == (1, 1)


def test_nothing_to_show_is_a_page_too() -> None:
    html = to_html([], {}, {})
    assert html.startswith("<!doctype html>")
    assert "Not run" not in html
    assert "<h2" not in html
