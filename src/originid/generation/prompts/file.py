"""Prompts or captions from a CSV file."""

import os
from collections import defaultdict
from pathlib import Path

from originid.errors import InputError
from originid.generation.prompts.base import PromptError, one_line
from originid.system.csv_rows import ADVICE, read_rows
from originid.types import Image

COLUMNS = "the columns path and prompt, or path and caption"
Texts = dict[str, list[str]]
"""What a file says of each image, by the image's absolute path with links followed."""


def columns(path: Path) -> list[str]:
    """Return the header of a CSV file; empty for an empty file.

    Args:
        path: The path of the CSV file.

    Raises:
        InputError: The file cannot be read.
    """
    return next(read_rows(path), (0, []))[1]


def read_column(path: Path, name: str) -> Texts:
    """Read one column of a CSV file that is in UTF-8 and has a header with the column ``path``.

    Paths are relative to the file. An image may have several rows. Empty cells and repetitions are
    ignored.

    Args:
        path: The path of the CSV file.
        name: The name of the column to read.

    Raises:
        InputError: The file cannot be read, or a column is missing.
    """
    rows = read_rows(path)
    _, header = next(rows, (0, []))
    if "path" not in header or name not in header:
        raise InputError(
            f"{path}: its header is {', '.join(header)[:300] or 'empty'}",
            f"expected {COLUMNS}",
            "add the column, or name another file",
        )
    file, text = header.index("path"), header.index(name)
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for line, row in rows:
        if any("\0" in cell for cell in row):
            raise InputError(
                f"{path}: line {line}: a zero byte", "expected paths and texts without one", ADVICE
            )
        if len(row) > max(file, text) and (value := one_line(row[text])):
            found[_real(path.parent / row[file])][value] = None
    return {key: list(values) for key, values in found.items()}


class FilePrompts:
    """The prompts in a CSV file with the columns ``path`` and ``prompt``.

    Args:
        path: The path of the CSV file.
        count: The largest number of prompts of an image; the first ones are taken.

    Raises:
        InputError: The file cannot be read, or a column is missing.
    """

    def __init__(self, path: Path, count: int) -> None:
        self._path = path
        self._texts = {key: texts[:count] for key, texts in read_column(path, "prompt").items()}

    def count(self, path: Path) -> int:
        """Return how many prompts the file has for an image, up to the limit.

        Args:
            path: The path of the image file.
        """
        return len(self._texts.get(_real(path), ()))

    def prompts(self, path: Path, image: Image) -> list[str]:
        """Return the prompts that the file has for an image.

        Args:
            path: The path of the image file.
            image: The image, which does not matter.

        Raises:
            PromptError: The file has no prompt for this image.
        """
        try:
            return self._texts[_real(path)]
        except KeyError as error:
            expected = f"expected a row of {self._path} with its path and a prompt"
            todo = f"add such a row; its path is relative to {self._path.parent.absolute()}"
            raise PromptError("no prompt for this image", expected, todo) from error


def _real(path: Path) -> str:
    return os.path.realpath(path)
