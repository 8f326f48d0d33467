"""The stored vectors of references and of their second forms, as tables of the database."""

import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from originid.collection.form_table import FormTable
from originid.collection.sql import slices
from originid.types import Ids

CRC32 = "CASE typeof(crc32) WHEN 'integer' THEN crc32 END"
KEPT_REMOVALS = 1_000_000  # 10 MB; a search that missed more makes its index again
Stored = tuple[int, int | None, bytes]
"""Id, checksum and what is stored of a vector."""
WITNESSES = 8  # vectors at the end, and as many in between, by which a database is known


class VectorTable(FormTable):
    """The part of a collection's database that holds the vectors, and which ids were removed."""

    seen_torn: frozenset[int] = frozenset()

    def codes(self, ids: Ids) -> tuple[Ids, NDArray[np.uint8]]:
        """Those of sorted ids that exist and are whole (n,), and their codes (n, bytes)."""
        rows: list[Stored] = []
        for some in slices(ids.tolist()):
            query = (
                f"SELECT id, {CRC32}, code FROM vector WHERE id IN ({','.join('?' * len(some))})"
            )
            rows += self._all(f"{query} AND {self._is_sound}", *some)
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
            Ids (n,), ascending, and codes (n, bytes) of those that are whole; none at the end.
        """
        which = "true" if forms else self._of_references
        where = f"id > ? AND {which} AND {self._is_sound}"
        query = f"SELECT id, {CRC32}, code FROM vector WHERE {where} ORDER BY id LIMIT ?"
        while rows := self._all(query, last, batch):
            self._check_order([last, *(row[0] for row in rows)])
            ids, codes = self._stacked(rows)
            if len(ids):
                return ids, codes
            last = rows[-1][0]
        return self._stacked([])

    def ids(self) -> Ids:
        """Ids (n,) of all stored vectors but those of second forms, in ascending order."""
        where = f"{self._of_references} AND {self._is_sound}"
        query = f"SELECT id FROM vector WHERE {where} ORDER BY id"
        return np.array([row[0] for row in self._all(query)], np.int64)

    def history(self, last: int) -> str:
        """A text that says which vectors have the ids up to one: the checksums of some of them.

        Args:
            last: the id.
        """
        query = f"SELECT id, {CRC32} FROM vector WHERE id <= ? ORDER BY id DESC LIMIT ?"
        some = self._all(query, last, WITNESSES)
        query = f"SELECT id, {CRC32} FROM vector WHERE id >= ? AND id <= ? ORDER BY id LIMIT 1"
        for number in range(WITNESSES):
            some += self._all(query, last * number // WITNESSES, last)
        return " ".join(f"{key}:{crc32}" for key, crc32 in sorted(set(some)))

    def agrees(self, history: str) -> bool:
        """Whether this database can be the one of which `history` was made.

        Args:
            history: what it returned, or an empty text, which agrees only with no vectors.
        """
        found = 0
        for witness in history.split():
            key, _, crc32 = witness.partition(":")
            rows = self._all(f"SELECT {CRC32} FROM vector WHERE id = ?", key)
            if rows and str(rows[0][0]) != crc32:
                return False
            found += len(rows)
        return found > 0

    def removed(self, after: int) -> Ids:
        """Ids (n,) removed after a place in the list of removals."""
        rows = self._all("SELECT id FROM removed WHERE place > ? AND typeof(id) = 'integer'", after)
        return np.array([row[0] for row in rows], np.int64)

    def removed_at(self, place: int) -> int:
        """The id at a place in the list of removals, or 0 where there is none."""
        found = self._one("SELECT id FROM removed WHERE place = ?", place)[0]
        return found if isinstance(found, int) else 0

    def removes(self, place: str, key: str) -> bool:
        """Whether the list of removals has an id at a place; at place 0 it has 0.

        Args:
            place: a whole number, in digits.
            key: the id, in digits.
        """
        return self.removed_at(int(place)) == int(key)

    def knows_removals(self, after: int) -> bool:
        """Whether all removals after a place in the list are still on it."""
        oldest = self._one("SELECT min(place) FROM removed")[0]
        return oldest is None or int(oldest) <= after + 1

    def prune_removed(self, seen: int) -> None:
        """Drop the oldest of many removals, within a transaction.

        What was kept before them is made again.

        Args:
            seen: the place up to which the cohort has seen them; later ones stay.
        """
        last = int(self._one("SELECT coalesce(max(place), 0) FROM removed")[0])
        place = min(seen, last - KEPT_REMOVALS)
        self._execute("DELETE FROM removed WHERE place <= ?", (place,))

    def torn_vectors(self, batch: int = 1000) -> Iterator[int]:
        """Ids of stored vectors, and of second forms, that are missing or not as written."""
        own = "SELECT 1 FROM vector WHERE vector.id = reference.id"
        query = f"SELECT id FROM reference WHERE NOT EXISTS ({own})"
        yield from (row[0] for row in self._all(query))
        yield from self.torn_forms()
        code = f"CASE WHEN {self._is_sound} THEN code END"
        query = f"SELECT id, crc32, {code} FROM vector WHERE id > ? ORDER BY id LIMIT ?"
        for key, crc32, code in self._in_batches(query, batch):
            if code is None or zlib.crc32(code) != crc32:
                yield key

    def _is_whole(self, key: int) -> bool:
        rows = self._all(f"SELECT crc32, code FROM vector WHERE id = ? AND {self._is_sound}", key)
        return any(zlib.crc32(code) == crc32 for crc32, code in rows)

    @property
    def _is_sound(self) -> str:
        """The condition that a stored vector can be one: it is not read to find that out."""
        kept = self.kept_codes
        sizes = "" if kept is None else ",".join(str(int(size)) for size in kept.sizes)
        size = f" AND length(code) IN ({sizes})" if sizes else ""
        return f"typeof(code) = 'blob'{size}"

    def _stacked(self, rows: list[Stored]) -> tuple[Ids, NDArray[np.uint8]]:
        """Ids (n,) and codes (n, bytes) of those that are as they were written."""
        whole = [row for row in rows if zlib.crc32(row[2]) == row[1]]
        if len(whole) < len(rows):
            self.seen_torn |= {row[0] for row in rows} - {row[0] for row in whole}
        ids = np.array([row[0] for row in whole], np.int64)
        stored = [row[2] for row in whole]
        if self.kept_codes is not None:
            return ids, self.kept_codes.read(stored)
        return ids, np.frombuffer(b"".join(stored), np.uint8).reshape(
            len(whole), -1 if whole else 0
        )
