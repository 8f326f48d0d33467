"""Describing references by a table of the user's: captions, credits, licences, dates and links."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path

from originid.collection.collection import Collection
from originid.collection.naming import content_of_digits
from originid.errors import InputError
from originid.images.captions import clean
from originid.system.csv_rows import ADVICE, read_rows
from originid.system.text import counted
from originid.types import Description

FIELDS = tuple(each.name for each in fields(Description))
FILE, CONTENT = "file", "sha256"  # the columns that say which reference is described
BATCH = 1000  # rows written in one transaction


@dataclass
class Described:
    """What one run that describes references did.

    Args:
        described: how many references a row described.
        unknown: what the rows name that the collection does not have.
        links: what stands in the column ``link`` and is no address of the web, so that it is not
            kept.
        columns: of the table, that say nothing known.
    """

    described: int = 0
    unknown: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """A table that describes images.

    Args:
        rows: for each the path or the SHA-256 of a file, and what is said of it.
        columns: those that say nothing known.
    """

    rows: list[tuple[str, Description]]
    columns: tuple[str, ...]


def read_descriptions(table: Path) -> Table:
    """Read a table that describes images.

    Args:
        table: a CSV file with a header. The column ``file`` holds paths, relative to the table; or
            ``sha256`` the SHA-256 of files, in 64 hexadecimal digits. At least one of the columns
            ``caption``, ``credit``, ``licence``, ``date`` and ``link`` follows; others are only
            named in what is returned.

    Returns:
        The rows; paths are absolute.

    Raises:
        InputError: the table cannot be read, or lacks a column.
    """
    read = read_rows(table)
    _, header = next(read, (0, []))
    names = [cell.strip().lower() for cell in header]
    key = next((name for name in (FILE, CONTENT) if name in names), None)
    known = [name for name in FIELDS if name in names]
    if key is None or not known:
        raise InputError(
            f"{table} has the columns {', '.join(names) or 'of no header'}",
            f"expected {FILE} or {CONTENT}, and at least one of {', '.join(FIELDS)}",
            _other_divider(names) or "give the table a first line that names its columns",
        )
    rows = list(_rows(table, read, names, key, known))
    return Table(rows, tuple(name for name in names if name not in (key, *known)))


def describe_references(collection: Collection, table: Table) -> Described:
    """Describe references as a table says.

    Args:
        collection: what the references belong to.
        table: what `read_descriptions` gave. A text that is empty leaves what was said before.

    Raises:
        StorageError: the disk refuses.
    """
    done = Described(columns=table.columns)
    for start in range(0, len(table.rows), BATCH):
        with collection.database.writing():
            for name, description in table.rows[start : start + BATCH]:
                found = _references(collection, name)
                for reference in found:
                    collection.database.describe(reference, description)
                done.described += len(found)
                done.unknown += [] if found else [name]
                if description.link.strip() and not clean(description).link:
                    done.links.append(description.link.strip())
    return done


def _other_divider(names: list[str]) -> str | None:
    """What to do about a header of one cell, in which another character divides the columns."""
    for divider, name in ((";", "semicolons"), ("\t", "tabs")):
        if len(names) == 1 and divider in names[0]:
            return f"its columns seem to be divided by {name}: save it with commas"
    return None


def _rows(
    table: Path, read: Iterator[tuple[int, list[str]]], names: list[str], key: str, known: list[str]
) -> Iterator[tuple[str, Description]]:
    """What each row is about, and what it says."""
    for number, cells in read:
        if len(cells) != len(names):
            raise InputError(
                f"{table}: line {number} has {counted(len(cells), 'cell')}",
                f"expected {len(names)}, as in the first line",
                ADVICE,
            )
        row = dict(zip(names, cells, strict=True))
        cell = row[key].strip()
        if cell:
            # The folder of the table, with no link resolved, as the paths of references are stored.
            name = cell if content_of_digits(cell) else os.path.join(table.absolute().parent, cell)
            yield name, Description(**{name: row[name] for name in known})


def _references(collection: Collection, name: str) -> list[int]:
    """The ids of the references that a path or a SHA-256 names."""
    content = content_of_digits(name)
    if content is not None:
        return [row.id for row in collection.database.with_content(content, limit=BATCH)]
    row = collection.database.reached_by(os.path.abspath(name))
    return [] if row is None else [row.id]
