"""The references of a collection on a Milvus server as they are read."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from originid.collection.engines.milvus.blobs import BlobTable
from originid.collection.engines.milvus.entity import Entity, Kind, key_of, read_path
from originid.collection.engines.milvus.forms import FormTable
from originid.collection.engines.milvus.names import NameTable
from originid.collection.engines.milvus.rows import is_sound, row_of
from originid.collection.row import Row
from originid.verdict.information import LITTLE


class ReferenceTable(NameTable, FormTable, BlobTable):
    """The part of a collection on a Milvus server that says what its references are."""

    def count(self) -> int:
        """As `Store.count`."""
        return self._count_references()

    def count_blank(self) -> int | None:
        """As `Store.count_blank`."""
        return self._count_references(f'value["information"] < {LITTLE}')

    def count_noted(self) -> tuple[int, int, int]:
        """As `Store.count_noted`."""
        with_file = 'value["with_file"] == true'
        return (
            self._count_references(with_file),
            self._count_references(f'{with_file} and value["with_ctime"] == true'),
            self._count_references(f'{with_file} and value["with_inode"] == true'),
        )

    def count_fingerprints(self) -> int:
        """As `Store.count_fingerprints`."""
        return self._count_references('value["width"] == 0')

    def at(self, location: str) -> Row | None:
        """As `Store.at`."""
        key = key_of(Kind.REFERENCE, location)
        entity = self._get([key], Kind.REFERENCE).get(key)
        return row_of(entity) if entity else None

    def reached_by(self, location: str) -> Row | None:
        """As `Store.reached_by`."""
        return self.all_reached_by([location]).get(location)

    def all_reached_by(self, locations: Sequence[str]) -> dict[str, Row]:
        """As `Store.all_reached_by`."""
        keys = {key_of(Kind.REFERENCE, location): location for location in locations}
        entities = self._get(keys, Kind.REFERENCE)
        found = {keys[key]: row for key, each in entities.items() if (row := row_of(each))}
        names = self.all_named([each for each in locations if each not in found])
        rows = self.rows(sorted(set(names.values())))
        return found | {each: rows[key] for each, key in names.items() if key in rows}

    def has_content(self, sha256: bytes) -> bool:
        """As `Store.has_content`."""
        return bool(self.with_content(sha256, 1, read=True))

    def contents(self, some: Sequence[bytes]) -> set[bytes]:
        """As `Store.contents`."""
        found = self._find(Kind.REFERENCE, "content", {each.hex() for each in some})
        rows = (row_of(entity) for entity in found)
        return {row.sha256 for row in rows if row and row.width > 0}

    def with_content(
        self, sha256: bytes, limit: int = 8, inode: int | None = None, read: bool = False
    ) -> list[Row]:
        """As `Store.with_content`."""
        found = self._find(Kind.REFERENCE, "content", [sha256.hex()])
        rows = [row for entity in found if (row := row_of(entity))]
        asked = [
            row
            for row in rows
            if (inode is None or row.inode in (None, inode)) and (row.width > 0 or not read)
        ]
        return sorted(asked, key=lambda row: row.id)[:limit]

    def rows(self, ids: Sequence[int]) -> dict[int, Row]:
        """As `Store.rows`."""
        found = {row.id: row for e in self._references(ids) if (row := row_of(e))}
        forms = self.forms([key for key in ids if key not in found])
        owners = [reference for reference, _ in forms.values() if reference not in found]
        of_forms = {row.id: row for e in self._references(owners) if (row := row_of(e))} | found
        return {key: found[key] for key in ids if key in found} | {
            key: replace(of_forms[reference], box=box)
            for key, (reference, box) in forms.items()
            if reference in of_forms
        }

    def all_rows(self, batch: int = 4000) -> Iterator[Row]:
        """As `Store.all_rows`."""
        last = 0
        while some := self._after((Kind.REFERENCE,), last, max(batch, 1000)):
            yield from (row for entity in some if (row := row_of(entity)))
            last = some[-1].id

    def matching(self, text: str, after: int, limit: int) -> list[Row]:
        """As `Store.matching`; a text is looked for on this side, in every reference."""
        found: list[Row] = []
        folded = text.casefold()
        while len(found) < limit and (some := self._after((Kind.REFERENCE,), after, 4000)):
            for entity in some:
                row = row_of(entity)
                caption = str((entity.value.get("said") or {}).get("caption", ""))
                if row and (folded in row.location.casefold() or folded in caption.casefold()):
                    found.append(row)
            after = some[-1].id
        return found[:limit]

    def under(self, location: str) -> list[str]:
        """As `Store.under`."""
        return sorted(read_path(each.place) for each in self._under(Kind.REFERENCE, location))

    def damaged_rows(self, batch: int = 1000) -> Iterator[tuple[int, str | None]]:
        """As `Store.damaged_rows`."""
        for entity in self._pages(Kind.REFERENCE, page=batch):
            row = row_of(entity)
            if row is None or not is_sound(entity):
                yield entity.id, row.location if row else None

    def _references(self, ids: Sequence[int]) -> list[Entity]:
        """The references with some ids."""
        return self._find(Kind.REFERENCE, "id", set(ids)) if len(ids) else []

    def _reference(self, key: int) -> Entity | None:
        found = self._references([key])
        return found[0] if found else None

    def _count_references(self, where: str = "") -> int:
        kind = f"kind == {int(Kind.REFERENCE)}"
        return self._connection.count(f"{kind} and ({where})" if where else kind, True)
