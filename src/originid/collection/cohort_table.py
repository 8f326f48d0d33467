"""The cohort by which a collection calibrates itself, as a table of its database."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from originid.collection.sql import SqlTables
from originid.verdict.cohort import KEPT, Cohort, empty_cohort

FIRST_FORMAT = 2  # of the database: before it there was no cohort
SEEN = re.compile("([0-9]{1,18}) ([0-9]{1,18})")  # two numbers that SQLite can hold
SCHEMA_COHORT = """
-- The sampled references by which the collection calibrates itself (verdict/cohort.py).
CREATE TABLE cohort (
    id INTEGER PRIMARY KEY,
    scores BLOB NOT NULL,           -- float32, little-endian
    others BLOB NOT NULL,           -- int64, little-endian: ids of the references that scored so
    cut INTEGER NOT NULL            -- whether scores were left out
);
"""
SECOND_FORMAT = 3  # of the database: before it there were no second leads
SCHEMA_SECOND_LOOKS = """
-- Second looks at sampled references (verdict/second_look.py), among as many references.
CREATE TABLE second_look (
    id INTEGER PRIMARY KEY,
    lead REAL NOT NULL,
    among INTEGER NOT NULL
);
"""


@dataclass(frozen=True)
class StoredCohort:
    """A cohort, and the changes of the collection that it has seen.

    Args:
        cohort: the sampled references and their best scores.
        seen: what `Store.version` was when it was brought up to date.
    """

    cohort: Cohort
    seen: tuple[int, int]


class CohortTable(SqlTables):
    """The part of a collection's database that holds the cohort."""

    def cohort(self) -> StoredCohort:
        """The cohort, and up to which changes it is right; an empty one where none is stored."""
        if self.format < FIRST_FORMAT:
            return StoredCohort(empty_cohort(np.empty(0, np.int64)), (0, 0))
        # Read before the members: a cohort that another process stores in between is newer than its
        # note, and `update_cohort` stores nothing that was worked out from such a pair.
        seen = self.cohort_seen()
        if seen == (0, 0):
            return StoredCohort(empty_cohort(np.empty(0, np.int64)), seen)
        # The file may come from somebody else: what cannot be a member's row is passed over.
        rows = self._all(
            "SELECT id, scores, others, cut <> 0 FROM cohort"
            " WHERE typeof(scores) = 'blob' AND length(scores) = ?"
            " AND typeof(others) = 'blob' AND length(others) = ?",
            4 * KEPT,
            8 * KEPT,
        )
        stored = Cohort(
            np.array([row[0] for row in rows], np.int64),
            _blobs([row[1] for row in rows], "<f4"),
            _blobs([row[2] for row in rows], "<i8"),
            np.array([row[3] for row in rows], np.bool_),
        )
        cosines = (np.abs(stored.scores) < 1.01).all(axis=1)  # false for what is not a number
        return StoredCohort(stored.only(stored.members[cosines]).ordered(), seen)

    def cohort_seen(self) -> tuple[int, int]:
        """What `version` was when the cohort was brought up to date; (0, 0) before that."""
        if self.format < FIRST_FORMAT:
            return 0, 0
        found = self._one("SELECT value FROM meta WHERE key = 'cohort_seen'")[0]
        numbers = SEEN.fullmatch(str(found))
        return (int(numbers[1]), int(numbers[2])) if numbers else (0, 0)

    def second_looks(self) -> dict[int, tuple[float, int]]:
        """The second lead of each reference that was looked at again, and among how many."""
        if self.format < SECOND_FORMAT:
            return {}
        # The file may come from somebody else: what is no lead is passed over.
        rows = self._all(
            "SELECT id, lead, among FROM second_look WHERE typeof(lead) = 'real'"
            " AND abs(lead) < 1e6 AND typeof(among) = 'integer' AND among > 0 LIMIT 10000"
        )
        return {key: (lead, among) for key, lead, among in rows}

    def put_second_looks(self, leads: dict[int, float], among: int) -> None:
        """Store second leads in place of those before.

        Args:
            leads: of references by their ids.
            among: the number of references in the collection.
        """
        self._execute("DELETE FROM second_look")
        self._execute_each(
            "INSERT INTO second_look VALUES (?, ?, ?)",
            [(key, lead, among) for key, lead in leads.items()],
        )

    def put_cohort(self, stored: StoredCohort) -> None:
        """Store a cohort in place of the one before."""
        self._execute("DELETE FROM cohort")
        cohort = stored.cohort
        rows = zip(cohort.members, cohort.scores, cohort.others, cohort.cut, strict=True)
        self._execute_each(
            "INSERT INTO cohort VALUES (?, ?, ?, ?)",
            [
                (int(key), scores.astype("<f4").tobytes(), others.astype("<i8").tobytes(), int(cut))
                for key, scores, others, cut in rows
            ],
        )
        seen = " ".join(map(str, stored.seen))
        self.set_meta("cohort_seen", seen)


def _blobs(values: list[bytes], dtype: str) -> NDArray[Any]:
    """Arrays of `KEPT` numbers each, stacked: (n, `KEPT`), in the byte order of the machine."""
    flat = np.frombuffer(b"".join(values), dtype)
    return flat.reshape(len(values), KEPT).astype(np.dtype(dtype).newbyteorder("="))
