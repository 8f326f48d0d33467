"""A part of an exact index: sign bits of references, packed for FAISS's fast scan.

The only module that imports faiss. A 4-bit sub-quantiser with the 16 centroids (+-1, +-1, +-1,
+-1) stands for the signs of 4 components, so that FAISS's product quantiser computes
``sum_i q_i sign(x_i)`` for a query of floats.
"""

from typing import Any

import faiss as untyped
import numpy as np
from numpy.typing import NDArray

from originid.types import Ids, Scores, Vectors

faiss: Any = untyped  # annotated in some versions, in part and not always right
LAYOUT = str(faiss.__version__)  # how FAISS packs bits is FAISS's own business
ALIGNED = 32  # rows packed together
REMOVED_SHARE = 1 / 8  # of a part's rows: above it they are taken out, which costs 2 us per row
SIGNS = ((np.arange(16)[:, None] >> np.arange(4)) & 1) * 2.0 - 1.0


def use_one_thread() -> None:
    """Let FAISS use no threads of its own when the current thread calls it."""
    faiss.omp_set_num_threads(1)


class Part:
    """References that one thread scans: their ids, -1 where removed, and their bits."""

    def __init__(self, bits: int) -> None:
        """Make an empty part for this number of bits, a multiple of 8."""
        self.ids: Ids = np.empty(0, np.int64)
        self.removed = 0
        self._scan = faiss.IndexPQFastScan(bits, bits // 4, 4, faiss.METRIC_INNER_PRODUCT)
        _set_centroids(self._scan)

    def __len__(self) -> int:
        return len(self.ids) - self.removed

    def append(self, ids: Ids, packed: NDArray[np.uint8]) -> None:
        """Add references: ids (n,) and their bits (n, bits / 8)."""
        # Packing n rows and copying them in takes 3 us a row; `add` would search the nearest
        # centroids of floats, 15 us a row.
        plain = faiss.IndexPQ(self._scan.d, self._scan.M, 4, faiss.METRIC_INNER_PRODUCT)
        _set_centroids(plain)
        faiss.copy_array_to_vector(np.ascontiguousarray(packed).ravel(), plain.codes)
        plain.ntotal = len(packed)
        self._scan.merge_from(faiss.IndexPQFastScan(plain), 0)
        self.ids = np.concatenate([self.ids, ids])

    def remove(self, ids: Ids) -> None:
        """Remove those of the ids that are here."""
        gone = np.isin(self.ids, ids[ids >= 0])
        if not gone.any():
            return
        self.ids = np.where(gone, -1, self.ids)
        self.removed += int(gone.sum())
        if self.removed > REMOVED_SHARE * len(self.ids):
            self._scan.remove_ids(faiss.IDSelectorBatch(np.flatnonzero(self.ids < 0)))
            self.ids = self.ids[self.ids >= 0]
            self.removed = 0

    def search(self, queries: Vectors, count: int) -> tuple[Scores, Ids]:
        """The best estimates and their ids, (q, m): the best count, and -inf and -1 besides.

        Args:
            queries: float32 of shape (q, bits), C-contiguous.
            count: at least 1.
        """
        estimates, rows = self._scan.search(queries, min(count + self.removed, len(self.ids)))
        ids = np.where(rows < 0, -1, self.ids[rows])
        return np.where(ids < 0, -np.inf, estimates).astype(np.float32, copy=False), ids

    def memory(self) -> NDArray[np.uint8]:
        """The packed bits, where they lie; valid until the part changes."""
        count = packed_size(len(self.ids), self._scan.d)
        memory: NDArray[np.uint8] = faiss.rev_swig_ptr(self._scan.codes.get(), count)
        return memory

    def resize(self, ids: Ids) -> None:
        """Take these ids, -1 where removed, and make room for bits to be written to `memory`."""
        self.ids = ids
        self.removed = int(np.count_nonzero(ids < 0))
        self._scan.codes.resize(packed_size(len(ids), self._scan.d))
        self._scan.ntotal = len(ids)
        self._scan.ntotal2 = -(-len(ids) // ALIGNED) * ALIGNED


def packed_size(rows: int, bits: int) -> int:
    """Bytes of memory of a part's bits."""
    return -(-rows // ALIGNED) * ALIGNED * bits // 8


def _set_centroids(quantiser: Any) -> None:
    centroids = np.tile(SIGNS.astype(np.float32).ravel(), quantiser.pq.M)
    faiss.copy_array_to_vector(centroids, quantiser.pq.centroids)
    quantiser.is_trained = True
