"""A collection on a Milvus server, as `originid.collection.store.Store` says."""

from pathlib import Path

from originid.collection.engines.milvus.address import Address
from originid.collection.engines.milvus.entity import Kind, key_of
from originid.collection.engines.milvus.index import MilvusIndex
from originid.collection.engines.milvus.writing import WritingTable
from originid.collection.schema import FORMAT
from originid.system.server_url import ServerUrl

A_VECTOR = 1.4  # bytes on the server for one of a stored vector: its text has a third more
AN_ENTITY = 600  # bytes of its other fields


class MilvusStore(WritingTable):
    """An open collection on a Milvus server; implements `Store`."""

    name = "Milvus"
    format = FORMAT
    without_locks = False

    def __init__(self, address: Address, place: ServerUrl) -> None:
        super().__init__(address)
        self.place = place

    def searcher(self, dim: int) -> MilvusIndex:
        """As `Store.searcher`: the server searches."""
        return MilvusIndex(self._connection, self._codec)

    def size(self) -> int:
        """As `Store.size`, estimated: a Milvus server does not say it."""
        vectors, others = (self._connection.count("", each) for each in (True, False))
        return int(vectors * (A_VECTOR * self._codec.size + AN_ENTITY) + others * AN_ENTITY)
