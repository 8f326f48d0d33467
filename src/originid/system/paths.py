"""Paths as users give them: one, or several."""

import os
from collections.abc import Iterable
from typing import TypeAlias

Paths: TypeAlias = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]
"""One path, or several."""


def as_paths(paths: Paths) -> list[str]:
    """One path or several, as a list of texts: the characters of a text are no paths.

    Args:
        paths: bytes that are not UTF-8 are in a text as surrogates, as `os.fsdecode` leaves them.
    """
    return list(map(os.fsdecode, [paths] if isinstance(paths, (str, os.PathLike)) else paths))
