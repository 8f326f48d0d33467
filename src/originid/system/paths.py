"""Paths as users give them: one, or several."""

import os
import re
from collections.abc import Iterable
from typing import TypeAlias

from originid.errors import InputError

Paths: TypeAlias = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]
"""One path, or several."""
_OF_FILE = re.compile(r"file://(localhost)?/", re.IGNORECASE)


def as_paths(paths: Paths) -> list[str]:
    """One path or several, as a list of texts: the characters of a text are no paths.

    Args:
        paths: bytes that are not UTF-8 are in a text as surrogates, as `os.fsdecode` leaves them.
            An address such as ``file:///photos/a%20b.jpg`` stands for the path in it.

    Raises:
        InputError: something is no path, such as the bytes of an image.
    """
    if isinstance(paths, str | bytes | os.PathLike) or not isinstance(paths, Iterable):
        return [_text(paths)]
    return [_text(path) for path in paths]


def _text(path: object) -> str:
    if not isinstance(path, str | os.PathLike):
        raise InputError(
            f"an object of the type {type(path).__name__}",
            "expected a path, or several",
            "write an image that is in memory to a file, and name the file",
        )
    text = os.fsdecode(path)
    if not _OF_FILE.match(text):
        return text
    from urllib.request import url2pathname  # 20 ms, and seldom needed

    return url2pathname("/" + _OF_FILE.sub("", text))
