"""The folders that were indexed, signed, of a collection on a Milvus server."""

from collections.abc import Iterable

from originid.collection.engines.milvus.entity import Entity, Kind, key_of, meta_entity
from originid.collection.engines.milvus.tables import MilvusTables
from originid.collection.trusted_folders import TrustedFolders


class FolderTable(MilvusTables, TrustedFolders):
    """The part of a collection on a Milvus server that says which files may be looked at."""

    def __init__(self, *opened: object) -> None:
        super().__init__(*opened)  # type: ignore[arg-type]
        TrustedFolders.__init__(self)
        self._signed: frozenset[str] | None = None
        self._counted = -1  # folders that are signed, by whomever

    def set_meta(self, key: str, value: str) -> None:
        self._in_batch().put(meta_entity(key, value))
        self._meta[key] = value

    def _changes(self) -> object:
        counted = self._connection.count(f"kind == {int(Kind.FOLDER)}", False)
        if counted != self._counted:  # a folder that is signed stays so
            self._counted, self._signed = counted, None
        return counted

    def _keep_signed(self, folders: Iterable[tuple[bytes, bytes]]) -> None:
        keys = {key_of(Kind.FOLDER, folder, signature) for folder, signature in folders}
        for key in keys:
            self._in_batch().put(Entity(Kind.FOLDER, key))
        self._signed = self._all_signed() | keys

    def _has_signed(self, folder: bytes, signature: bytes) -> bool:
        return key_of(Kind.FOLDER, folder, signature) in self._all_signed()

    def _all_signed(self) -> frozenset[str]:
        if self._signed is None:
            self._signed = frozenset(entity.key for entity in self._pages(Kind.FOLDER))
        return self._signed
