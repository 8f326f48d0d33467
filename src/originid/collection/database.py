"""The SQLite file of a collection: the source of truth.

Everything else in a collection can be made again from it. Ids are never used twice, so an index
that saw ids up to n catches up by reading what is above n and what was removed.
"""

import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from originid.collection.cohort_table import SCHEMA_COHORT, SCHEMA_SECOND_LOOKS, CohortTable
from originid.collection.decisions import SCHEMA_DECISIONS, DecisionTable
from originid.collection.detail_table import SCHEMA_DETAILS, DetailTable
from originid.collection.failure_table import SCHEMA_FAILURES, FailureTable
from originid.collection.form_table import SCHEMA_FORMS, Form, FormTable
from originid.collection.sqlite import create, slices
from originid.details.features import Features
from originid.errors import CollectionError
from originid.types import Box, Ids
from originid.verdict.information import LITTLE

FORMAT = 3
READ = (1, 2, FORMAT)  # earlier ones have less (see UPGRADES); the first writing brings them up
SCHEMA = """
CREATE TABLE reference (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    location TEXT NOT NULL UNIQUE,  -- absolute path
    name TEXT NOT NULL,             -- the path as the user gave it
    sha256 BLOB NOT NULL,
    bytes INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    added_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),
    information REAL                -- see verdict/information.py; NULL where it was not measured
);
CREATE INDEX reference_sha256 ON reference (sha256);
-- Apart from their reference, so that reading paths does not read vectors.
CREATE TABLE vector (id INTEGER PRIMARY KEY, crc32 INTEGER NOT NULL, code BLOB NOT NULL);
CREATE TABLE removed (place INTEGER PRIMARY KEY AUTOINCREMENT, id INTEGER NOT NULL);
"""
UPGRADES = {
    1: (
        "ALTER TABLE reference ADD COLUMN information REAL",
        SCHEMA_COHORT,
        SCHEMA_DECISIONS,
    ),
    2: (SCHEMA_FORMS, SCHEMA_SECOND_LOOKS, SCHEMA_DETAILS),
}
"""What brings a file of each format to the next one."""
MEASURED = 2  # the first format that has the information of references


@dataclass(frozen=True)
class Row:
    """A reference as stored; ``location`` is its absolute path, ``name`` as the user gave it.

    ``box`` is where its second form lies, in a row that was asked for by the id of that form.
    """

    location: str
    name: str
    sha256: bytes
    bytes: int
    mtime_ns: int
    width: int
    height: int
    id: int = 0
    added_at: str = ""
    information: float | None = None
    box: Box | None = None

    @property
    def shown(self) -> str:
        """The name, where it still leads to the file from the current folder."""
        return self.name if os.path.abspath(self.name) == self.location else self.location


COLUMNS = "location, name, sha256, bytes, mtime_ns, width, height, id, added_at"
# It comes behind them, where the file has it. The file may come from somebody else.
INFORMATION = "CASE typeof(information) WHEN 'real' THEN information END"


