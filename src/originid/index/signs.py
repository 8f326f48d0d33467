"""Sign bits of many references, in parts that threads scan: what an index keeps in memory.

A scan compares a query's floats with the bits: the estimate ``sum_i q_i sign(x_i)`` orders
references nearly as the product of the vectors does.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from originid.index.base import refuse_known
from originid.index.cache import Tail, load_parts, save_parts, unusable
from originid.index.growing import GrowingRows
from originid.index.scan import LAYOUT, Part, in_one_thread, scanned_queries, use_one_thread
from originid.system.parallel import available_cores
from originid.types import Ids, Json, Scores, Vectors

Item = TypeVar("Item")
Result = TypeVar("Result")
PART = 131_072
"""Rows that one thread scans: small enough that 8 cores share a million, large enough that what a
part costs however small it is stays below a tenth."""

TOGETHER = 32  # queries that one thread scans
COMPARED = 16  # random queries by which bits are compared: one in 65,000 other bits is missed


class SignScan:
    """The sign bits of references, by their ids.

    Thread-safe: one lock, held while the bits change, are saved or are scanned (on all cores).

    Args:
        bits: of each reference, at least 1.
        part: rows that one thread scans.
    """

    def __init__(self, bits: int, part: int = PART) -> None:
        self.bits = bits
        self.last_id = -1
        self._part = part
        self.history = ""  # as `Index.history`
        self._parts: list[Part] = []
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(available_cores(), "originid-scan", use_one_thread)

    def __len__(self) -> int:
        return sum(len(part) for part in self._parts)

    def add(self, ids: Ids, packed: NDArray[np.uint8]) -> None:
        """Add references; about 5 microseconds each.

        Args:
            ids: int64 of shape (n,), each once.
            packed: their bits (n, bytes), 8 to a byte, the first one lowest.

        Raises:
            InputError: an id is known.
        """
        with self._lock:
            self._refuse_known(ids)
            start = 0
            while start < len(ids):
                if not self._parts or len(self._parts[-1].ids) >= self._part:
                    self._parts.append(self._new_part())
                stop = start + self._part - len(self._parts[-1].ids)
                self._parts[-1].append(ids[start:stop], packed[start:stop])
                start = stop
            self.last_id = max(self.last_id, int(ids.max(initial=-1)))

    def remove(self, ids: Ids) -> None:
        """Remove references; ids that are not here are ignored."""
        with self._lock:
            for part in self._parts:
                part.remove(np.asarray(ids, np.int64))
            self._parts = [part for part in self._parts if len(part)]

    def clear(self) -> None:
        """Forget all references, as if none had ever been added."""
        with self._lock:
            self._parts, self.last_id, self.history = [], -1, ""

    def all_ids(self) -> Ids:
        """The ids of all references, ascending."""
        with self._lock:
            ids = np.concatenate([np.empty(0, np.int64), *(part.ids for part in self._parts)])
        return np.sort(ids[ids >= 0])

    def search(self, queries: Vectors, count: int) -> tuple[Scores, Ids]:
        """The references with the best estimates of each query, in no order.

        Args:
            queries: float32 of shape (q, at least ``bits``), of which the first are compared.
            count: how many of each, at most as many as there are.

        Returns:
            Estimates and ids, both of shape (q, count).
        """
        scanned = scanned_queries(queries, self.bits)
        with self._lock:
            # A single part is left to FAISS's own threads, which share a batch by queries.
            each = self.each if len(self._parts) > 1 else map
            found = list(each(lambda part: part.search(scanned, count), self._parts))
        estimates, ids = (np.hstack(some) for some in zip(*found, strict=True))
        best = np.argpartition(-estimates, count - 1, axis=1)[:, :count]
        return np.take_along_axis(estimates, best, axis=1), np.take_along_axis(ids, best, axis=1)

    def each(self, function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """What a function returns for each item; the threads of the scan share several items."""
        if len(items) > 1:
            return list(self._pool.map(function, items))
        with in_one_thread():
            return list(map(function, items))

    def equals(self, other: "SignScan") -> bool:
        """Whether both have the same ids with the same bits, in whatever order.

        Bits are compared by the scores of some random signs: each bit counts in each of them.
        """
        ids = self.all_ids()
        if not np.array_equal(ids, other.all_ids()):
            return False
        rng = np.random.default_rng(0)
        for _ in range(COMPARED if len(ids) else 0):
            query = rng.choice(np.array([-1, 1], np.float32), (1, self.bits))
            scores = []
            for each in (self, other):
                found, keys = each.search(query, len(ids))
                scores.append(found[0][np.argsort(keys[0])])
            if not np.array_equal(*scores):
                return False
        return True

    def save(self, path: Path, header: Json) -> None:
        """Write the bits to a file, all of it or nothing; what is there is replaced.

        Args:
            path: of the file.
            header: what the bits are of, in whatever words `load` will give.

        Raises:
            OSError: the disk refuses.
        """
        with self._lock:
            kept = {"last_id": self.last_id, "history": self.history}
            save_parts(path, self._described(header) | kept, self._parts, self._tail())

    def load(self, path: Path, header: Json) -> None:
        """Read the bits that `save` wrote with the same header, in place of those that are here.

        Raises:
            CacheError: there is no file, it is damaged, or it holds other bits or was written by
                another version of FAISS.
        """
        found, parts, tail = load_parts(path, self._described(header), self._new_part)
        with self._lock, unusable(path):
            self._take(found, parts, tail)

    def _new_part(self) -> Part:
        return Part(self.bits)

    def _described(self, header: Json) -> Json:
        return {**header, "faiss": LAYOUT, "bits": self.bits}

    def _tail(self) -> Sequence[GrowingRows]:
        """What the file holds behind the parts."""
        return ()

    def _take(self, found: Json, parts: list[Part], tail: Tail) -> None:
        """Take what a file holds, in place of what is here."""
        self._parts, self.last_id = parts, found["last_id"]
        self.history = str(found.get("history", ""))

    def _refuse_known(self, ids: Ids) -> None:
        if len(ids) and ids.min() > self.last_id:
            return  # the usual case: ids are given in ascending order
        for part in self._parts:
            refuse_known(np.intersect1d(ids, part.ids))


class OfSigns:
    """What all have in common that scan the sign bits of references; what they add is up to them.

    The names are those of `Index`.
    """

    _scan: SignScan

    @property
    def history(self) -> str:
        """What was added, as `Index.history`."""
        return self._scan.history

    @history.setter
    def history(self, text: str) -> None:
        self._scan.history = text

    @property
    def last_id(self) -> int:
        """The largest id that was ever added, as `Index.last_id`."""
        return self._scan.last_id

    def __len__(self) -> int:
        return len(self._scan)

    def remove(self, ids: Ids) -> None:
        """Remove references, as `Index.remove`."""
        self._scan.remove(ids)

    def clear(self) -> None:
        """Forget all references, as `Index.clear`."""
        self._scan.clear()

    def equals(self, other: "OfSigns") -> bool:
        """Whether both have the same references with the same bits."""
        return self._scan.equals(other._scan)
