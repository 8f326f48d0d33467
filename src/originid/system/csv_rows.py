"""Reads the CSV files that people and spreadsheets write, and writes such as they may open."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from originid.errors import InputError
from originid.system.storage import new_file, storage_errors

ADVICE = "correct the file and run again"
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes as the start of a formula


def read_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield each row of a CSV file: the number of its first line, from 1, and its cells.

    Empty lines are left out. A row may span several lines, because a quoted cell may hold line
    breaks.

    Args:
        path: a CSV file in UTF-8; a byte order mark at its start is allowed.

    Raises:
        InputError: if the file cannot be read, or is not CSV in UTF-8; the error names the line.
    """
    start = 1
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            for row in reader:
                if row:
                    yield start, row
                start = reader.line_num + 1
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(
            f"{path}: {reason}", "expected a CSV file that can be read", "check the path"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: line {_undecodable(path)} has bytes that are not UTF-8",
            "expected a CSV file in UTF-8",
            "save it as UTF-8 and run again",
        ) from error
    except csv.Error as error:
        raise InputError(
            f"{path}: line {reader.line_num}: {error}", "expected rows of a CSV file", ADVICE
        ) from error


def write_rows(path: Path, rows: Iterable[Sequence[str]]) -> None:
    """Write a CSV file that is safe to open in a spreadsheet.

    A cell that a spreadsheet would compute, because it begins with one of ``FORMULA``, gets an
    apostrophe in front: file names and notes may come from strangers. Bytes that are not UTF-8 are
    written as ``\\udcff``.

    Args:
        path: the file, which appears only when it is complete, in place of one that is there.
        rows: the cells of each row; the first row is the header.

    Raises:
        StorageError: if the disk is full or cannot be written.
    """
    with (
        storage_errors(path),
        new_file(path) as temporary,
        temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        csv.writer(file).writerows([_no_formula(cell) for cell in row] for row in rows)


def _no_formula(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def _undecodable(path: Path) -> int:
    """Return the number, from 1, of the first line that is not UTF-8."""
    with path.open("rb") as file:
        lines = enumerate(file, start=1)
        return next((n for n, line in lines if line.decode(errors="ignore").encode() != line), 0)
