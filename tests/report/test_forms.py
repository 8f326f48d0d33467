"""The forms of a report: the same cases as a page, as JSON and as CSV."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from originid.errors import InputError, StorageError, UsageError
from originid.report.forms import COLUMNS, check_output, files_of, write_report
from originid.system.csv_rows import read_rows
from report_cases import about, made_up


def cases() -> Iterator[dict[str, Any]]:
    yield made_up(1, query="=1+1.jpg")
    yield made_up(2)
    yield made_up(3)
    yield made_up(4)


def test_a_page_brings_the_others(tmp_path: Path) -> None:
    write_report(tmp_path / "r.html", about(), cases)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.csv", "r.html", "r.json"]
    assert files_of(tmp_path / "r.html") == tuple(
        tmp_path / name for name in ("r.html", "r.json", "r.csv")
    )


@pytest.mark.parametrize("name", ["r.json", "r.csv", "R.JSON"])
def test_another_form_comes_alone(tmp_path: Path, name: str) -> None:
    write_report(tmp_path / name, about(), cases)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_the_json_has_the_cases_without_their_pictures(tmp_path: Path) -> None:
    write_report(tmp_path / "r.json", about(), cases)
    told = json.loads((tmp_path / "r.json").read_bytes())
    assert told["report"] == "originid audit"
    assert told["about"] == about()
    expected = [{k: v for k, v in case.items() if k != "pictures"} for case in cases()]
    assert told["cases"] == expected


def test_the_json_of_no_cases(tmp_path: Path) -> None:
    write_report(tmp_path / "r.json", about(0), lambda: iter(()))
    assert json.loads((tmp_path / "r.json").read_bytes())["cases"] == []


def test_the_csv_has_a_row_for_each_case(tmp_path: Path) -> None:
    write_report(tmp_path / "r.csv", about(), cases)
    assert (tmp_path / "r.csv").read_text(encoding="utf-8").splitlines()[1].startswith("'=1+1")
    header, *rows = [row for _, row in read_rows(tmp_path / "r.csv")]
    assert tuple(header) == COLUMNS
    first = dict(zip(header, rows[0], strict=True))
    assert first["query"] == "=1+1.jpg"
    assert first["verdict"] == "origin"
    assert first["score"] == "0.8999"
    assert first["false_match_rate"] == "5e-05"
    assert first["reference"] == "photos/01.jpg"
    assert first["sha256"] == f"{1:064x}"
    assert first["evidence"].startswith("The query agrees with the reference")
    last = dict(zip(header, rows[3], strict=True))
    assert (last["verdict"], last["score"]) == ("", "")
    assert last["error"] == "no image; expected a picture"


def test_a_report_that_exists_is_replaced(tmp_path: Path) -> None:
    for count in (1, 2):
        check_output(tmp_path / "r.html")
        write_report(tmp_path / "r.html", about(count), lambda: iter([made_up(1)]))
    assert "2 queries in archive" in (tmp_path / "r.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_a_file_of_others_beside_the_page_is_not_replaced(tmp_path: Path, suffix: str) -> None:
    other = tmp_path / f"pairs{suffix}"
    other.write_text("origin,query\n", encoding="utf-8")
    for name in ("pairs.html", other.name):
        with pytest.raises(InputError, match="is no report of originid"):
            check_output(tmp_path / name)
    assert other.read_text(encoding="utf-8") == "origin,query\n"


@pytest.mark.parametrize("name", ["report", "report.pdf", "report.html.gz"])
def test_another_ending_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"ends in \.html, \.json or \.csv"):
        check_output(tmp_path / name)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "r.html").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        check_output(tmp_path / "r.html")
    with pytest.raises(UsageError, match="mkdir -p"):
        check_output(tmp_path / "no folder" / "r.html")


def test_a_disk_that_refuses_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "r.json").write_text("before", encoding="utf-8")

    def broken() -> Iterator[dict[str, Any]]:
        yield made_up(1)
        raise OSError(28, "No space left on device")

    with pytest.raises(StorageError, match="No space left on device"):
        write_report(tmp_path / "r.json", about(), broken)
    assert (tmp_path / "r.json").read_text(encoding="utf-8") == "before"
