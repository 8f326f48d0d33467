"""Search on a Milvus server: signs against signs there, then exact scores of the best ones here."""

import numpy as np

from originid.collection.engines.milvus.connection import Connection
from originid.collection.engines.milvus.entity import Entity
from originid.collection.engines.milvus.layout import SCANNED
from originid.collection.engines.milvus.tables import slices
from originid.errors import InputError
from originid.index import Codec
from originid.index.shortlist import may_lack_the_best
from originid.types import Floats32, Ids, Scores, Vectors

SHORTLIST = 400  # rescored, and at least 10 per match asked for
WIDER = 4  # times as many are scored, where a list may lack the best
WIDEST = 6400  # that are scored: 25 MB of stored vectors as text
QUERIES = 4  # searched in one request


class MilvusIndex:
    """Finds the nearest references on the server.

    The server compares the signs of a query with those of every vector, and sends the stored
    vectors of those that differ in the fewest places, which are scored exactly. Bits against bits
    err 1.6 times as much as the floats of a query against bits, which
    `originid.index.ExactIndex` compares.

    Args:
        connection: to the server.
        codec: of the collection.
    """

    def __init__(self, connection: Connection, codec: Codec) -> None:
        self._connection = connection
        self._codec = codec

    def __str__(self) -> str:
        how = f"signs of every vector ({SCANNED}), then {SHORTLIST} stored vectors here"
        return f"Milvus {self._connection.version.removeprefix('v')}: {how}"

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
        rows, count = list(range(len(rotated))), min(max(SHORTLIST, 10 * k), 2 * WIDEST)
        while rows:
            dense = []
            for some in slices(rows, QUERIES):
                listed = self._connection.nearest([signs[row].tobytes() for row in some], count)
                for row, hits in zip(some, listed, strict=True):
                    found, cosines, estimates = self._scored(hits, rotated[row])
                    best = np.lexsort((found, -cosines))[:k]
                    scores[row, : len(best)], ids[row, : len(best)] = cosines[best], found[best]
                    if len(hits) == count and may_lack_the_best(estimates, cosines):
                        dense.append(row)
            rows, count = dense, count * WIDER
            if count > WIDEST:
                break
        return scores, ids

    def _scored(
        self, hits: list[tuple[Entity, float]], query: Floats32
    ) -> tuple[Ids, Scores, Scores]:
        """Ids of what was found with a vector that can be one, their cosines, and estimates."""
        sound = {e.id: (e.data, far) for e, far in hits if len(e.data) == self._codec.size}
        found = np.array(list(sound), np.int64)
        codes = np.frombuffer(b"".join(data for data, _ in sound.values()), np.uint8)
        estimates = np.array([-far for _, far in sound.values()], np.float32)
        codes = codes.reshape(len(found), self._codec.size)
        return found, self._codec.scores(codes, query), estimates
