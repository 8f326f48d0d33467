"""What a batch of writes has read, and what it is going to write."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence

from originid.collection.engines.milvus.entity import Entity, Kind

# References come after what belongs to them: who sees a reference sees all of it.
ORDER = {Kind.BLOB: 0, Kind.FORM: 1, Kind.REMOVED: 2, Kind.REFERENCE: 3}
LATER = 4
FOUND_BY = ("id", "content", "label")


class Batch:
    """Writes that are kept until the batch ends, and what was read for them in few requests."""

    def __init__(self) -> None:
        self.contents: set[object] = set()
        """The contents of which all references are known."""
        self.named: set[object] = set()
        """The ids of references of which all further names are known."""
        self.numbered = False
        """Whether ids were brought above those that are known."""
        self._known: dict[str, Entity | None] = {}
        self._pending: dict[str, Entity | None] = {}
        self._keys: defaultdict[tuple[Kind, str, object], set[str]] = defaultdict(set)

    def put(self, entity: Entity) -> None:
        """Write an entity, in place of one with its key."""
        self._pending[entity.key] = entity
        self._note(entity)

    def drop(self, key: str) -> None:
        """Remove an entity."""
        self._pending[key] = None

    def is_read(self, key: str) -> bool:
        """Whether it is known what is stored under a key."""
        return key in self._pending or key in self._known

    def get(self, key: str) -> Entity | None:
        """What is, or will be, stored under a key, as far as it is known."""
        return self._pending[key] if key in self._pending else self._known.get(key)

    def read(self, entities: Iterable[Entity], keys: Iterable[str] = ()) -> None:
        """Note what was read: entities, and the keys that were asked for."""
        for key in keys:
            self._known.setdefault(key, None)
        for entity in entities:
            self._known[entity.key] = entity
            self._note(entity)

    def knows(self, kind: Kind, field: str, values: Collection[object]) -> bool:
        """Whether all entities of a kind with some values in a field are known."""
        if kind == Kind.NAME:
            return field == "id" and self.named.issuperset(values)
        if kind == Kind.REFERENCE and field == "content":
            return self.contents.issuperset(values)
        if kind == Kind.REFERENCE and field == "id":  # each is of one reference
            return all(self.find(kind, field, [value]) for value in values)
        return False

    def find(self, kind: Kind, field: str, values: Collection[object]) -> list[Entity]:
        """Of what is known, what will be there with some values in a field of `FOUND_BY`."""
        keys = {key for value in values for key in self._keys.get((kind, field, value), ())}
        wanted = set(values)
        found = (entity for key in sorted(keys) if (entity := self.get(key)) is not None)
        return [entity for entity in found if getattr(entity, field) in wanted]

    def over(self, stored: Sequence[Entity], is_asked: Callable[[Entity], bool]) -> list[Entity]:
        """What a question finds when the batch is written.

        Args:
            stored: what it finds before.
            is_asked: whether an entity meets its condition.
        """
        kept = [entity for entity in stored if entity.key not in self._pending]
        return kept + [each for each in self._pending.values() if each and is_asked(each)]

    def written(self) -> list[Entity]:
        """What is to be written, in this order."""
        entities = [entity for entity in self._pending.values() if entity]
        return sorted(entities, key=lambda entity: ORDER.get(entity.kind, LATER))

    def dropped(self) -> list[str]:
        """The keys of what is to be removed."""
        nothing = {key for key, entity in self._known.items() if entity is None}
        return [k for k, entity in self._pending.items() if entity is None and k not in nothing]

    def _note(self, entity: Entity) -> None:
        for field in FOUND_BY:
            self._keys[entity.kind, field, getattr(entity, field)].add(entity.key)
