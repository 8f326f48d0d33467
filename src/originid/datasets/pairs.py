"""Reads a pairs manifest, which says what query was made from what origin."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from originid.errors import InputError
from originid.system.csv_rows import ADVICE, read_rows
from originid.types import Failure, Pair

REQUIRED = ("origin", "query")
SEPARATORS = {";": "semicolons", "\t": "tabs"}
_HEADER_SHOWN = 300  # characters of a header that an error shows
_SHOWN = 5  # bad rows that an error names; the others are only counted


def read_pairs(path: str | Path) -> list[Pair]:
    """Read a pairs manifest.

    Every row needs an ``origin`` and a ``query``. Both are paths relative to the folder of the
    manifest; they become absolute paths with all links resolved, and the files need not exist. The
    group of a pair is its ``origin_group``, or the path of its origin if that cell is empty or
    there is no such column. Rows that repeat are all kept, and a measurement averages over them.

    Args:
        path: a CSV file in UTF-8 with a header; a byte order mark is allowed.

    Returns:
        The pairs in the order of the rows, with the cells of all columns in ``fields``.

    Raises:
        InputError: if the manifest cannot be read, lacks a required column, has no rows, or has bad
            rows; the error names the lines of the bad rows.

    Example:
        >>> import originid
        >>> written = Path("pairs.csv").write_text("origin,query,prompt\\na.jpg,b.jpg,at night\\n")
        >>> pair = originid.read_pairs("pairs.csv")[0]
        >>> pair.query.name, pair.fields["prompt"]
        ('b.jpg', 'at night')
    """
    path = Path(path)
    lines = read_rows(path)
    _, header = next(lines, (0, []))
    _check_header(path, header)
    # A row may have too many or too few cells, which is reported below with the other problems.
    rows = [(line, dict(zip(header, row, strict=False)), len(row)) for line, row in lines]
    problems = [
        f"line {line}: {problem}"
        for line, fields, cells in rows
        if (problem := _problem(fields, cells, len(header)))
    ]
    expected = f"expected {len(header)} cells a row, as the header has, with an origin and a query"
    _refuse(path, problems, expected)
    if not rows:
        raise InputError(f"{path} has no pairs", "expected a row below the header", ADVICE)
    # Links are resolved, so that a file has one path whichever way a manifest names it.
    folder = os.path.realpath(path.parent)
    pairs = [_pair(folder, fields) for _, fields, _ in rows]
    own = [
        f"line {line}: the query is its own origin"
        for (line, _, _), pair in zip(rows, pairs, strict=True)
        if pair.origin == pair.query
    ]
    _refuse(path, own, "expected a query that was made from another file, its origin")
    return pairs


def image_paths(pairs: Iterable[Pair]) -> list[Path]:
    """Return every file that some pairs name, each once, in the order in which they appear.

    Args:
        pairs: the pairs; of each the origin comes first.
    """
    return list(dict.fromkeys(path for pair in pairs for path in (pair.origin, pair.query)))


def readable_pairs(pairs: Sequence[Pair], failures: Sequence[Failure]) -> list[Pair]:
    """Return the pairs of which both files could be read, in their order.

    Args:
        pairs: the pairs.
        failures: the files that could not be read.

    Raises:
        InputError: none of some could be read.
    """
    failed = {Path(failure.path): failure.reason for failure in failures}
    readable = [pair for pair in pairs if failed.keys().isdisjoint((pair.origin, pair.query))]
    if pairs and not readable:
        first = next(path for path in image_paths(pairs) if path in failed)
        raise InputError(
            f"none of {len(pairs)} pairs can be read",
            "expected image files at the manifest's paths, which are relative to its folder",
            f"first reason: {first}: {failed[first]}",
        )
    return readable


def _refuse(path: Path, problems: list[str], expected: str) -> None:
    """Refuse a manifest that has problems."""
    if problems:
        more = f" and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise InputError(f"{path}: {'; '.join(problems[:_SHOWN])}{more}", expected, ADVICE)


def _check_header(path: Path, header: list[str]) -> None:
    missing = [column for column in REQUIRED if column not in header]
    repeated = sorted(column for column, times in Counter(header).items() if times > 1)
    if not missing and not repeated:
        return
    problem = f"no column {' or '.join(missing)}" if missing else f"{repeated[0][:80]!r} twice"
    separators = [name for mark, name in SEPARATORS.items() if mark in "".join(header)]
    names = ", ".join(header)
    shown = names if len(names) <= _HEADER_SHOWN else f"{names[:_HEADER_SHOWN]} ..."
    found = f"its header has {problem}: {shown}" if header else "the file is empty"
    raise InputError(
        f"{path}: {found}",
        "expected a header with the columns origin and query, each column once",
        f"write commas in place of its {separators[0]}" if missing and separators else ADVICE,
    )


def _problem(fields: dict[str, str], cells: int, expected: int) -> str | None:
    """Say what is wrong with a row, or None; ``cells`` is how many it has."""
    if cells != expected:
        return f"{cells} cells"
    empty = [column for column in REQUIRED if not fields[column].strip()]
    if empty:
        return f"{' and '.join(empty)} empty"
    if any("\0" in fields[column] for column in REQUIRED):
        return "a zero byte in a path"
    return None


def _pair(folder: str, fields: dict[str, str]) -> Pair:
    origin, query = (
        Path(os.path.realpath(os.path.join(folder, fields[column]))) for column in REQUIRED
    )
    group = fields.get("origin_group", "").strip() or str(origin)
    return Pair(origin, query, group, fields)
