"""Reads the CSV files that people and spreadsheets write."""

import csv
from collections.abc import Iterator
from pathlib import Path

from originid.errors import InputError

ADVICE = "correct the file and run again"


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


def _undecodable(path: Path) -> int:
    """Return the number, from 1, of the first line that is not UTF-8."""
    with path.open("rb") as file:
        lines = enumerate(file, start=1)
        return next((n for n, line in lines if line.decode(errors="ignore").encode() != line), 0)
