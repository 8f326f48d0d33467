"""The journal of an audit: what is done stays, whatever happens to the process."""

import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies

from originid.errors import StorageError
from originid.report.journal import START, Journal

PURPOSE = {"model": "abc", "references": [3, 0], START: "2026-11-26T09:30:00Z"}
CASE = {"verdict": "origin", "query": "a\tb\n\udcff.jpg", "matches": []}


def test_a_case_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "r.html.unfinished"
    with Journal(path, PURPOSE) as journal:
        first = journal.add(("a.jpg", "11"), CASE)
        second = journal.add(("b.jpg", "22"), {"verdict": None})
        assert journal.read(first) == CASE
        assert journal.read(second) == {"verdict": None}
        assert (first.verdict, second.verdict) == ("origin", None)
    with Journal(path, PURPOSE | {START: "later"}) as again:
        assert again.changed == []
        assert again.purpose == PURPOSE
        assert set(again.done) == {("a.jpg", "11"), ("b.jpg", "22")}
        assert again.read(again.done["a.jpg", "11"]) == CASE
        third = again.add(("c.jpg", "33"), {"verdict": "none"})
        assert again.read(third) == {"verdict": "none"}


def test_a_case_without_a_key_is_asked_again(tmp_path: Path) -> None:
    with Journal(tmp_path / "j", PURPOSE) as journal:
        assert journal.read(journal.add(None, CASE)) == CASE
    with Journal(tmp_path / "j", PURPOSE) as again:
        assert again.done == {}


@pytest.mark.parametrize("cut", [1, 2, 10, 60])
def test_a_line_that_was_cut_off_is_left_out(tmp_path: Path, cut: int) -> None:
    with Journal(tmp_path / "j", PURPOSE) as journal:
        journal.add(("a.jpg", "11"), CASE)
        journal.add(("b.jpg", "22"), CASE)
    data = (tmp_path / "j").read_bytes()
    (tmp_path / "j").write_bytes(data[:-cut])
    with Journal(tmp_path / "j", PURPOSE) as again:
        assert set(again.done) == {("a.jpg", "11")}
        again.add(("b.jpg", "22"), CASE)
    with Journal(tmp_path / "j", PURPOSE) as third:
        assert {name: third.read(place) for name, place in third.done.items()} == {
            ("a.jpg", "11"): CASE,
            ("b.jpg", "22"): CASE,
        }


def test_another_purpose_starts_anew_and_says_what_has_changed(tmp_path: Path) -> None:
    with Journal(tmp_path / "j", PURPOSE) as journal:
        journal.add(("a.jpg", "11"), CASE)
    with Journal(tmp_path / "j", PURPOSE | {"references": [4, 0], "new": 1}) as again:
        assert again.changed == ["new", "references"]
        assert again.done == {}
    with Journal(tmp_path / "j", PURPOSE | {"references": [4, 0], "new": 1}) as third:
        assert third.changed == []


@given(strategies.binary(max_size=60))
def test_any_bytes_are_no_journal(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("journals") / "j"
    path.write_bytes(data)
    with Journal(path, PURPOSE) as journal:
        assert journal.done == {}
        assert journal.read(journal.add(("a.jpg", "11"), CASE)) == CASE


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no flock")
def test_two_processes_do_not_write_one_report(tmp_path: Path) -> None:
    with (
        Journal(tmp_path / "r.html.unfinished", PURPOSE),
        pytest.raises(StorageError, match=r"another process is writing the report .*r\.html\n"),
    ):
        Journal(tmp_path / "r.html.unfinished", PURPOSE)


def test_a_journal_that_is_removed_is_gone(tmp_path: Path) -> None:
    with Journal(tmp_path / "j", PURPOSE) as journal:
        journal.add(("a.jpg", "11"), CASE)
        journal.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_refuses_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot write"):
        Journal(tmp_path / "missing" / "j", PURPOSE)


def refuse(*_: Any) -> None:
    """Stands for a disk without locks."""
    raise OSError(38, "Function not implemented")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no flock")
def test_a_disk_without_locks_is_no_hindrance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fcntl.flock", refuse)
    with Journal(tmp_path / "j", PURPOSE) as journal:
        assert journal.done == {}
