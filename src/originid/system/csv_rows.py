"""Reads the CSV files that people and spreadsheets write, and writes such as they may open.

A text that a spreadsheet would compute as a formula is written with an apostrophe in front, and
read without it. So what is written here is read back as it was.
"""

import csv
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from originid.errors import InputError
from originid.system.small_files import check_regular
from originid.system.storage import new_file, storage_errors

ADVICE = "correct the file and run again"
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes as the start of a formula
MOST_BYTES = 1_000_000_000  # a manifest of a million pairs has 0.2 to 0.3 GB
MOST_COLUMNS = 1000
MOST_ROWS = 2_500_000  # in memory, a pair of a manifest takes a kilobyte
MOST_CELLS = 50_000_000
MOST_CHARACTERS = 1_000_000  # of a row; one cell has at most 131,072, by Python's own reader
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def read_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield each row of a CSV file: the number of its first line, from 1, and its cells.

    Empty lines are left out. A row may span several lines, because a quoted cell may hold line
    breaks. A cell that `guarded` wrote is read as it was before.

    Args:
        path: a regular CSV file in UTF-8; a byte order mark at its start is allowed.

    Raises:
        InputError: if the file cannot be read, is not CSV in UTF-8, or exceeds one of the limits of
            this module; the error names the line.
    """
    start = 1
    try:
        check_regular(path, MOST_BYTES)
        with open(path, encoding="utf-8-sig", newline="", opener=_open_at_once) as file:
            lines = _Lines(file)
            rows = cells = 0
            for row in csv.reader(lines):
                if row:
                    rows, cells = rows + 1, cells + len(row)
                    _check_size(rows, cells, row)
                    yield start, [_unguarded(cell) for cell in row]
                start = lines.next_row()
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: line {_undecodable(path)} has bytes that are not UTF-8",
            "expected a CSV file in UTF-8",
            "save it as UTF-8 and run again",
        ) from error
    except csv.Error as error:
        raise InputError(
            f"{path}: line {lines.count}: {error}", "expected rows of a CSV file", ADVICE
        ) from error
    except _TooLargeError as error:
        raise InputError(f"{path}: line {start}: {error}", error.expected, _DIVIDE) from error
    except (OSError, ValueError) as error:  # ValueError: no regular file, too large, or no name
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"{path}: {reason}", "expected a CSV file that can be read", "check the path"
        ) from error


def write_rows(path: Path, rows: Iterable[Sequence[str]]) -> None:
    """Write a CSV file that is safe to open in a spreadsheet.

    Args:
        path: the file, which appears only when it is complete, in place of one that is there. Bytes
            that are not UTF-8 are written as ``\\udcff``.
        rows: the cells of each row; the first row is the header. Each is written by `guarded`.

    Raises:
        StorageError: if the disk is full or cannot be written.
    """
    with (
        storage_errors(path),
        new_file(path) as temporary,
        temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        csv.writer(file).writerows(map(guarded, rows))


def guarded(row: Iterable[object]) -> list[object]:
    """Return the cells of a row, ready for a CSV file that a spreadsheet may open.

    A text that begins with one of `FORMULA` gets an apostrophe in front, because names, prompts and
    notes may come from strangers. A number stays as it is. A text that begins with apostrophes
    and then one of `FORMULA` gets one more: so whoever takes one away has the text again.

    Args:
        row: the cells, of which only texts may change.
    """
    return [f"'{cell}" if isinstance(cell, str) and _is_formula(cell) else cell for cell in row]


def _is_formula(cell: str) -> bool:
    """Whether a text, without the apostrophes in front, is a formula; a number is none."""
    return cell.lstrip("'").startswith(FORMULA) and not _NUMBER.fullmatch(cell)


def _unguarded(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _is_formula(cell) else cell


class _Lines:
    """The lines of a file, counted; a row may not have too many characters.

    The reader of Python would hold a row of any length in memory.
    """

    def __init__(self, file: TextIO) -> None:
        self.count = 0
        self._file = file
        self._left = MOST_CHARACTERS

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._file.readline(self._left + 1)
        if not line:
            raise StopIteration
        self.count += 1
        self._left -= len(line)
        if self._left < 0:
            expected = f"expected at most {MOST_CHARACTERS:,} characters in a row"
            raise _TooLargeError("a row that is too long", expected)
        return line

    def next_row(self) -> int:
        """Begin another row, and return the number of its first line."""
        self._left = MOST_CHARACTERS
        return self.count + 1


class _TooLargeError(Exception):
    """A row exceeds a limit; ``expected`` says which."""

    def __init__(self, given: str, expected: str) -> None:
        super().__init__(given)
        self.expected = expected


_DIVIDE = "divide the file into several, and leave out the columns that are not needed"


def _check_size(rows: int, cells: int, row: list[str]) -> None:
    if len(row) > MOST_COLUMNS:
        expected = f"expected at most {MOST_COLUMNS:,} cells in a row"
        raise _TooLargeError(f"a row of {len(row):,} cells", expected)
    if rows > MOST_ROWS or cells > MOST_CELLS:
        expected = f"expected at most {MOST_ROWS:,} rows and {MOST_CELLS:,} cells"
        raise _TooLargeError(f"{rows:,} rows with {cells:,} cells so far", expected)


def _open_at_once(path: str, flags: int) -> int:
    """Open a file without waiting, even if a pipe has just taken the place of the file."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _undecodable(path: Path) -> int:
    """Return the number, from 1, of the first line that is not UTF-8."""
    with path.open("rb") as file:
        lines = enumerate(file, start=1)
        return next((n for n, line in lines if line.decode(errors="ignore").encode() != line), 0)
