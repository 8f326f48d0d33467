"""The stored vectors of a collection on a Milvus server, and which ids were removed."""

import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from originid.collection.engines.milvus.entity import VECTORS, Entity, Kind
from originid.collection.engines.milvus.references import ReferenceTable
from originid.collection.engines.milvus.tables import slices
from originid.collection.kept_codes import KeptCodes
from originid.types import Ids

READ = 2000  # vectors read at a time: 6 MB


class VectorTable(ReferenceTable):
    """The part of a collection on a Milvus server that holds vectors."""

    seen_torn: frozenset[int] = frozenset()
    kept_codes: KeptCodes | None = None  # the collection knows how its vectors are stored

    def codes(self, ids: Ids) -> tuple[Ids, NDArray[np.uint8]]:
        """As `Store.codes`."""
        found: list[Entity] = []
        for some in slices(ids.tolist(), READ):
            where = f"id in [{','.join(map(str, some))}]"
            found += self._connection.query(where, VECTORS, data=True)
        batch = self._open_batch
        if batch is not None:
            wanted = set(ids.tolist())
            found = batch.over(found, lambda each: each.kind in VECTORS and each.id in wanted)
        return self._stacked(found)

    def codes_after(
        self, last: int, batch: int, forms: bool = True
    ) -> tuple[Ids, NDArray[np.uint8]]:
        """As `Store.codes_after`."""
        kinds = VECTORS if forms else (Kind.REFERENCE,)
        while some := self._after(kinds, last, batch, data=True):
            ids, codes = self._stacked(some)
            if len(ids):
                return ids, codes
            last = some[-1].id  # all of them are damaged
        return self._stacked([])

    def ids(self) -> Ids:
        """As `Store.ids`."""
        found: list[int] = []
        while some := self._after((Kind.REFERENCE,), found[-1] if found else 0, 8000, bare=True):
            found += [entity.id for entity in some]
        return np.array(found, np.int64)

    def history(self, last: int) -> str:
        """As `Store.history`: which collection it is."""
        return self.meta("id")

    def agrees(self, history: str) -> bool:
        """As `Store.agrees`."""
        return bool(history) and history == self.meta("id")

    def removed(self, after: int) -> Ids:
        """As `Store.removed`."""
        found: list[int] = []
        while some := self._after((Kind.REMOVED,), after, 4000):
            found += [key for each in some if isinstance(key := each.value.get("of"), int)]
            after = some[-1].id
        return np.array(found, np.int64)

    def removed_at(self, place: int) -> int:
        """As `Store.removed_at`."""
        found = self._connection.query(f"id == {int(place)}", (Kind.REMOVED,)) if place else []
        key = found[0].value.get("of") if found else 0
        return key if isinstance(key, int) else 0

    def removes(self, place: str, key: str) -> bool:
        """As `Store.removes`."""
        return self.removed_at(int(place)) == int(key)

    def knows_removals(self, after: int) -> bool:
        """As `Store.knows_removals`: the list is kept from its beginning on."""
        return True

    def prune_removed(self, seen: int) -> None:
        """As `Store.prune_removed`: the list is kept, at 100 bytes for each that was removed."""

    def torn_vectors(self, batch: int = 1000) -> Iterator[int]:
        """As `Store.torn_vectors`."""
        for kind in VECTORS:
            for entity in self._pages(kind, data=True, page=batch):
                if not self._is_whole(entity):
                    yield entity.id

    def _is_whole(self, entity: Entity) -> bool:
        return self._is_sound(entity) and zlib.crc32(entity.data) == entity.value.get("crc32")

    def _is_sound(self, entity: Entity) -> bool:
        return len(entity.data) == self._codec.size

    def _stacked(self, entities: list[Entity]) -> tuple[Ids, NDArray[np.uint8]]:
        """Ids, ascending, and vectors of those whose vector is as it was written."""
        sound = {entity.id: entity.data for entity in entities if self._is_whole(entity)}
        if len(sound) < len(entities):
            self.seen_torn |= {entity.id for entity in entities} - sound.keys()
        ids = np.array(sorted(sound), np.int64)
        codes = np.frombuffer(b"".join(sound[key] for key in ids.tolist()), np.uint8)
        return ids, codes.reshape(len(ids), -1 if len(ids) else 0)
