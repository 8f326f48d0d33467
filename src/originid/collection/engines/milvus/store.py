"""A collection on a Milvus server, as `originid.collection.store.Store` says."""

from collections import Counter

from originid.collection.engines.client_files import kept_folder
from originid.collection.engines.milvus.address import Address
from originid.collection.engines.milvus.entity import Kind, key_of, read_path
from originid.collection.engines.milvus.index import MilvusIndex
from originid.collection.engines.milvus.model_files import ModelFiles
from originid.collection.engines.milvus.tables import slices
from originid.collection.engines.milvus.writing import WritingTable
from originid.collection.schema import FORMAT
from originid.system.server_url import ServerUrl
from originid.system.text import counted

A_VECTOR = 1.4  # bytes on the server for one of a stored vector: its text has a third more
AN_ENTITY = 600  # bytes of its other fields


class MilvusStore(WritingTable, ModelFiles):
    """An open collection on a Milvus server; implements `Store`.

    Args:
        address: where it is.
        place: the URL that the user gave.
    """

    name = "Milvus"
    format = FORMAT
    without_locks = False

    def __init__(self, address: Address, place: ServerUrl) -> None:
        super().__init__(address)
        self.place = place
        self.kept = kept_folder(place, self.meta("id"))

    def searcher(self, dim: int) -> MilvusIndex:
        """As `Store.searcher`: the server searches."""
        return MilvusIndex(self._connection, self._codec)

    def refuse_moved(self) -> None:
        """As `Store.refuse_moved`: whoever asks a server by a name asks what has that name."""

    def size(self) -> int:
        """As `Store.size`, estimated: a Milvus server does not say it."""
        vectors, others = (self._connection.count("", each) for each in (True, False))
        return int(vectors * (A_VECTOR * self._codec.size + AN_ENTITY) + others * AN_ENTITY)

    def damage(self) -> list[str]:
        """As `Store.damage`: ids that two references have, and what belongs to no reference."""
        ids = Counter(entity.id for entity in self._pages(Kind.REFERENCE))
        twice = sum(count > 1 for count in ids.values())
        found = [f"{counted(twice, 'id')} of several references"] if twice else []
        for kind, noun in ((Kind.FORM, "second form"), (Kind.NAME, "further name")):
            lost = self._lost(kind, ids)
            found += [f"{counted(lost, noun)} of no reference"] if lost else []
        return found

    def _lost(self, kind: Kind, ids: Counter[int]) -> int:
        """How many entities of a kind have no reference, as one has that was cut off."""
        lost = 0
        for some in slices(list(self._pages(kind))):
            if kind == Kind.NAME:
                lost += sum(entity.id not in ids for entity in some)
                continue
            keys = [key_of(Kind.REFERENCE, read_path(form.place)) for form in some]
            owners = self._get(keys, Kind.REFERENCE)
            lost += sum(key not in owners for key in keys)
        return lost
