"""A stand-in for a collection: stored codes, an index of them, and a slow search."""

from collections.abc import Callable

import numpy as np

from originid.index import Codec, Codes, Fetch, Index, ScanSettings
from originid.types import Ids, Scores, Vectors

DIM = 44
# So that a few hundred references need every path.
SMALL = ScanSettings(shortlist=40, part=64)


def some_vectors(n: int, dim: int = DIM, seed: int = 0) -> Vectors:
    rng = np.random.default_rng(seed)
    vectors = (rng.standard_normal((n, dim)) * np.geomspace(1, 0.1, dim)).astype(np.float32)
    unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def near(vectors: Vectors, seed: int = 1) -> Vectors:
    """Queries at a cosine of about 0.9 to the vectors."""
    return vectors + np.float32(0.5) * some_vectors(len(vectors), vectors.shape[1], seed)


class Shelf:
    """Stored vectors, and an index of them."""

    def __init__(self, make: Callable[[int, Fetch], Index], dim: int = DIM) -> None:
        self.codec = Codec(dim)
        self.stored: dict[int, Codes] = {}
        self.index = make(dim, self.fetch)

    def fetch(self, ids: Ids) -> tuple[Ids, Codes]:
        assert ids.dtype == np.int64
        assert (np.diff(ids) > 0).all()
        found = [key for key in ids.tolist() if key in self.stored]
        codes = [self.stored[key] for key in found]
        return np.array(found, np.int64), np.array(codes, np.uint8).reshape(-1, self.codec.size)

    def add(self, ids: list[int], vectors: Vectors) -> None:
        codes = self.codec.encode(vectors)
        self.stored |= dict(zip(ids, codes, strict=True))
        self.index.add(np.array(ids, np.int64), codes)

    def remove(self, ids: list[int]) -> None:
        self.index.remove(np.array(ids, np.int64))
        for key in ids:
            self.stored.pop(key, None)

    def slow_search(self, queries: Vectors, k: int) -> tuple[Scores, Ids]:
        """Every score of what is stored, sorted."""
        scores = np.full((len(queries), k), -np.inf, np.float32)
        ids = np.full((len(queries), k), -1, np.int64)
        found, codes = self.fetch(np.array(sorted(self.stored), np.int64))
        vectors = self.codec.decode(codes).astype(np.float64)
        for row, query in enumerate(queries.astype(np.float64)):
            exact = np.round(vectors @ (query / np.linalg.norm(query)), 6)
            best = np.lexsort((found, -exact))[:k]
            scores[row, : len(best)], ids[row, : len(best)] = exact[best], found[best]
        return scores, ids

    def check(self, queries: Vectors, k: int) -> None:
        """The index answers as the slow search does."""
        scores, ids = self.index.search(queries, k)
        expected_scores, expected_ids = self.slow_search(queries, k)
        assert scores.dtype == np.float32
        assert ids.dtype == np.int64
        assert scores.shape == ids.shape == (len(queries), k)
        np.testing.assert_array_equal(ids, expected_ids)
        np.testing.assert_allclose(scores, expected_scores, atol=2e-6)