class Database(DecisionTable, CohortTable, FormTable, DetailTable, FailureTable):
    """The references of a collection, the files that could not be used, and the decisions.

    Paths may hold any bytes; they are stored as the system has them.
    """

    code_size: int | None = None  # bytes of a stored vector; the collection knows them

    def __init__(self, path: Path) -> None:
        super().__init__(path, READ)

    @classmethod
    def create(cls, path: Path, meta: dict[str, str]) -> None:
        """Make an empty file."""
        tables = (SCHEMA, SCHEMA_FAILURES, SCHEMA_COHORT, SCHEMA_DECISIONS, *UPGRADES[2])
        create(path, FORMAT, "".join(tables), meta)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A transaction, as of `SqliteFile`; a file of an earlier format is brought up in it."""
        with super().writing():
            # Asked again inside: another process may have done it.
            found = self._one("PRAGMA user_version")[0]
            for earlier in range(found, FORMAT):
                for statement in UPGRADES[earlier]:
                    self._connection.execute(statement)
                self._connection.execute(f"PRAGMA user_version = {earlier + 1}")
            yield
        self.format = FORMAT

    def count(self) -> int:
        """How many references there are."""
        return int(self._one("SELECT count(*) FROM reference")[0])

    def count_blank(self) -> int | None:
        """How many references have little information; None where it was not measured."""
        if self.format < MEASURED:
            return None
        query = "SELECT count(*) FROM reference WHERE information < ?"
        return int(self._one(query, LITTLE)[0])

    def version(self) -> tuple[int, int]:
        """The last id given and the last place in the list of removals, 0 before the first."""
        row = self._one(
            "SELECT (SELECT coalesce(max(id), 0) FROM vector),"
            " (SELECT coalesce(max(place), 0) FROM removed)"
        )
        return int(row[0]), int(row[1])

    def insert(
        self, row: Row, code: bytes, form: Form | None = None, features: Features | None = None
    ) -> bool:
        """Add a reference; return whether one at the same location made place for it.

        Args:
            row: the reference; it gets an id.
            code: its vector.
            form: its second form, if it has one.
            features: its local features, if they are to be stored.
        """
        replaced = self.delete([row.location]) > 0
        paths = os.fsencode(row.location), os.fsencode(row.name)
        cursor = self._connection.execute(
            "INSERT INTO reference"
            " (location, name, sha256, bytes, mtime_ns, width, height, information)"
            " VALUES (CAST(? AS TEXT), CAST(? AS TEXT), ?, ?, ?, ?, ?, ?)",
            (*paths, row.sha256, row.bytes, row.mtime_ns, row.width, row.height, row.information),
        )
        new_id = int(cursor.lastrowid or 0)
        vector = (new_id, zlib.crc32(code), code)
        self._connection.execute("INSERT INTO vector VALUES (?, ?, ?)", vector)
        if form is not None:
            self._add_form(new_id, form)
        if features is not None:
            self._add_details(new_id, features)
        self._forget_failure(row.location)
        return replaced

    def delete(self, locations: Sequence[str]) -> int:
        """Remove the references at these locations; return how many there were."""
        ids = [row.id for location in locations if (row := self.at(location)) is not None]
        for old_id in ids:
            self._delete_form(old_id)
            self._delete_details(old_id)
            self._connection.execute("DELETE FROM reference WHERE id = ?", (old_id,))
            self._connection.execute("DELETE FROM vector WHERE id = ?", (old_id,))
            self._connection.execute("INSERT INTO removed (id) VALUES (?)", (old_id,))
        return len(ids)

    def relocate(self, row: Row, location: str, name: str, mtime_ns: int) -> None:
        """Note where a reference whose content is unchanged is found."""
        self._connection.execute(
            "UPDATE reference SET location = CAST(? AS TEXT), name = CAST(? AS TEXT),"
            " mtime_ns = ? WHERE id = ?",
            (os.fsencode(location), os.fsencode(name), mtime_ns, row.id),
        )
        self._forget_failure(location)

    def at(self, location: str) -> Row | None:
        """The reference at a location."""
        rows = self._rows("WHERE location = CAST(? AS TEXT)", os.fsencode(location))
        return rows[0] if rows else None

    def has_content(self, sha256: bytes) -> bool:
        """Whether a reference has this content."""
        return bool(self._all("SELECT 1 FROM reference WHERE sha256 = ? LIMIT 1", sha256))

    def with_content(self, sha256: bytes, limit: int = 8) -> list[Row]:
        """The first few references with this content, oldest first."""
        return self._rows("WHERE sha256 = ? ORDER BY id LIMIT ?", sha256, limit)

    def rows(self, ids: Sequence[int]) -> dict[int, Row]:
        """References by id, or by the id of their second form; others are left out."""
        found: dict[int, Row] = {}
        forms = self.forms(ids)
        for some in slices(sorted({forms[key][0] if key in forms else key for key in ids})):
            marks = ",".join("?" * len(some))
            found |= {row.id: row for row in self._rows(f"WHERE id IN ({marks})", *some)}
        of_forms = {
            key: replace(found[reference], box=box)
            for key, (reference, box) in forms.items()
            if reference in found
        }
        return {key: found[key] for key in ids if key in found and key not in forms} | of_forms

    def all_rows(self, batch: int = 10_000) -> Iterator[Row]:
        """Every reference in the order of ids, in bounded memory."""
        last = 0
        while rows := self._rows("WHERE id > ? ORDER BY id LIMIT ?", last, batch):
            yield from rows
            last = rows[-1].id

    def under(self, location: str) -> list[str]:
        """Locations of references that are this path, or lie in this folder."""
        return self._under("reference", location)

    def codes(self, ids: Ids) -> tuple[Ids, NDArray[np.uint8]]:
        """Those of sorted ids that exist (n,) and their stored vectors (n, bytes)."""
        rows: list[tuple[int, bytes]] = []
        for some in slices(ids.tolist()):
            marks = ",".join("?" * len(some))
            rows += self._all(f"SELECT id, code FROM vector WHERE id IN ({marks})", *some)
        return self._stacked(rows)

    def codes_after(
        self, last: int, batch: int, forms: bool = True
    ) -> tuple[Ids, NDArray[np.uint8]]:
        """The next stored vectors, those of second forms among them or not.

        Args:
            last: an id; those above it come next.
            batch: how many are read at most.
            forms: whether second forms are read too.

        Returns:
            Ids (n,), ascending, and vectors (n, bytes).
        """
        which = "true" if forms else self._of_references
        query = f"SELECT id, code FROM vector WHERE id > ? AND {which} ORDER BY id LIMIT ?"
        return self._stacked(self._all(query, last, batch))

    def ids(self) -> Ids:
        """Ids (n,) of all stored vectors but those of second forms, in ascending order."""
        query = f"SELECT id FROM vector WHERE {self._of_references} ORDER BY id"
        return np.array([row[0] for row in self._all(query)], np.int64)

    def removed(self, after: int) -> Ids:
        """Ids (n,) removed after a place in the list of removals."""
        rows = self._all("SELECT id FROM removed WHERE place > ?", after)
        return np.array([row[0] for row in rows], np.int64)

    def torn_vectors(self, batch: int = 1000) -> Iterator[int]:
        """Ids of stored vectors, and of second forms, that are missing or not as written."""
        query = "SELECT id FROM reference WHERE id NOT IN (SELECT id FROM vector)"
        yield from (row[0] for row in self._all(query))
        yield from self.torn_forms()
        last, query = 0, "SELECT id, crc32, code FROM vector WHERE id > ? ORDER BY id LIMIT ?"
        while rows := self._all(query, last, batch):
            for key, crc32, code in rows:
                if not self._is_code(code) or zlib.crc32(code) != crc32:
                    yield key
            last = rows[-1][0]

    def _is_code(self, code: object) -> bool:
        return isinstance(code, bytes) and self.code_size in (None, len(code))

    def _stacked(self, rows: list[tuple[int, bytes]]) -> tuple[Ids, NDArray[np.uint8]]:
        for key, code in rows:
            if not self._is_code(code):
                location = next((row.location for row in self.rows([key]).values()), f"id {key}")
                raise CollectionError(
                    f"the stored vector of {location} in {self.path.parent} is damaged",
                    f"expected {self.code_size} bytes",
                    f"remove it and index it again: originid remove {location}"
                    f" --from {self.path.parent}",
                )
        ids = np.array([row[0] for row in rows], np.int64)
        codes = np.frombuffer(b"".join(row[1] for row in rows), np.uint8)
        return ids, codes.reshape(len(rows), -1 if rows else 0)

    def _rows(self, where: str, *values: object) -> list[Row]:
        columns = f"{COLUMNS}, {INFORMATION}" if self.format >= MEASURED else COLUMNS
        return [Row(*row) for row in self._all(f"SELECT {columns} FROM reference {where}", *values)]


def modified(status: os.stat_result) -> int:
    """Time of a file's last change in nanoseconds, within what SQLite can store."""
    return max(-(2**63), min(status.st_mtime_ns, 2**63 - 1))
