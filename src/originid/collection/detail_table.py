"""Local features of references, as a table of the collection's database.

They are stored where the user asked for it (`index --details`), in 5 kB a reference at most, so
that a second look need not read the references' files (see `originid.details.features`).
"""

from collections.abc import Sequence

import numpy as np

from originid.collection.sql import SqlTables, slices
from originid.details.features import Features
from originid.types import Ids

FIRST_FORMAT = 3  # of the database: before it there were no details
SCHEMA_DETAILS = """
-- Local features of references (details/features.py), as packed by `Features.pack`.
CREATE TABLE detail (id INTEGER PRIMARY KEY, features BLOB NOT NULL);
"""


class DetailTable(SqlTables):
    """The part of a collection's database that holds local features."""

    def count_details(self) -> int:
        """How many references have their local features stored."""
        if self.format < FIRST_FORMAT:
            return 0
        return self._count("detail")

    def has_details(self, sha256: bytes) -> bool:
        """Whether a reference with this content has its local features stored."""
        query = "SELECT 1 FROM reference JOIN detail USING (id) WHERE sha256 = ? LIMIT 1"
        return self.format >= FIRST_FORMAT and bool(self._all(query, sha256))

    def has_details_of(self, reference: int) -> bool:
        """Whether the reference with this id has its local features stored."""
        query = "SELECT 1 FROM detail WHERE id = ?"
        return self.format >= FIRST_FORMAT and bool(self._all(query, reference))

    def details(self, ids: Sequence[int]) -> dict[int, Features]:
        """The local features of those references that have them stored, undamaged."""
        found: dict[int, Features] = {}
        if self.format < FIRST_FORMAT:
            return found
        for some in slices(list(ids)):
            marks = ",".join("?" * len(some))
            rows = self._all(f"SELECT id, features FROM detail WHERE id IN ({marks})", *some)
            found |= _unpacked(rows)
        return found

    def details_after(self, last: int, batch: int) -> tuple[Ids, list[Features]]:
        """The next ids above ``last`` of undamaged local features, at most ``batch``, and these."""
        if self.format < FIRST_FORMAT:
            return np.empty(0, np.int64), []
        query = "SELECT id, features FROM detail WHERE id > ? ORDER BY id LIMIT ?"
        found: dict[int, Features] = {}
        while not found and (rows := self._all(query, last, batch)):
            self._check_order([last, *(row[0] for row in rows)])
            found, last = _unpacked(rows), rows[-1][0]
        return np.array(list(found), np.int64), list(found.values())

    def _add_details(self, reference: int, features: Features) -> None:
        """Store the local features of a reference, within a transaction."""
        self._put("detail", reference, features.pack())

    def _delete_details(self, reference: int) -> None:
        """Remove the local features of a reference, within a transaction."""
        if self.format >= FIRST_FORMAT:
            self._execute("DELETE FROM detail WHERE id = ?", (reference,))


def _unpacked(rows: Sequence[tuple[object, object]]) -> dict[int, Features]:
    """Features by id; the file may come from somebody else, so what is none is passed over."""
    found: dict[int, Features] = {}
    for key, data in rows:
        if isinstance(key, int) and isinstance(data, bytes):
            try:
                found[key] = Features.unpack(data)
            except ValueError:
                continue
    return found
