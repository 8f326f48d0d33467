"""Further names of references of a collection on a Milvus server."""

from collections.abc import Sequence

from originid.collection.engines.milvus.entity import Entity, Kind, key_of, read_path, written
from originid.collection.engines.milvus.tables import MilvusTables
from originid.collection.name_table import Name


class NameTable(MilvusTables):
    """The part of a collection on a Milvus server that holds the further names of references."""

    def count_names(self) -> int:
        """As `Store.count_names`."""
        return self._connection.count(f"kind == {int(Kind.NAME)}", False)

    def names(self, ids: Sequence[int]) -> dict[int, list[Name]]:
        """As `Store.names`."""
        found: dict[int, list[Name]] = {}
        entities = self._find(Kind.NAME, "id", set(ids)) if len(ids) else []
        for entity in sorted(entities, key=lambda each: read_path(each.place)):
            location = read_path(entity.place)
            name = Name(location, read_path(entity.value.get("name")) or location)
            if location:
                found.setdefault(entity.id, []).append(name)
        return found

    def names_under(self, location: str) -> list[str]:
        """As `Store.names_under`."""
        return sorted(read_path(each.place) for each in self._under(Kind.NAME, location))

    def named(self, location: str) -> int | None:
        """As `Store.named`."""
        return self.all_named([location]).get(location)

    def all_named(self, locations: Sequence[str]) -> dict[str, int]:
        """As `Store.all_named`."""
        keys = {key_of(Kind.NAME, location): location for location in locations}
        return {keys[key]: each.id for key, each in self._get(keys, Kind.NAME).items()}

    def add_name(self, reference: int, name: Name) -> None:
        """As `Store.add_name`."""
        self._in_batch().put(
            Entity(
                Kind.NAME,
                key_of(Kind.NAME, name.location),
                reference,
                written(name.location),
                value={"name": written(name.name)},
            )
        )

    def forget_name(self, location: str) -> None:
        """As `Store.forget_name`."""
        self._in_batch().drop(key_of(Kind.NAME, location))
