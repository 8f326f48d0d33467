"""What is too large for one entity of Milvus, in pieces: small pictures, features, files."""

import zlib
from collections.abc import Sequence

from originid.collection.engines.milvus.entity import PIECE, Entity, Kind, key_of
from originid.collection.engines.milvus.tables import MilvusTables, slices, texts

PIECES = 500  # read at a time: 32 MB at most


class BlobTable(MilvusTables):
    """The part of a collection on a Milvus server that holds bytes of any length by a name."""

    def _put_blob(self, name: str, data: bytes) -> None:
        """Store something of any size under a name, within a batch."""
        for piece in pieces_of(name, data):
            self._in_batch().put(piece)

    def _blob(self, name: str) -> bytes | None:
        return self._blobs([name]).get(name)

    def _blobs(self, names: Sequence[str]) -> dict[str, bytes]:
        """What is stored under some names, as far as it is whole."""
        firsts = self._pieces([_piece(name, 0) for name in names])
        counts = {name: _count(firsts.get(_piece(name, 0))) for name in names}
        rest = [_piece(name, n) for name, count in counts.items() for n in range(1, count)]
        pieces = firsts | self._pieces(rest)
        found = {}
        for name, count in counts.items():
            parts = [pieces.get(_piece(name, number)) for number in range(count)]
            data = b"".join(part.data for part in parts if part)
            first = parts[0] if parts else None
            # Two processes may have written different ones at once.
            if first is not None and first.value.get("crc32") == zlib.crc32(data):
                found[name] = data
        return found

    def _pieces(self, keys: list[str]) -> dict[str, Entity]:
        found: dict[str, Entity] = {}
        for some in slices(keys, PIECES):
            where = f"key in [{texts(some)}]"
            found |= {e.key: e for e in self._connection.query(where, (Kind.BLOB,), data=True)}
        batch = self._open_batch
        if batch is not None:
            wanted = set(keys)
            found = {e.key: e for e in batch.over([*found.values()], lambda e: e.key in wanted)}
        return found

    def _drop_blob(self, name: str) -> None:
        batch = self._in_batch()
        first = self._pieces([_piece(name, 0)]).get(_piece(name, 0))
        for number in range(_count(first)):
            batch.drop(_piece(name, number))


def pieces_of(name: str, data: bytes) -> list[Entity]:
    """The entities of something of any size."""
    pieces = [data[start : start + PIECE] for start in range(0, len(data), PIECE)] or [b""]
    value = {"pieces": len(pieces), "crc32": zlib.crc32(data)}
    return [
        Entity(Kind.BLOB, _piece(name, number), value=value, data=piece)
        for number, piece in enumerate(pieces)
    ]


def _piece(name: str, number: int) -> str:
    return key_of(Kind.BLOB, name, str(number))


def _count(first: Entity | None) -> int:
    """How many pieces there are, by the first one."""
    count = first.value.get("pieces") if first else 0
    return count if isinstance(count, int) else 0
