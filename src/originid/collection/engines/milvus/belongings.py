"""What is stored of references beside their rows: descriptions, pictures, features, credentials.

What follows from the content of a file is stored once for each content, in pieces, before the
reference that says that it is there. So it is never seen without its reference, and a copy costs
nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from originid.collection.description_table import MOST_BYTES
from originid.collection.engines.milvus.entity import Entity, Kind, key_of, read_path, written
from originid.collection.engines.milvus.references import ReferenceTable
from originid.collection.manifest_table import is_label
from originid.details.features import Features
from originid.images.captions import clean
from originid.images.manifest_store import MOST_BYTES as MOST_STORE
from originid.types import Description, Ids, Manifest


class BelongingsTable(ReferenceTable):
    """The part of a collection on a Milvus server that holds what belongs to references."""

    def count_described(self) -> int:
        """As `Store.count_described`."""
        return self._count_references("described == true")

    def count_thumbnails(self) -> int:
        """As `Store.count_thumbnails`."""
        return self._count_references("thumbnail == true")

    def count_details(self) -> int:
        """As `Store.count_details`."""
        return self._count_references("details == true")

    def count_manifests(self) -> int:
        """As `Store.count_manifests`."""
        return self._count_references('label != ""')

    def descriptions(self, ids: Sequence[int]) -> dict[int, Description]:
        """As `Store.descriptions`."""
        described = [entity for entity in self._references(ids) if entity.described]
        return {entity.id: _said(entity) for entity in described}

    def describe(self, reference: int, description: Description) -> None:
        """As `Store.describe`."""
        entity = self._reference(reference)
        said = {name: text for name, text in vars(clean(description)).items() if text}
        if entity and said:
            before = {name: text for name, text in vars(_said(entity)).items() if text}
            value = entity.value | {"said": before | said}
            self._in_batch().put(replace(entity, value=value, described=True))

    def thumbnail(self, reference: int) -> bytes | None:
        """As `Store.thumbnail`."""
        entity = self._reference(reference)
        jpeg = self._blob(_thumbnail(entity)) if entity and entity.thumbnail else None
        return jpeg if jpeg and len(jpeg) <= MOST_BYTES and jpeg[:2] == b"\xff\xd8" else None

    def keep_thumbnail(self, reference: int, jpeg: bytes) -> None:
        """As `Store.keep_thumbnail`."""
        entity = self._reference(reference)
        if entity:
            self._put_blob(_thumbnail(entity), jpeg)
            self._in_batch().put(replace(entity, thumbnail=True))

    def has_thumbnail(self, sha256: bytes) -> bool:
        """As `Store.has_thumbnail`."""
        return any(e.thumbnail for e in self._find(Kind.REFERENCE, "content", [sha256.hex()]))

    def has_details(self, sha256: bytes) -> bool:
        """As `Store.has_details`."""
        return any(e.details for e in self._find(Kind.REFERENCE, "content", [sha256.hex()]))

    def has_details_of(self, reference: int) -> bool:
        """As `Store.has_details_of`."""
        entity = self._reference(reference)
        return bool(entity and entity.details)

    def details(self, ids: Sequence[int]) -> dict[int, Features]:
        """As `Store.details`."""
        return self._features([entity for entity in self._references(ids) if entity.details])

    def details_after(self, last: int, batch: int) -> tuple[Ids, list[Features]]:
        """As `Store.details_after`."""
        found: dict[int, Features] = {}
        while not found and (
            some := self._after((Kind.REFERENCE,), last, batch, where="details == true")
        ):
            found, last = self._features(some), some[-1].id
        ids = sorted(found)
        return np.array(ids, np.int64), [found[key] for key in ids]

    def _add_details(self, entity: Entity, features: Features) -> Entity:
        self._put_blob(_details(entity), features.pack())
        return replace(entity, details=True)

    def _features(self, entities: Sequence[Entity]) -> dict[int, Features]:
        stored = self._blobs([_details(entity) for entity in entities])
        found: dict[int, Features] = {}
        for entity in entities:
            if _details(entity) in stored:
                try:
                    found[entity.id] = Features.unpack(stored[_details(entity)])
                except ValueError:  # the server may be somebody else's
                    continue
        return found

    def labels_at(self, locations: Iterable[str]) -> dict[str, str]:
        """As `Store.labels_at`."""
        by_key = {key_of(Kind.REFERENCE, location): location for location in locations}
        found = sorted(self._get(list(by_key), Kind.REFERENCE).items(), key=lambda pair: pair[1].id)
        labels = {by_key[key]: read_path(entity.label) for key, entity in found}
        return {location: label for location, label in labels.items() if is_label(label)}

    def store_of(self, label: str) -> bytes | None:
        """As `Store.store_of`."""
        if not self._find(Kind.REFERENCE, "label", [written(label)]):
            return None
        store = self._blob(_manifest(label))
        return store if store is not None and len(store) <= MOST_STORE else None

    def manifest_of(self, reference: int) -> Manifest | None:
        """As `Store.manifest_of`."""
        entity = self._reference(reference)
        label = read_path(entity.label) if entity else ""
        store = self.store_of(label) if is_label(label) else None
        return None if store is None else Manifest(label, store)

    def keep_manifest(self, reference: int, manifest: Manifest) -> None:
        """As `Store.keep_manifest`."""
        entity = self._reference(reference)
        if entity is None or not is_label(manifest.label):
            return
        if self.store_of(manifest.label) in (None, manifest.store):
            self._put_blob(_manifest(manifest.label), manifest.store)
            self._in_batch().put(replace(entity, label=written(manifest.label)))

    def _drop_belongings(self, entity: Entity) -> None:
        """Remove what belongs to a reference alone, within a batch in which it is removed."""
        if entity.details or entity.thumbnail:
            others = self._find(Kind.REFERENCE, "content", [entity.content])
            for there, name in ((entity.details, _details), (entity.thumbnail, _thumbnail)):
                if there and not any(_same(other, entity, name) for other in others):
                    self._drop_blob(name(entity))
        if entity.label and not any(
            other.key != entity.key for other in self._find(Kind.REFERENCE, "label", [entity.label])
        ):
            self._drop_blob(_manifest(read_path(entity.label)))


def _said(entity: Entity) -> Description:
    said = entity.value.get("said")
    texts = said.items() if isinstance(said, dict) else ()
    known = {name: text for name, text in texts if name in _FIELDS and isinstance(text, str)}
    return clean(Description(**known))


_FIELDS = frozenset(vars(Description()))


def _thumbnail(entity: Entity) -> str:
    return f"thumbnail {entity.content}"


def _details(entity: Entity) -> str:
    return f"details {entity.content}"


def _manifest(label: str) -> str:
    return f"manifest {label}"


def _same(other: Entity, entity: Entity, name: object) -> bool:
    """Whether another reference has what a reference has of the same content."""
    return other.key != entity.key and (other.details if name is _details else other.thumbnail)
