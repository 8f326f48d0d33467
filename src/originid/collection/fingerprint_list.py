"""A partner's list of fingerprints, whose rows become references without pictures.

The list is a CSV file with a header. ``fingerprint``, and ``link`` or ``name``, must be there;
``sha256`` (of the picture's file), ``caption``, ``credit``, ``licence`` and ``date`` may be; other
columns are passed over.
"""

import hashlib
import string
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from originid.collection.added import Added
from originid.collection.collection import Collection
from originid.collection.describing import FIELDS
from originid.collection.row import Row
from originid.errors import InputError
from originid.images.captions import clean
from originid.index.fingerprint import (
    Fingerprint,
    packed_signs,
    read_fingerprint,
    refuse_other_model,
)
from originid.system.addresses import UNLINKED, is_link
from originid.system.csv_rows import read_rows
from originid.system.progress import Progress
from originid.types import Description, Failure

SUFFIX = ".csv"
FINGERPRINT, LINK, NAME, SHA256 = "fingerprint", "link", "name", "sha256"
COLUMNS = (FINGERPRINT, NAME, LINK, SHA256, *(field for field in FIELDS if field != LINK))
BATCH = 1000  # rows stored together
MOST_CHARACTERS = 2000  # of a link or a name


@dataclass(frozen=True)
class Listed:
    """A row of a list.

    Args:
        location: the link, or the name behind ``fingerprint:``.
        name: what the partner calls the picture; the link where there is no name.
        sha256: of the picture's file; where that is not known, of the fingerprint.
        fingerprint: of the picture.
        description: what the partner says of it.
    """

    location: str
    name: str
    sha256: bytes
    fingerprint: Fingerprint
    description: Description

    @property
    def row(self) -> Row:
        """The reference that it becomes."""
        share = self.fingerprint.information
        return Row(self.location, self.name, self.sha256, 0, 0, 0, 0, information=share)


def is_fingerprint_list(path: str) -> bool:
    """Whether a path is that of a CSV file with a column of fingerprints."""
    if not path.lower().endswith(SUFFIX):
        return False
    try:
        return FINGERPRINT in _names(next(read_rows(Path(path)), (0, []))[1])
    except InputError:
        return False


def store_fingerprints(collection: Collection, path: str, added: Added, progress: Progress) -> None:
    """Store the rows of a list in a collection; a row whose location is stored takes its place.

    Args:
        collection: where to; its model must have made the fingerprints.
        path: of the list.
        added: gets the numbers, and the rows that cannot be used.
        progress: called with the rows dealt with and the rows so far.

    Raises:
        InputError: the list cannot be read, or lacks a column.
        StorageError: the disk refuses.
    """
    seen: dict[str, int] = {}  # the line of each location
    some: list[Listed] = []
    for line, row in _listed(collection, path):
        if isinstance(row, Listed) and row.location in seen:
            other = f"line {seen[row.location]} has the same link or name; give each its own"
            row = Failure(f"{path}, line {line}", other)
        if isinstance(row, Failure):
            added.failures.append(row)
            continue
        seen[row.location] = line
        some.append(row)
        if len(some) >= BATCH:
            _store(collection, some, added)
            some = []
            progress(added.seen, added.seen)
    _store(collection, some, added)


def _store(collection: Collection, some: list[Listed], added: Added) -> None:
    """Store rows in one transaction; count them when they are safe."""
    if not some:
        return
    database, codec = collection.database, collection.codec
    new = updated = 0
    codes = codec.of_bits(packed_signs([each.fingerprint for each in some], codec.dim))
    with database.writing():
        database.prepare([each.location for each in some], [each.sha256 for each in some])
        for each, code in zip(some, codes, strict=True):
            here = database.at(each.location)
            if here is not None and _is_stored(collection, here, each, code.tobytes()):
                database.describe(here.id, each.description)
                continue
            if database.insert(each.row, code.tobytes(), description=each.description):
                updated += 1
            else:
                new += 1
    added.added += new
    added.updated += updated
    added.unchanged += len(some) - new - updated


def _is_stored(collection: Collection, here: Row, listed: Listed, code: bytes) -> bool:
    stored = collection.database.codes(np.array([here.id], np.int64))[1]
    same = (here.name, here.sha256, here.information)
    return same == (listed.name, listed.sha256, listed.fingerprint.information) and (
        stored.tobytes() == code
    )


def _listed(collection: Collection, path: str) -> Iterator[tuple[int, Listed | Failure]]:
    """The rows of a list, with the number of the first line of each."""
    rows = read_rows(Path(path))
    names = _names(next(rows, (0, []))[1])
    if FINGERPRINT not in names or not {LINK, NAME} & set(names):
        raise InputError(
            f"{path} has the columns {', '.join(names) or '(none)'}",
            f"expected {FINGERPRINT}, and {LINK} or {NAME}",
            "originid fingerprint IMAGE -o FILE.csv writes such a list",
        )
    for line, cells in rows:
        row = dict(zip(names, cells, strict=False))
        try:
            yield line, _read(collection, row)
        except InputError as error:
            yield line, Failure(f"{path}, line {line}", error.reason)


def _read(collection: Collection, row: dict[str, str]) -> Listed:
    fingerprint = read_fingerprint(row.get(FINGERPRINT, "").strip())
    refuse_other_model(fingerprint, collection.model.fingerprint, collection.model.dim)
    link, name = (row.get(column, "").strip() for column in (LINK, NAME))
    digits = row.get(SHA256, "").strip()
    if max(len(link), len(name)) > MOST_CHARACTERS or "\0" in link + name:
        expected = f"expected at most {MOST_CHARACTERS} characters, and none of them NUL"
        raise InputError("a link or a name that is too long", expected, "shorten it")
    if link and not is_link(link):
        raise InputError(f"the link {link}", "expected one that begins with https://", "correct it")
    if not link and not name:
        raise InputError("neither a link nor a name", "expected one of them", "add it")
    if digits and not (len(digits) == 64 and set(digits) <= set(string.hexdigits)):
        expected = "expected 64 hexadecimal digits"
        raise InputError(f"the sha256 {digits[:70]}", expected, "correct it")
    content = bytes.fromhex(digits or hashlib.sha256(fingerprint.text.encode()).hexdigest())
    said = {field: row.get(field, "") for field in FIELDS}
    description = clean(Description(**said))
    return Listed(link or f"{UNLINKED}{name}", name or link, content, fingerprint, description)


def _names(header: list[str]) -> list[str]:
    return [cell.strip().lower() for cell in header]
