"""What people decided about queries: a table of the collection's database.

A decision says of one query and one reference whether the query was made from it. Both are known
by the SHA-256 of their files, so that a decision holds for every copy of either file, wherever it
lies, and is kept when a file moves or is indexed again.
"""

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass

from originid.collection.sql import SqlTables

SCHEMA_DECISIONS = """
CREATE TABLE IF NOT EXISTS decision (
    query BLOB NOT NULL,        -- SHA-256 of the query's file
    reference BLOB NOT NULL,    -- SHA-256 of the reference's file
    verdict INTEGER NOT NULL,   -- 1: the query was made from the reference; 0: it was not
    name TEXT,                  -- the query's name, as the user gave it
    note TEXT,
    decided_at TEXT,
    code BLOB,                  -- the query's vector: nearly the same query is known by it
    PRIMARY KEY (query, reference)
);
"""


@dataclass(frozen=True)
class Decision:
    """A person's judgement on a query and a reference.

    Args:
        query: the SHA-256 of the query's file, 32 bytes.
        reference: the SHA-256 of the reference's file, 32 bytes.
        confirmed: whether the query was made from the reference.
        name: the name of the query, as it was given.
        note: what the person wrote about it; empty if nothing.
        decided_at: the time of the decision in UTC, such as ``2026-11-26T09:30:00Z``; empty for
            the time at which it is recorded.
        code: the vector of the query as a `Codec` encodes it; empty if it is not known.
        likeness: the cosine, in [-1, 1], of the query that was judged with the query that is
            asked about now; 1 if the two are the same picture.
    """

    query: bytes
    reference: bytes
    confirmed: bool
    name: str
    note: str = ""
    decided_at: str = ""
    code: bytes = b""
    likeness: float = 1.0

    @property
    def sentence(self) -> str:
        """The decision in words, such as ``confirmed on 2026-11-26: seen on the agency's page``."""
        word = "confirmed" if self.confirmed else "rejected"
        about = "" if self.likeness == 1 else " for nearly the same picture"
        note = f": {self.note}" if self.note else ""
        return f"{word} on {self.decided_at[:10]}{about}{note}"


def rejections(decisions: Iterable[Decision]) -> str:
    """What is said of references that a person rejected for a query, as the end of a reason."""
    found = sorted(each.decided_at[:10] for each in decisions if not each.confirmed)
    if not found:
        return ""
    what = "1 reference was" if len(found) == 1 else f"{len(found)} references were"
    return f"; {what} rejected for this picture, or nearly the same one, on {found[-1]}"


class DecisionTable(SqlTables):
    """The part of a collection's database that holds the decisions."""

    def record_decision(self, decision: Decision) -> None:
        """Store a decision in place of an earlier one on the same two files.

        Args:
            decision: the decision; its ``likeness`` is not stored.
        """
        self.forget_decision(decision.query, decision.reference)
        self._execute(
            "INSERT INTO decision (query, reference, verdict, name, note, decided_at, code)"
            " VALUES (?, ?, ?, CAST(? AS TEXT), CAST(? AS TEXT), ?, ?)",
            (
                decision.query,
                decision.reference,
                int(decision.confirmed),
                os.fsencode(decision.name),
                os.fsencode(decision.note),
                decision.decided_at or time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                decision.code,
            ),
        )

    def forget_decision(self, query: bytes, reference: bytes) -> bool:
        """Remove a decision, and return whether there was one.

        Args:
            query: the SHA-256 of the query's file, 32 bytes.
            reference: the SHA-256 of the reference's file, 32 bytes.
        """
        statement = "DELETE FROM decision WHERE query = ? AND reference = ?"
        return self._execute(statement, (query, reference)) > 0

    def decisions(self) -> list[Decision]:
        """Every decision, the oldest first."""
        return self._decisions("")

    def decisions_on(self, query: bytes) -> list[Decision]:
        """The decisions on one query, the oldest first.

        Args:
            query: the SHA-256 of the query's file, 32 bytes.
        """
        return self._decisions("AND query = ?", query)

    def _decisions(self, where: str, *values: object) -> list[Decision]:
        # A collection of format 1 on a disk that cannot be written never gets the table.
        if not self._has_table("decision"):
            return []
        # The file may come from somebody else, and SQLite lets a column hold any type.
        rows = self._all(
            "SELECT query, reference, verdict <> 0, name, note, decided_at,"
            " CASE typeof(code) WHEN 'blob' THEN code END FROM decision"
            f" WHERE typeof(query) = 'blob' AND typeof(reference) = 'blob' {where} ORDER BY rowid",
            *values,
        )
        found = [
            Decision(
                query, reference, bool(verdict), _text(name), _text(note), _text(at), code or b""
            )
            for query, reference, verdict, name, note, at, code in rows
        ]
        return sorted(found, key=lambda decision: decision.decided_at)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
