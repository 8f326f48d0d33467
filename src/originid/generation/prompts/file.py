"""Prompts, or captions, from a CSV file."""

import os
from collections import defaultdict
from pathlib import Path

from originid.errors import InputError
from originid.generation.prompts.base import PromptError, one_line
from originid.system.csv_rows import read_rows
from originid.types import Image

COLUMNS = "the columns path and prompt, or path and caption"
Texts = dict[str, list[str]]
"""Absolute path, links followed, to what a file says of the image there."""


def columns(path: Path) -> list[str]:
    """The header of a CSV file.

    Raises:
        InputError: the file cannot be read.
    """
    return next(read_rows(path), (0, []))[1]


def read_column(path: Path, name: str) -> Texts:
    """Read one column of a CSV file in UTF-8 that has a header and a column ``path``.

    Paths are relative to the file. An image may have several rows; empty cells and repetitions
    are left out.

    Raises:
        InputError: the file cannot be read, or lacks a column.
    """
    rows = read_rows(path)
    _, header = next(rows, (0, []))
    if "path" not in header or name not in header:
        raise InputError(
            f"{path}: its header is {', '.join(header) or 'empty'}",
            f"expected {COLUMNS}",
            "add the column, or name another file",
        )
    file, text = header.index("path"), header.index(name)
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for _, row in rows:
        if len(row) > max(file, text) and (value := one_line(row[text])):
            found[_real(path.parent / row[file])][value] = None
    return {key: list(values) for key, values in found.items()}


class FilePrompts:
    """The first ``count`` prompts that a CSV file with columns ``path`` and ``prompt`` has."""

    def __init__(self, path: Path, count: int) -> None:
        self._path = path
        self._texts = {key: texts[:count] for key, texts in read_column(path, "prompt").items()}

    def count(self, path: Path) -> int:
        """As `PromptSource.count` says."""
        return len(self._texts.get(_real(path), ()))

    def prompts(self, path: Path, image: Image) -> list[str]:
        """As `PromptSource.prompts` says."""
        try:
            return self._texts[_real(path)]
        except KeyError as error:
            expected = f"expected a row of {self._path} with its path and a prompt"
            raise PromptError("no prompt for this image", expected, "add such a row") from error


def _real(path: Path) -> str:
    return os.path.realpath(path)
