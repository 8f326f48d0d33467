"""Adding, moving and removing references of a collection on a Milvus server."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timezone

from originid.collection.engines.milvus.belongings import BelongingsTable
from originid.collection.engines.milvus.entity import Entity, Kind, key_of, read_path, written
from originid.collection.engines.milvus.notes import NoteTable
from originid.collection.engines.milvus.rows import reference_of, row_of
from originid.collection.engines.milvus.tables import slices
from originid.collection.engines.milvus.vectors import VectorTable
from originid.collection.form_table import Form
from originid.collection.name_table import Name
from originid.collection.row import Row
from originid.details.features import Features
from originid.system.file_status import FileStatus
from originid.types import NOT_DESCRIBED, Description, Manifest

REMOVED_AT_ONCE = 1000  # names that are looked up together
_AT_A_PATH = (Kind.NAME, Kind.FAILURE)  # beside references and their forms


class WritingTable(BelongingsTable, VectorTable, NoteTable):
    """The part of a collection on a Milvus server that changes its references."""

    def prepare(self, locations: Iterable[str] = (), contents: Iterable[bytes] = ()) -> None:
        """As `Store.prepare`."""
        batch, paths = self._in_batch(), list(locations)
        for kind in (Kind.REFERENCE, Kind.FORM, *_AT_A_PATH):
            self._get([key_of(kind, path) for path in paths], kind)
        wanted = {content.hex() for content in contents} - batch.contents
        wanted |= {e.content for path in paths if (e := batch.get(key_of(Kind.REFERENCE, path)))}
        ids = {entity.id for entity in self._find(Kind.REFERENCE, "content", wanted)}
        batch.contents |= wanted
        self._find(Kind.NAME, "id", ids)
        batch.named |= ids

    def insert(
        self,
        row: Row,
        code: bytes,
        form: Form | None = None,
        features: Features | None = None,
        names: Sequence[Name] = (),
        description: Description = NOT_DESCRIBED,
        thumbnail: bytes | None = None,
        manifest: Manifest | None = None,
    ) -> bool:
        """As `Store.insert`."""
        for name in names:
            self.forget_name(name.location)
        self.forget_name(row.location)
        here, known = self._entity_at(row.location), NOT_DESCRIBED
        if here is not None:
            known = self.descriptions([here.id]).get(here.id, NOT_DESCRIBED)
            self.free(row.location)
        at = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        entity = reference_of(row, self._new_id(), at, code)
        if features is not None:
            entity = self._add_details(entity, features)
        self._in_batch().put(entity)
        if form is not None:
            self._add_form(entity, form)
        for name in names:
            self.add_name(entity.id, name)
        for each in (known, description):
            if each:
                self.describe(entity.id, each)
        if thumbnail is not None:
            self.keep_thumbnail(entity.id, thumbnail)
        if manifest is not None:
            self.keep_manifest(entity.id, manifest)
        self._forget_failure(row.location)
        return here is not None

    def free(self, location: str) -> bool:
        """As `Store.free`."""
        self.forget_name(location)
        entity = self._entity_at(location)
        row = row_of(entity) if entity else None
        if entity is None or row is None:
            return False
        names = self.names([row.id]).get(row.id, [])
        if names and self._is_whole(entity):
            self.relocate(row, names[0], row.status)
        else:
            self._delete(entity)
        return True

    def remove(self, location: str) -> int:
        """As `Store.remove`."""
        names, locations = self.names_under(location), self.under(location)
        for name in names:
            self.forget_name(name)
        for some in slices(locations, REMOVED_AT_ONCE):
            self.prepare(some)
            for each in some:
                self.free(each)
        return len(names) + len(locations)

    def delete(self, old_id: int) -> None:
        """As `Store.delete`."""
        entity = self._reference(old_id)
        if entity is not None:
            self._delete(entity)

    def relocate(self, row: Row, name: Name, status: FileStatus) -> None:
        """As `Store.relocate`."""
        entity = self._reference(row.id)
        if entity is None:
            return
        batch = self._in_batch()
        value = entity.value | {"name": written(name.name)} | _status(status)
        key, place = key_of(Kind.REFERENCE, name.location), written(name.location)
        if key != entity.key:
            form_key = key_of(Kind.FORM, read_path(entity.place))
            form = self._get([form_key], Kind.FORM).get(form_key)
            if form is not None:
                batch.put(replace(form, key=key_of(Kind.FORM, name.location), place=place))
                batch.drop(form_key)
            batch.drop(entity.key)
        batch.put(replace(entity, key=key, place=place, value=value))
        self.forget_name(name.location)
        self._forget_failure(name.location)

    def note_status(self, reference: int, status: FileStatus) -> None:
        """As `Store.note_status`."""
        entity = self._reference(reference)
        if entity is not None:
            self._in_batch().put(replace(entity, value=entity.value | _status(status)))

    def _entity_at(self, location: str) -> Entity | None:
        key = key_of(Kind.REFERENCE, location)
        return self._get([key], Kind.REFERENCE).get(key)

    def _delete(self, entity: Entity) -> None:
        """Remove a reference with all that is stored of it."""
        batch, location = self._in_batch(), read_path(entity.place)
        self._drop_belongings(entity)
        form = self._get([key_of(Kind.FORM, location)], Kind.FORM)
        for name in self.names([entity.id]).get(entity.id, []):
            self.forget_name(name.location)
        for gone in (entity, *form.values()):
            batch.drop(gone.key)
            place = self._new_place()
            key = key_of(Kind.REMOVED, str(place))
            batch.put(Entity(Kind.REMOVED, key, place, value={"of": gone.id}))


def _status(status: FileStatus) -> dict[str, object]:
    return {
        "mtime_ns": status.mtime_ns,
        "ctime_ns": status.ctime_ns,
        "inode": status.inode,
        "with_ctime": status.ctime_ns is not None,
        "with_inode": status.inode is not None,
    }
