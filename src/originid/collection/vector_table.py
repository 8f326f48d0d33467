"""The stored vectors of references and of their second forms, as tables of the database."""

import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from originid.collection.form_table import FormTable
from originid.collection.sqlite import slices
from originid.errors import CollectionError
from originid.system.text import shell_command
from originid.types import Ids

WITNESSES = 8  # vectors at the end, and as many in between, by which a database is known


class VectorTable(FormTable):
    """The part of a collection's database that holds the vectors, and which ids were removed."""

    code_size: int | None = None  # bytes of a stored vector; the collection knows them

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

    def history(self, last: int) -> str:
        """A text that says which vectors have the ids up to one: the checksums of some of them.

        Args:
            last: the id.
        """
        query = "SELECT id, crc32 FROM vector WHERE id <= ? ORDER BY id DESC LIMIT ?"
        some = self._all(query, last, WITNESSES)
        query = "SELECT id, crc32 FROM vector WHERE id >= ? AND id <= ? ORDER BY id LIMIT 1"
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
            rows = self._all("SELECT crc32 FROM vector WHERE id = ?", key)
            if rows and str(rows[0][0]) != crc32:
                return False
            found += len(rows)
        return found > 0

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

    def _is_whole(self, key: int) -> bool:
        rows = self._all("SELECT crc32, code FROM vector WHERE id = ?", key)
        return any(self._is_code(code) and zlib.crc32(code) == crc32 for crc32, code in rows)

    def _is_code(self, code: object) -> bool:
        return isinstance(code, bytes) and self.code_size in (None, len(code))

    def _stacked(self, rows: list[tuple[int, bytes]]) -> tuple[Ids, NDArray[np.uint8]]:
        for key, code in rows:
            if not self._is_code(code):
                owner = int(self.owners(np.array([key]))[0])
                location = self._one("SELECT location FROM reference WHERE id = ?", owner)[0]
                removing = shell_command("remove", Path(str(location)), "--from", self.path.parent)
                raise CollectionError(
                    f"the stored vector of {location or f'id {key}'} in {self.path.parent} is"
                    " damaged",
                    f"expected {self.code_size} bytes",
                    f"remove it and index it again: {removing}",
                )
        ids = np.array([row[0] for row in rows], np.int64)
        codes = np.frombuffer(b"".join(row[1] for row in rows), np.uint8)
        return ids, codes.reshape(len(rows), -1 if rows else 0)
