"""CSV files that people and spreadsheets write, line by line."""

import csv
import io
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from originid.errors import InputError, StorageError
from originid.system import csv_rows
from originid.system.csv_rows import FORMULA, guarded, read_rows, write_rows


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.csv"


def rows(path: Path, data: bytes) -> list[tuple[int, list[str]]]:
    path.write_bytes(data)
    return list(read_rows(path))


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_marks(path: Path, mark: bytes, end: bytes) -> None:
    data = mark + end.join([b"a,b", b"1,2", b"", b"3,4"])
    assert rows(path, data) == [(1, ["a", "b"]), (2, ["1", "2"]), (4, ["3", "4"])]


def test_a_cell_over_lines_has_the_line_that_its_row_begins_on(path: Path) -> None:
    data = b'a,b\n"x\ny\nz",1\nc,2\n"q\n",3'
    assert rows(path, data) == [
        (1, ["a", "b"]),
        (2, ["x\ny\nz", "1"]),
        (5, ["c", "2"]),
        (6, ["q\n", "3"]),
    ]


def test_an_empty_file_has_no_rows(path: Path) -> None:
    assert rows(path, b"") == []
    assert rows(path, b"\xef\xbb\xbf") == []
    assert rows(path, b"\n\r\n\n") == []


@pytest.mark.parametrize(
    ("data", "line"),
    [(b"\xff\xfe", 1), (b"a\nb\nc\xe9\nd\n", 3), (b"ok\n" * 5000 + b"\x80", 5001)],
)
def test_bytes_that_are_not_utf_8_are_found(path: Path, data: bytes, line: int) -> None:
    with pytest.raises(InputError, match=f"line {line} has bytes that are not UTF-8") as caught:
        rows(path, data)
    assert str(path) in caught.value.given
    assert "UTF-8" in caught.value.todo


def test_a_cell_without_end_is_found_by_its_line(path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.csv: line 2: ") as caught:
        rows(path, b'a,b\n"' + b"x" * 200_000)
    assert caught.value.expected == "expected rows of a CSV file"


def test_what_cannot_be_opened_has_its_reason(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        list(read_rows(tmp_path / "none.csv"))
    with pytest.raises(InputError, match="a folder"):
        list(read_rows(tmp_path))


def as_read(cell: str) -> str:
    """What is read where somebody else wrote a cell: an apostrophe before a formula goes."""
    return cell[1:] if cell[:1] == "'" and cell.lstrip("'")[:1] in FORMULA else cell


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


@given(st.lists(st.lists(CELL, min_size=1, max_size=4), max_size=6))
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, table: list[list[str]]
) -> None:
    file = io.StringIO(newline="")
    csv.writer(file).writerows(table)
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    path.write_bytes(b"\xef\xbb\xbf" + file.getvalue().encode())
    found = list(read_rows(path))
    assert [cells for _, cells in found] == [[as_read(cell) for cell in row] for row in table]
    numbers = [line for line, _ in found]
    assert numbers == sorted(set(numbers))


# Texts of the marks that matter, so that the cases of apostrophes are all tried.
MARKED = st.text(st.sampled_from("'=-+@\t\r1.e a,\n\""), max_size=6) | CELL


@given(st.lists(st.lists(MARKED, min_size=1, max_size=3), max_size=3))
def test_what_is_written_is_read_as_it_was_and_is_no_formula(
    tmp_path_factory: pytest.TempPathFactory, table: list[list[str]]
) -> None:
    file = tmp_path_factory.mktemp("csv") / "a.csv"
    write_rows(file, table)
    with file.open(encoding="utf-8", newline="") as opened:
        raw = list(csv.reader(opened))
    for cell in (cell for row in raw for cell in row if cell.startswith(FORMULA)):
        float(cell)  # a number, which no spreadsheet takes for a formula
    assert [cells for _, cells in read_rows(file)] == table


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-2+cmd|' /C calc'!A0", "'-2+cmd|' /C calc'!A0"),
        ("+49 30 1234", "'+49 30 1234"),
        ("-", "'-"),
        ("'=1", "''=1"),
        ("'quoted'", "'quoted'"),
        ("-0.5", "-0.5"),
        ("+1e-3", "+1e-3"),
        (-0.5, -0.5),
        ("a=1", "a=1"),
    ],
)
def test_formulas_are_guarded_and_numbers_are_not(text: object, written: object) -> None:
    assert guarded([text]) == [written]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a,b\n" + b"," * 1000 + b"\n", "line 2: a row of 1,001 cells"),
        (b"a\n" + b"x,y," * 300_000 + b"\n", "line 2: a row that is too long"),
        (b'a\n"' + b'","\n' * 300_000, "line 2: a row that is too long"),
    ],
)
def test_rows_beyond_the_limits_are_refused(path: Path, data: bytes, message: str) -> None:
    path.write_bytes(data)
    with pytest.raises(InputError, match=message) as caught:
        list(read_rows(path))
    assert "expected at most" in caught.value.expected


def test_files_beyond_the_limits_are_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_rows, "MOST_ROWS", 3)
    assert len(rows(path, b"a\nb\nc\n")) == 3
    with pytest.raises(InputError, match="line 4: 4 rows with 4 cells"):
        rows(path, b"a\nb\nc\nd\n")
    monkeypatch.setattr(csv_rows, "MOST_CELLS", 5)
    with pytest.raises(InputError, match="line 2: 2 rows with 6 cells"):
        rows(path, b"a,b,c\na,b,c\n")
    monkeypatch.setattr(csv_rows, "MOST_BYTES", 7)
    with pytest.raises(InputError, match="it has 8 bytes, expected at most 7"):
        rows(path, b"a,b\nc,d\n")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_a_pipe_is_refused_at_once(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(InputError, match="a pipe or a device"):
        list(read_rows(path))


def test_writing_replaces_the_file_or_says_why_not(path: Path, tmp_path: Path) -> None:
    path.write_text("old")
    write_rows(path, [["-1", "@a", "\udcff", "a,b"]])
    assert path.read_bytes() == b'-1,\'@a,\\udcff,"a,b"\r\n'
    with pytest.raises(StorageError, match="cannot write"):
        write_rows(tmp_path / "no" / "a.csv", [])
