"""Reading references from their table: by a condition, all of them, or by a text."""

from collections.abc import Iterator

from originid.collection.description_table import DescriptionTable
from originid.collection.row import COLUMNS, INFORMATION, STATUS, Row
from originid.collection.schema import MEASURED, NOTED


class ReferenceTable(DescriptionTable):
    """The part of a collection's database that reads references."""

    def all_rows(self, batch: int = 10_000) -> Iterator[Row]:
        """Every reference in the order of ids, in bounded memory."""
        last = 0
        while rows := self._rows("WHERE id > ? ORDER BY id LIMIT ?", last, batch):
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
            return self._rows("WHERE id > ? ORDER BY id LIMIT ?", after, limit)
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
            query = f"WHERE id > ? AND ({where}) ORDER BY id LIMIT ?"
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

    def _rows(self, where: str, *values: object) -> list[Row]:
        columns = COLUMNS
        columns += f", {INFORMATION}" if self.format >= MEASURED else ""
        columns += f", {STATUS}" if self.format >= NOTED else ""
        return [Row(*row) for row in self._all(f"SELECT {columns} FROM reference {where}", *values)]
