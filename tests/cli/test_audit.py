"""originid audit, and find --open."""

import io
import json
import sys
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as PILImage

from fixture_types import Run
from originid.report.journal import SUFFIX
from originid.testing import textured_image


@pytest.fixture
def queries(tmp_path: Path, stranger: Path) -> Path:
    """A folder with an edit, a stranger and a file that is no image."""
    folder = tmp_path / "queries"
    folder.mkdir()
    PILImage.fromarray(textured_image(3)).save(folder / "edit.jpg", quality=60)
    stranger.rename(folder / "stranger.png")
    (folder / "torn.jpg").write_bytes(b"\xff\xd8\xff torn")
    return folder


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that a browser was asked to open."""
    asked: list[str] = []

    def open_(address: str) -> bool:
        asked.append(address)
        return True

    monkeypatch.setattr(webbrowser, "open", open_)
    return asked


def test_a_folder_becomes_a_report(indexed: Path, queries: Path, tmp_path: Path, run: Run) -> None:
    status, out, err = run("audit", queries, "--in", indexed, "-o", tmp_path / "r.html")
    assert status == 0, err
    assert out == (
        f"3 queries: 1 origin, 0 uncertain, 1 none, 1 unreadable\nlook at {tmp_path / 'r.html'}\n"
    )
    cases = json.loads((tmp_path / "r.json").read_bytes())["cases"]
    assert [Path(case["query"]).name for case in cases] == ["edit.jpg", "stranger.png", "torn.jpg"]
    assert [case["verdict"] for case in cases] == ["origin", "none", None]
    assert len((tmp_path / "r.csv").read_text(encoding="utf-8").splitlines()) == 4
    assert "<h1>3 queries in c</h1>" in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_the_report_has_what_find_prints(
    indexed: Path, queries: Path, tmp_path: Path, run: Run
) -> None:
    run("audit", queries, "--in", indexed, "-o", tmp_path / "r.json", "--top", 3)
    _, out, _ = run("find", queries, "--in", indexed, "--top", 3, "--json")
    cases = json.loads((tmp_path / "r.json").read_bytes())["cases"]
    for line, case in zip(out.splitlines(), cases, strict=True):
        answer = json.loads(line)
        assert {name: case[name] for name in answer} == answer


def test_json_names_the_files(
    indexed: Path, queries: Path, tmp_path: Path, run_json: Callable[..., Any]
) -> None:
    printed = run_json("audit", queries, "--in", indexed, "-o", tmp_path / "r.html")
    assert printed == {
        "files": [str(tmp_path / name) for name in ("r.html", "r.json", "r.csv")],
        "counts": {"origin": 1, "uncertain": 0, "none": 1, "unreadable": 1},
        "resumed": 0,
    }


def test_an_interrupted_run_goes_on_and_says_so(
    indexed: Path, queries: Path, tmp_path: Path, run: Run
) -> None:
    arguments = ("audit", queries, "--in", indexed, "-o", tmp_path / "r.json")
    run(*arguments)
    # As if the run had ended before the report was written.
    journal = tmp_path / f"r.json{SUFFIX}"
    whole = json.loads((tmp_path / "r.json").read_bytes())
    assert not journal.exists()
    (tmp_path / "r.json").unlink()
    journal.write_text('{"model": "another"}\n', encoding="utf-8")
    status, _, err = run(*arguments)
    assert status == 0
    assert (
        "note: an earlier run was interrupted; this one starts anew, as this has changed: " in err
    )
    assert json.loads((tmp_path / "r.json").read_bytes())["cases"] == whole["cases"]


def test_a_list_and_standard_input(
    indexed: Path, queries: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "list.txt").write_text(f"{queries / 'stranger.png'}\n", encoding="utf-8")
    data = io.TextIOWrapper(io.BytesIO((queries / "edit.jpg").read_bytes()))
    monkeypatch.setattr(sys, "stdin", data)
    arguments = ("audit", "-", "--list", tmp_path / "list.txt", "--in", indexed)
    status, out, err = run(*arguments, "-o", tmp_path / "r.html")
    assert status == 0, err
    assert out.startswith("2 queries: 1 origin")
    assert "standard input" in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_a_report_of_what_cannot_be_read(
    indexed: Path, queries: Path, tmp_path: Path, run: Run
) -> None:
    torn = queries / "torn.jpg"
    status, out, _ = run("audit", torn, tmp_path / "no", "--in", indexed, "-o", tmp_path / "r.csv")
    assert status == 1
    assert out.startswith("2 queries: 0 origin, 0 uncertain, 0 none, 2 unreadable")
    assert "No such file" in (tmp_path / "r.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("output", "status", "said"),
    [
        ("report.pdf", 2, "expected a name that ends in .html, .json or .csv"),
        ("no folder/report.html", 2, "make it first: mkdir -p"),
        ("taken.html", 1, "is no report of originid"),
    ],
)
def test_a_wrong_output_is_refused_before_anything_is_searched(
    indexed: Path, queries: Path, tmp_path: Path, run: Run, output: str, status: int, said: str
) -> None:
    (tmp_path / "taken.csv").write_text("origin,query\n", encoding="utf-8")
    found, _, err = run("audit", queries, "--in", indexed, "-o", tmp_path / output)
    assert (found, said in err) == (status, True), err
    assert (tmp_path / "taken.csv").read_text(encoding="utf-8") == "origin,query\n"


def test_other_wrong_use(indexed: Path, tmp_path: Path, run: Run) -> None:
    report = tmp_path / "r.html"
    status, _, err = run("audit", "--in", indexed, "-o", report)
    assert (status, "error: no query\n" in err) == (2, True)
    status, _, err = run("audit", "x.jpg", "--in", tmp_path / "none", "-o", report)
    assert status == 1
    assert not report.exists()
    status, _, err = run("audit", "x.jpg", "--in", indexed, "-o", report, "--false-matches", "2")
    assert (status, "strict, balanced, wide" in err) == (2, True)


def test_open_shows_the_report(
    indexed: Path, queries: Path, tmp_path: Path, run: Run, opened: list[str]
) -> None:
    run("audit", queries, "--in", indexed, "-o", tmp_path / "r.html", "--open")
    assert opened == [(tmp_path / "r.html").as_uri()]


def test_find_open_prints_as_ever_and_shows_a_report(
    indexed: Path,
    queries: Path,
    tmp_path: Path,
    run: Run,
    opened: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    status, out, err = run("find", queries, "--in", indexed, "--open", "--json")
    assert status == 0, err
    _, plain, _ = run("find", queries, "--in", indexed, "--json")
    assert out == plain
    (page,) = tmp_path.glob("originid-*/report.html")
    assert opened == [page.as_uri()]
    assert f"{page}: opened in the web browser" in err
    assert "3 queries in c" in page.read_text(encoding="utf-8")


def test_without_a_browser_the_page_is_named(
    indexed: Path, queries: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webbrowser, "open", lambda address: False)
    arguments = ("audit", queries, "--in", indexed, "-o", tmp_path / "r.html", "--open")
    status, _, err = run(*arguments)
    assert status == 0
    assert f"{tmp_path / 'r.html'}: no web browser was found; open it in one" in err
