"""Reads JSON that may come from strangers: one object, of a bounded size, depth and range."""

import json
import math
import os
from typing import Any, NoReturn

from originid.system.small_files import read_small_file

JsonObject = dict[str, Any]
"""As `types.Json`, which would load numpy."""
MOST_BYTES = 1_000_000  # a model.json has a thousand; settings have fewer
MOST_DEPTH = 32  # objects and lists inside of each other; ours have five
MOST_DIGITS = 20  # of a whole number; those of 64 bits have at most 20 with their sign


def read_json(
    path: str | os.PathLike[str], most: int = MOST_BYTES, links: bool = True
) -> JsonObject:
    """Read a file that holds one JSON object.

    Args:
        path: a regular file in UTF-8; a byte order mark is allowed.
        most: the largest number of bytes that the file may have.
        links: whether the path may be a symbolic link.

    Raises:
        OSError: if the file is missing or cannot be read.
        ValueError: if it is not a regular file of that size, or not such JSON as `parse_json`
            takes; the text of the error leaves out the path, which the caller knows.
    """
    return parse_json(read_small_file(path, most, links), most)


def parse_json(data: bytes | str, most: int = MOST_BYTES) -> JsonObject:
    """Read one JSON object.

    NaN, infinite numbers, numbers that become infinite, such as 1e999, whole numbers of more than
    `MOST_DIGITS` digits, text that is not Unicode, and values nested deeper than `MOST_DEPTH` are
    refused. What is returned can therefore be written, compared and printed anywhere.

    Args:
        data: the text, or its bytes in UTF-8; a byte order mark is allowed.
        most: the largest number of bytes or characters that it may have.

    Raises:
        ValueError: if it is anything else.
    """
    if len(data) > most:
        raise ValueError(f"JSON of {len(data):,} bytes, expected at most {most:,}")
    try:
        text = data if isinstance(data, str) else data.decode("utf-8-sig")
        value = json.loads(
            text, parse_constant=_refuse_number, parse_float=_finite, parse_int=_bounded
        )
    except UnicodeDecodeError as error:
        raise ValueError("it is not UTF-8") from error
    except RecursionError as error:
        raise ValueError(_TOO_DEEP) from error
    _check(value)
    if not isinstance(value, dict):
        raise ValueError(f"it holds a {type(value).__name__}, expected one JSON object")
    return value


_TOO_DEEP = f"its values are nested more than {MOST_DEPTH} deep"


def _check(value: Any) -> None:
    """Refuse what is nested too deeply, level by level, and text that no file could hold."""
    level, depth = [value], 0
    while level:
        for each in level:
            if isinstance(each, str) and any("\ud800" <= c <= "\udfff" for c in each):
                raise ValueError(f"{each[:40]!r} is not Unicode text")
        objects = [each for each in level if isinstance(each, dict)]
        lists = [each for each in level if isinstance(each, list)]
        depth += bool(objects or lists)
        if depth > MOST_DEPTH:
            raise ValueError(_TOO_DEEP)
        level = [inner for each in objects for inner in (*each.keys(), *each.values())]
        level += [inner for each in lists for inner in each]


def _refuse_number(text: str) -> NoReturn:
    raise ValueError(f"the number {text[:40]}, expected a finite one")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse_number(text)


def _bounded(text: str) -> int:
    return int(text) if len(text) <= MOST_DIGITS else _refuse_number(text)
