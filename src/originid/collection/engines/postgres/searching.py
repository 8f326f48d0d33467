"""Searching in PostgreSQL: the server scans bits, and this machine scores what it hands on.

The server compares the bits of a query with those of all vectors. That errs 1.6 times as much as
comparing the numbers of a query with bits, as `ExactIndex` does, so many more are taken. Of those
the bits come here, which are few bytes, and the numbers are compared with them; of the best the
vectors come, and give the score.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from originid.collection.engines.postgres.connections import Connection, Connections
from originid.errors import InputError
from originid.index import Codec, Codes
from originid.index.shortlist import may_lack_the_best
from originid.types import Floats32, Ids, Scores, Vectors

NEAREST = 4  # times as many are compared by bits as are scored
SHORTLIST = 400  # scored, and at least 4 per match asked for
WIDER = 4  # times as many are scored, where a list may lack the best
MOST = 64  # times the shortlist, up to which it is made wider


class PostgresSearcher:
    """Finds the nearest references on the server; a `Searcher`. Usable from several threads.

    Args:
        connections: to the server.
        codec: of the vectors.
        bits: of each vector, by which they are compared.
        count: how many vectors there are.
    """

    def __init__(
        self, connections: Connections, codec: Codec, bits: int, count: Callable[[], int]
    ) -> None:
        self._connections = connections
        self._codec = codec
        self._bits = bits
        self._count = count

    def __str__(self) -> str:
        return "PostgreSQL: signs of every vector, then the stored vectors of the best here"

    def __len__(self) -> int:
        return self._count()

    def search(self, queries: Vectors, k: int) -> tuple[Scores, Ids]:
        """The best k references of each query, as `Searcher.search`."""
        if k < 1:
            raise InputError(f"k = {k}", "expected at least 1", "ask for 1 match or more")
        rotated = self._codec.rotate(queries)
        scores = np.full((len(rotated), k), -np.inf, np.float32)
        ids = np.full((len(rotated), k), -1, np.int64)
        for row, query in enumerate(rotated):
            found, cosines = self._best(query, k)
            best = np.lexsort((found, -cosines))[:k]
            scores[row, : len(best)], ids[row, : len(best)] = cosines[best], found[best]
        return scores, ids

    def _best(self, query: Floats32, k: int) -> tuple[Ids, Scores]:
        """The references that are scored for a query, and their scores."""
        least = max(SHORTLIST, 4 * k)
        while True:
            near, packed = self._nearest(query, NEAREST * least)
            estimates = _estimates(query, packed, self._bits)
            best = np.argsort(-estimates, kind="stable")[:least]
            found, codes = self._vectors(np.sort(near[best]))
            cosines = self._codec.scores(codes, query)
            if len(near) <= least or least * WIDER > MOST * SHORTLIST:
                return found, cosines
            of_each = dict(zip(near.tolist(), estimates.tolist(), strict=True))
            known = np.array([of_each[key] for key in found.tolist()], np.float32)
            if not may_lack_the_best(known, cosines):
                return found, cosines
            least *= WIDER

    def _nearest(self, query: Floats32, count: int) -> tuple[Ids, NDArray[np.uint8]]:
        """The ids of the vectors whose bits are most like a query's, and those bits, packed."""
        packed = np.packbits(query[None, : self._bits] > 0, axis=1, bitorder="little")
        bits = as_bits(packed, self._bits)[0]
        order = f"bits <~> %s::bit({self._bits})"
        statement = f"SELECT id, bits FROM sign ORDER BY {order} LIMIT %s"

        def asked(connection: Connection) -> list[tuple[int, bytes]]:
            with connection.cursor(binary=True) as cursor:
                return cursor.execute(statement, (bits, count)).fetchall()

        rows = self._connections.ask(asked)
        ids = np.array([key for key, _ in rows], np.int64)
        # Before the bits PostgreSQL sends their number, in 4 bytes; the first bit is highest.
        flat = np.frombuffer(b"".join(bits[4:] for _, bits in rows), np.uint8)
        return ids, flat.reshape(len(rows), -1 if rows else 0)

    def _vectors(self, ids: Ids) -> tuple[Ids, Codes]:
        """Those of sorted ids that exist and are sound, and their vectors."""
        statement = (
            "SELECT id, code FROM vector WHERE id = ANY(%s) AND length(code) = %s ORDER BY id"
        )

        def asked(connection: Connection) -> list[tuple[int, bytes]]:
            with connection.cursor(binary=True) as cursor:
                given = ids.tolist(), self._codec.size
                return cursor.execute(statement, given).fetchall()

        rows = self._connections.ask(asked)
        codes = np.frombuffer(b"".join(code for _, code in rows), np.uint8)
        return np.array([key for key, _ in rows], np.int64), codes.reshape(
            len(rows), -1 if rows else 0
        )


def as_bits(packed: NDArray[np.uint8], count: int) -> list[str]:
    """Bits as PostgreSQL reads them: a text of 0 and 1 for each row.

    Args:
        packed: what `Codec.bits` gives, (n, bytes).
        count: how many bits there are.
    """
    bits = np.unpackbits(packed, axis=1, count=count, bitorder="little")
    return [(row + ord("0")).tobytes().decode("ascii") for row in bits]


def _estimates(query: Floats32, packed: NDArray[np.uint8], count: int) -> Scores:
    """What the numbers of a query and the bits of others say of their scores, (n,)."""
    if not len(packed):
        return np.empty(0, np.float32)
    signs = np.unpackbits(packed, axis=1, count=count).astype(np.float32) * 2 - 1
    return np.asarray(signs @ query[:count], np.float32)
