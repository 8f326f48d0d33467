"""The references of a collection as they are read: by what they are known by, or all of them."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace

from originid.collection.description_table import DescriptionTable
from originid.collection.name_table import NameTable
from originid.collection.row import Row
from originid.collection.schema import MEASURED, NOTED
from originid.collection.sound_rows import HAS_PATH, columns, is_damaged
from originid.collection.sql import slices
from originid.collection.vector_table import VectorTable
from originid.verdict.information import LITTLE


class ReferenceTable(DescriptionTable, NameTable, VectorTable):
    """The part of a collection's database that says what its references are.

    Paths may hold any bytes; they are stored as the system has them.
    """

    def count(self) -> int:
        """How many references there are."""
        return self._count("reference")

    def count_blank(self) -> int | None:
        """How many references have little information; None where it was not measured."""
        if self.format < MEASURED:
            return None
        query = "SELECT count(*) FROM reference WHERE information < ?"
        return int(self._one(query, LITTLE)[0])

    def count_noted(self) -> tuple[int, int, int]:
        """How many references have a file, with a noted ctime, and with a noted inode.

        Members of archives and pictures that were fetched have none.
        """
        if self.format < NOTED:
            return self.count(), 0, 0
        query = (
            "SELECT count(*), count(ctime_ns), count(inode) FROM reference WHERE width > 0"
            " AND location NOT LIKE '%_://_%' AND location NOT LIKE '%.tar!/%'"
            " AND location NOT LIKE '%.parquet!/%'"
        )
        counts = self._one(query)
        return int(counts[0]), int(counts[1]), int(counts[2])

    def count_fingerprints(self) -> int:
        """How many references are known by their fingerprints only."""
        return int(self._one("SELECT count(*) FROM reference WHERE width = 0")[0])

    def at(self, location: str) -> Row | None:
        """The reference at a location."""
        rows = self._rows("location = CAST(? AS TEXT)", os.fsencode(location))
        return rows[0] if rows else None

    def reached_by(self, location: str) -> Row | None:
        """The reference that has this location, or has it as a further name."""
        return self.all_reached_by([location]).get(location)

    def all_reached_by(self, locations: Sequence[str]) -> dict[str, Row]:
        """The references that have some locations, or have them as further names, by those."""
        found: dict[str, Row] = {}
        for some in slices(list(locations)):
            marks = ",".join(["CAST(? AS TEXT)"] * len(some))
            where = f"location IN ({marks})"
            found |= {row.location: row for row in self._rows(where, *map(os.fsencode, some))}
        names = self.all_named([each for each in locations if each not in found])
        rows = self.rows(sorted(set(names.values())))
        return found | {each: rows[key] for each, key in names.items() if key in rows}

    def has_content(self, sha256: bytes) -> bool:
        """Whether a reference whose picture was read has this content."""
        query = "SELECT 1 FROM reference WHERE sha256 = ? AND width > 0 LIMIT 1"
        return bool(self._all(query, sha256))

    def contents(self, some: Sequence[bytes]) -> set[bytes]:
        """Those of some contents, as SHA-256, that references have whose picture was read."""
        found: set[bytes] = set()
        for part in slices(list(some)):
            marks = ",".join("?" * len(part))
            query = f"SELECT sha256 FROM reference WHERE sha256 IN ({marks}) AND width > 0"
            found |= {sha256 for (sha256,) in self._all(query, *part)}
        return found

    def with_content(
        self, sha256: bytes, limit: int = 8, inode: int | None = None, read: bool = False
    ) -> list[Row]:
        """The first few references with this content, oldest first.

        Args:
            sha256: of their files.
            limit: how many are given at most.
            inode: of their files; those of which another one is known are left out. None takes all.
            read: whether those are left out whose picture was not read, but its fingerprint.
        """
        known = inode is not None and self.format >= NOTED
        where = f"AND coalesce(inode, {inode}) = {inode}" if known else ""
        where += " AND width > 0" if read else ""
        return self._rows(f"sha256 = ? {where} ORDER BY id LIMIT ?", sha256, limit)

    def rows(self, ids: Sequence[int]) -> dict[int, Row]:
        """References by id, or by the id of their second form; others are left out."""
        found: dict[int, Row] = {}
        forms = self.forms(ids)
        for some in slices(sorted({forms[key][0] if key in forms else key for key in ids})):
            marks = ",".join("?" * len(some))
            found |= {row.id: row for row in self._rows(f"id IN ({marks})", *some)}
        of_forms = {
            key: replace(found[reference], box=box)
            for key, (reference, box) in forms.items()
            if reference in found
        }
        return {key: found[key] for key in ids if key in found and key not in forms} | of_forms

    def all_rows(self, batch: int = 10_000) -> Iterator[Row]:
        """Every reference in the order of ids, in bounded memory."""
        last = 0
        while rows := self._rows("id > ? ORDER BY id LIMIT ?", last, batch):
            self._check_order([last, *(row.id for row in rows)])
            yield from rows
            last = rows[-1].id

    def matching(self, text: str, after: int, limit: int) -> list[Row]:
        """The next references whose path or caption has a text in it, in the order of ids.

        Args:
            text: what is looked for; capital and small letters are one. An empty text finds all.
            after: an id; those above it come next.
            limit: how many are given at most.
        """
        if not text:
            return self._rows("id > ? ORDER BY id LIMIT ?", after, limit)
        # LIKE knows the case of ASCII letters alone: for others it takes any, and they are compared
        # below.
        known = "".join(c if c.isascii() and c.isalnum() else "_" for c in text)
        pattern, folded = f"%{known}%", text.casefold()
        described = self.count_described() > 0
        where = "location LIKE ?" + (
            " OR id IN (SELECT id FROM description WHERE caption LIKE ?)" if described else ""
        )
        patterns = [pattern] * (2 if described else 1)
        found: list[Row] = []
        while len(found) < limit:
            query = f"id > ? AND ({where}) ORDER BY id LIMIT ?"
            rows = self._rows(query, after, *patterns, limit)
            said = self.descriptions([row.id for row in rows]) if described else {}
            found += [
                row
                for row in rows
                if folded in row.location.casefold()
                or (row.id in said and folded in said[row.id].caption.casefold())
            ]
            if len(rows) < limit:
                break
            after = rows[-1].id
        return found[:limit]

    def under(self, location: str) -> list[str]:
        """Locations of references that are this one, or lie in this folder or archive."""
        return self._under("reference", location)

    def damaged_rows(self, batch: int = 1000) -> Iterator[tuple[int, str | None]]:
        """References with a value that cannot be: the id and the path, or None for no path."""
        columns = f"id, CASE WHEN {HAS_PATH} THEN location END"
        where = f"id > ? AND {is_damaged(self.format)}"
        query = f"SELECT {columns} FROM reference WHERE {where} ORDER BY id LIMIT ?"
        yield from self._in_batches(query, batch)

    def _rows(self, where: str, *values: object) -> list[Row]:
        query = f"SELECT {columns(self.format)} FROM reference WHERE {HAS_PATH} AND {where}"
        return [Row(*row) for row in self._all(query, *values)]
