"""Search on a Milvus server: signs against signs there, then exact scores of the best ones here."""

import numpy as np

from originid.collection.engines.milvus.connection import MOST, Connection
from originid.errors import InputError
from originid.index import Codec
from originid.types import Ids, Scores, Vectors

SHORTLIST = 1000  # rescored, and at least 10 per match asked for
QUERIES = 4  # searched in one request: 12 MB of codes come back


class MilvusIndex:
    """Finds the nearest references on the server.

    The server compares the signs of a query with those of every vector, and sends the stored
    vectors of the `SHORTLIST` that differ in the fewest places, which are scored exactly. Bits
    against bits err 1.6 times as much as the floats of a query against bits, which
    `originid.index.ExactIndex` compares: so the list is longer.

    Args:
        connection: to the server.
        codec: of the collection.
    """

    def __init__(self, connection: Connection, codec: Codec) -> None:
        self._connection = connection
        self._codec = codec

    def __len__(self) -> int:
        """How many vectors there are."""
        return self._connection.count("", True)

    def search(self, queries: Vectors, k: int) -> tuple[Scores, Ids]:
        """Return the best k vectors of each query, as `Index.search`."""
        if k < 1:
            raise InputError(f"k = {k}", "expected at least 1", "ask for 1 match or more")
        rotated = self._codec.rotate(queries)
        signs = np.packbits(rotated > 0, axis=1, bitorder="little")
        scores = np.full((len(rotated), k), -np.inf, np.float32)
        ids = np.full((len(rotated), k), -1, np.int64)
        count = min(max(SHORTLIST, 10 * k), MOST)
        for start in range(0, len(rotated), QUERIES):
            asked = [row.tobytes() for row in signs[start : start + QUERIES]]
            for row, hits in enumerate(self._connection.nearest(asked, count), start):
                sound = {e.id: e.data for e in hits if len(e.data) == self._codec.size}
                if not sound:
                    continue
                found = np.array(list(sound), np.int64)
                codes = np.frombuffer(b"".join(sound.values()), np.uint8)
                cosines = self._codec.scores(codes.reshape(len(found), -1), rotated[row])
                best = np.lexsort((found, -cosines))[:k]
                scores[row, : len(best)], ids[row, : len(best)] = cosines[best], found[best]
        return scores, ids
