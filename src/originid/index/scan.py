"""A part of an exact index: sign bits of references, packed for FAISS's fast scan.

The only module that imports faiss. A 4-bit sub-quantiser with the 16 centroids (+-1, +-1, +-1,
+-1) stands for the signs of 4 components, so that FAISS's product quantiser computes
``sum_i q_i sign(x_i)`` for a query of floats.

FAISS rounds the 16 values of each sub-quantiser to 8 bits, all on the scale of the one with the
widest range, and adds them up in 16 bits, which overflow unnoticed: above some 2,000 components
the best references would come last. It also leaves out references whose sum is 0. So there is one
sub-quantiser more than the bits need: each query gives it a range that keeps the largest sum below
`LARGEST_SUM`, and a bit that is 1 for every reference keeps the smallest above 0.

FAISS scans the first bits alone, and the rest is looked at of the references that are best by
these: a scan takes as long as what it has to read.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import faiss as untyped
import numpy as np
from numpy.typing import NDArray

from originid.index.growing import GrowingRows, Rows
from originid.index.planes import Planes, plane_size, planes_of
from originid.index.shortlist import WIDER, may_lack_the_best
from originid.system.malloc import prefer_large_pages
from originid.types import Floats32, Ids, Mask, Scores, Vectors

faiss: Any = untyped  # annotated in some versions, in part and not always right
LAYOUT = str(faiss.__version__)  # how FAISS packs bits is FAISS's own business
ALIGNED = 32  # rows packed together
REMOVED_SHARE = 1 / 8  # of a part's rows: above it they are taken out, which costs 2 us per row
SPARE = 4  # bits of the sub-quantiser that sets the scale
LARGEST_SUM = 60_000  # below 65,536 by more than rounding can add up to
FIRST_BITS = 1024  # of a reference: those that FAISS scans
# References of which the rest is looked at: at least, times what is asked for, and one in so many
# of a part. Where these may lack the best, `WIDER` times as many, and at last one in four.
FEWEST, TIMES, SHARE = 1024, 6, 128
WIDEST_SHARE = 4
SIGNS = ((np.arange(16)[:, None] >> np.arange(4)) & 1) * 2.0 - 1.0


def use_one_thread() -> None:
    """Let FAISS use no threads of its own when the current thread calls it."""
    faiss.omp_set_num_threads(1)


@contextmanager
def in_one_thread() -> Iterator[None]:
    """Let FAISS use no threads of its own inside the ``with`` block.

    To start them takes longer than one query does, and they wait busily for more work.
    """
    before = faiss.omp_get_max_threads()
    use_one_thread()
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


@dataclass(frozen=True)
class ScannedQueries:
    """Queries as `Part.search` takes them.

    Args:
        first: the first components and the scale, float32 (q, width).
        rest: the components behind these.
    """

    first: Floats32
    rest: Planes

    def __len__(self) -> int:
        return len(self.first)

    def __getitem__(self, rows: slice) -> "ScannedQueries":
        rest = Planes(self.rest.bits[rows], self.rest.steps[rows], self.rest.count)
        return ScannedQueries(self.first[rows], rest)


class Part:
    """References that one thread scans: their ids, -1 where removed, and their bits."""

    def __init__(self, bits: int) -> None:
        """Make an empty part for references of this number of bits."""
        self.bits = bits
        self.ids: Ids = np.empty(0, np.int64)
        self.removed = 0
        width = scanned_width(bits)
        self._scan = faiss.IndexPQFastScan(width, width // 4, 4, faiss.METRIC_INNER_PRODUCT)
        _set_centroids(self._scan)
        self._rest = GrowingRows(plane_size(bits - first_bits(bits)))

    def __len__(self) -> int:
        return len(self.ids) - self.removed

    def append(self, ids: Ids, packed: NDArray[np.uint8]) -> None:
        """Add references: ids (n,) and their bits (n, bytes), the first one lowest."""
        first = packed[:, : -(-first_bits(self.bits) // 8)]
        codes = np.zeros((len(packed), self._scan.d // 8), np.uint8)
        codes[:, : first.shape[1]] = first
        codes[:, -1] |= 128
        # Packing n rows and copying them in takes 4 us a row; `add` would search the nearest
        # centroids of floats, 11 us a row.
        plain = faiss.IndexPQ(self._scan.d, self._scan.M, 4, faiss.METRIC_INNER_PRODUCT)
        _set_centroids(plain)
        faiss.copy_array_to_vector(codes.ravel(), plain.codes)
        plain.ntotal = len(packed)
        self._scan.merge_from(faiss.IndexPQFastScan(plain), 0)
        rest = np.zeros((len(packed), self._rest.rows.shape[1]), np.uint8)
        rest[:, : packed.shape[1] - first.shape[1]] = packed[:, first.shape[1] :]
        self._rest.append(rest)
        self.ids = np.concatenate([self.ids, ids])

    def remove(self, ids: Ids) -> None:
        """Remove those of the ids that are here."""
        gone = np.isin(self.ids, ids[ids >= 0])
        if not gone.any():
            return
        self.ids = np.where(gone, -1, self.ids)
        self.removed += int(gone.sum())
        if self.removed > REMOVED_SHARE * len(self.ids):
            self.leave_only(self.ids >= 0)

    def leave_only(self, which: Mask) -> None:
        """Take out all rows but those that which (n,) says; none of these is removed."""
        self._scan.remove_ids(faiss.IDSelectorBatch(np.flatnonzero(~which)))
        self._rest = self._rest.only(which)
        self.ids = self.ids[which]
        self.removed = 0

    def search(self, queries: ScannedQueries, count: int) -> tuple[Scores, Ids]:
        """The best estimates and their ids, (q, m): the best count, and -inf and -1 besides.

        Args:
            queries: as `scanned_queries` returns them.
            count: at least 1.
        """
        estimates, rows = self.nearest_rows(queries, count)
        ids = np.where(rows < 0, -1, self.ids[rows])
        return np.where(ids < 0, -np.inf, estimates).astype(np.float32, copy=False), ids

    def nearest_rows(self, queries: ScannedQueries, count: int) -> tuple[Scores, NDArray[np.int64]]:
        """Estimates and rows, (q, m): the best count, and removed ones and -1 besides."""
        wanted = min(count + self.removed, len(self.ids))
        if not queries.rest.count:
            return self._by_first(queries, wanted)
        listed = max(FEWEST, TIMES * count, len(self.ids) // SHARE) + self.removed
        listed = min(listed, len(self.ids))
        most = max(listed, len(self.ids) // WIDEST_SHARE)
        estimates = np.empty((len(queries), wanted), np.float32)
        rows = np.empty((len(queries), wanted), np.int64)
        for query, (first, places) in enumerate(zip(*self._by_first(queries, listed), strict=True)):
            both = first + self._by_rest(queries, query, places)
            while len(places) < most and may_lack_the_best(first, both):
                wider = min(WIDER * len(places), most)
                (first,), (places,) = self._by_first(queries[query : query + 1], wider)
                both = first + self._by_rest(queries, query, places)
            best = np.argpartition(-both, wanted - 1)[:wanted]
            estimates[query], rows[query] = both[best], places[best]
        return estimates, rows

    def _by_first(self, queries: ScannedQueries, count: int) -> tuple[Scores, NDArray[np.int64]]:
        """Estimates by the first bits, best first, and rows, (q, count)."""
        found: tuple[Scores, NDArray[np.int64]] = self._scan.search(queries.first, count)
        return found

    def _by_rest(self, queries: ScannedQueries, query: int, rows: NDArray[np.int64]) -> Scores:
        """What the rest of the bits of some rows (n,) adds to a query's estimates, (n,)."""
        planes, signs = queries.rest.bits[query], self._rest.rows.take(rows, axis=0, mode="clip")
        differing = np.empty((len(planes), len(signs)), np.int32)
        count, size = signs.shape
        pointers = [faiss.swig_ptr(each) for each in (planes, signs, differing)]
        faiss.hammings(pointers[0], pointers[1], len(planes), count, size, pointers[2])
        return queries.rest.products(query, differing)

    def memory(self) -> tuple[NDArray[np.uint8], Rows]:
        """The packed first bits, and the rest, where they lie; valid until the part changes."""
        count = _rounded(len(self.ids)) * self._scan.d // 8
        return faiss.rev_swig_ptr(self._scan.codes.get(), count), self._rest.rows

    def resize(self, ids: Ids) -> None:
        """Take these ids, -1 where removed, and make room for bits to be written to `memory`."""
        self.ids = ids
        self.removed = int(np.count_nonzero(ids < 0))
        self._scan.codes.resize(_rounded(len(ids)) * self._scan.d // 8)
        self._scan.ntotal = len(ids)
        self._scan.ntotal2 = _rounded(len(ids))
        self._rest = GrowingRows.of(np.empty((len(ids), self._rest.rows.shape[1]), np.uint8))
        prefer_large_pages(self.memory()[0])


class NumberScan:
    """Compares queries with rows of numbers in 4 bits.

    Args:
        size: bytes of a row, each of which holds two numbers, the first one in its lower half.
    """

    def __init__(self, size: int) -> None:
        kind = faiss.ScalarQuantizer.QT_4bit_uniform
        self._size = size
        self._scan = faiss.IndexScalarQuantizer(2 * size, kind, faiss.METRIC_INNER_PRODUCT)
        faiss.copy_array_to_vector(np.array([-1, 2], np.float32), self._scan.sq.trained)
        self._scan.is_trained = True

    def room(self, count: int) -> NDArray[np.uint8]:
        """Memory (count, size) that is to be filled with the rows that are compared next."""
        self._scan.codes.resize(count * self._size)
        self._scan.ntotal = count
        memory = faiss.rev_swig_ptr(self._scan.codes.data(), count * self._size)
        rows: NDArray[np.uint8] = memory.reshape(count, self._size)
        return rows

    def search(self, query: Floats32, count: int) -> tuple[Scores, Ids]:
        """The best products of a query with numbers from -1 to 1, and their rows, (count,).

        Args:
            query: of at most 2 x size components.
            count: how many are returned, at most.
        """
        padded = np.zeros((1, 2 * self._size), np.float32)
        padded[0, : len(query)] = query
        values, rows = self._scan.search(padded, min(count, self._scan.ntotal))
        return values[0], rows[0]


class _Own(threading.local):
    """What a thread has for itself."""

    def __init__(self) -> None:
        self.scans: dict[int, NumberScan] = {}


_own = _Own()


def number_scan(size: int) -> NumberScan:
    """The `NumberScan` of the current thread for rows of this size; to make one takes 0.1 ms."""
    if size not in _own.scans:
        _own.scans[size] = NumberScan(size)
    return _own.scans[size]


def first_bits(bits: int) -> int:
    """How many of a reference's bits FAISS scans."""
    return min(bits, FIRST_BITS)


def scanned_width(bits: int) -> int:
    """Bits that a reference takes in FAISS's part of a part."""
    return -(-(first_bits(bits) + SPARE) // 8) * 8


def scanned_queries(rotated: Vectors, bits: int) -> ScannedQueries:
    """Queries for `Part.search`, of rotated vectors (q, at least bits), of which the first count.

    The range of a sub-quantiser is twice the sum of its 4 components' magnitudes.
    """
    queries = np.zeros((len(rotated), scanned_width(bits)), np.float32)
    count = first_bits(bits)
    queries[:, :count] = rotated[:, :count]
    queries[:, -1] = np.abs(queries).sum(axis=1) * 255 / LARGEST_SUM
    return ScannedQueries(queries, planes_of(rotated[:, count:bits]))


def memory_size(rows: int, bits: int) -> int:
    """Bytes of a part's `memory`."""
    rest = plane_size(bits - first_bits(bits))
    return _rounded(rows) * scanned_width(bits) // 8 + rows * rest


def _rounded(rows: int) -> int:
    return -(-rows // ALIGNED) * ALIGNED


def _set_centroids(quantiser: Any) -> None:
    centroids = np.tile(SIGNS.astype(np.float32).ravel(), quantiser.pq.M)
    faiss.copy_array_to_vector(centroids, quantiser.pq.centroids)
    quantiser.is_trained = True
