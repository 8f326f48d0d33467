"""The default index: a scan over sign bits, then exact scores of the best few hundred.

In memory is one bit per rotated component (`Codec.bits`). A scan compares the query's floats with
all of them: the estimate ``sum_i q_i sign(x_i)`` orders references as the cosine does, up to an
error of 0.76 / sqrt(dim), about 0.4 of the spread of cosines between unrelated images. Comparing
bits with bits is no faster and errs 1.6 times as much. The best `shortlist` references are then
scored with their stored codes.
"""

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from originid.errors import InputError
from originid.index.base import Fetch, check_added, refuse_known
from originid.index.cache import CacheError, load_parts, save_parts
from originid.index.codec import VERSION, Codec, Codes
from originid.index.scan import LAYOUT, Part, scanned_queries, use_one_thread
from originid.system.parallel import available_cores
from originid.types import Ids, Json, Scores, Vectors

FILE = "index.bin"  # in the folder of a collection
QUERIES = 256  # searched at a time: bounds memory, and lets others in between
FETCHED = 4096  # codes read at a time: bounds memory


@dataclass(frozen=True)
class ScanSettings:
    """What a scan keeps and hands on.

    ``bits`` scanned at most. All of them up to here: for 2,000 queries among 1,000,000 references
    of 1,413 dims the best reference came, at worst, 75th with 1,408 bits, 911th with 1,056 and
    3,727th with 704. 4,096 bits of a million references are 512 MB.

    ``shortlist`` rescored, and at least 4 per match asked for. 100 held the best reference of
    each of those queries; 400 held 99.7 % of the ten best, and rescoring them takes a third of the
    time of a scan on one core.

    ``part`` rows that one thread scans: small enough that 8 cores share a million, large enough
    that what a part costs however small it is stays below a tenth.
    """

    bits: int = 4096
    shortlist: int = 400
    part: int = 131_072

    def __post_init__(self) -> None:
        if min(self.bits, self.shortlist, self.part) < 1:
            raise InputError(f"{self}", "expected numbers of at least 1", "leave them out")


DEFAULTS = ScanSettings()


class ExactIndex:
    """Finds the nearest references by a scan over all of them; implements `Index`.

    With no more references than the shortlist the answer is exact; with more, it is wrong only
    where a reference is not on the shortlist. Thread-safe: one lock, held while the index changes,
    is saved or is scanned (on all cores), not while codes are fetched and scored.
    """

    def __init__(
        self,
        dim: int,
        fetch: Fetch,
        settings: ScanSettings = DEFAULTS,
        file: Path | None = None,
    ) -> None:
        """Make an empty index.

        Args:
            dim: number of components of a vector, at least 1.
            fetch: reads stored vectors.
            settings: how much is scanned, and how much of it is scored again.
            file: where `keep` writes; without one it writes nothing.
        """
        self.codec = Codec(dim)
        self.settings = settings
        self.last_id = -1
        self._file = file
        self._fetch = fetch
        self._bits = min(dim, settings.bits)
        self._parts: list[Part] = []
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(available_cores(), "originid-scan", use_one_thread)

    def __len__(self) -> int:
        return sum(len(part) for part in self._parts)

    def add(self, ids: Ids, codes: Codes) -> None:
        """Add references, as `Index.add`; about 5 microseconds each."""
        check_added(ids, codes, self.codec.size)
        bits = self.codec.bits(codes, self._bits)
        with self._lock:
            self._refuse_known(ids)
            start = 0
            while start < len(ids):
                if not self._parts or len(self._parts[-1].ids) >= self.settings.part:
                    self._parts.append(Part(self._bits))
                stop = start + self.settings.part - len(self._parts[-1].ids)
                self._parts[-1].append(ids[start:stop], bits[start:stop])
                start = stop
            self.last_id = max(self.last_id, int(ids.max(initial=-1)))

    def remove(self, ids: Ids) -> None:
        """Remove references, as `Index.remove`."""
        with self._lock:
            for part in self._parts:
                part.remove(np.asarray(ids, np.int64))
            self._parts = [part for part in self._parts if len(part)]

    def search(self, queries: Vectors, k: int) -> tuple[Scores, Ids]:
        """Return the best k references of each query, as `Index.search`."""
        if k < 1:
            raise InputError(f"k = {k}", "expected at least 1", "ask for 1 match or more")
        rotated = self.codec.rotate(queries)
        scores = np.full((len(rotated), k), -np.inf, np.float32)
        ids = np.full((len(rotated), k), -1, np.int64)
        for start in range(0, len(rotated), QUERIES):
            some = rotated[start : start + QUERIES]
            shortlists = self._shortlists(some, max(self.settings.shortlist, 4 * k))
            for row, (query, shortlist) in enumerate(zip(some, shortlists, strict=True), start):
                found, cosines = self._score(query, shortlist)
                best = np.lexsort((found, -cosines))[:k]
                scores[row, : len(best)], ids[row, : len(best)] = cosines[best], found[best]
        return scores, ids

    def clear(self) -> None:
        """Forget all references, as `Index.clear`."""
        with self._lock:
            self._parts, self.last_id = [], -1

    def keep(self) -> None:
        """Write the index to its file, as `Index.keep`."""
        if self._file is not None:
            self.save(self._file)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the index to a file, all of it or nothing; what is there is replaced.

        Raises:
            OSError: the disk refuses.
        """
        with self._lock:
            save_parts(Path(path), self._header() | {"last_id": self.last_id}, self._parts)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        dim: int,
        fetch: Fetch,
        settings: ScanSettings = DEFAULTS,
    ) -> "ExactIndex":
        """Read an index from a file that `save` wrote.

        Raises:
            CacheError: there is none, it is damaged, or it was written for another dim or number
                of bits, or by another version of originid's codes or of FAISS.
        """
        index = cls(dim, fetch, settings)
        header, index._parts = load_parts(Path(path), index._header(), index._bits)
        index.last_id = header["last_id"]
        return index

    @classmethod
    def open(cls, folder: Path, dim: int, fetch: Fetch) -> "ExactIndex":
        """Open the index that is kept in a collection's folder, as `OpenIndex` says."""
        file = folder / FILE
        try:
            index = cls.load(file, dim, fetch)
        except CacheError:
            index = cls(dim, fetch)
        index._file = file
        return index

    def _header(self) -> Json:
        return {"code": VERSION, "faiss": LAYOUT, "dim": self.codec.dim, "bits": self._bits}

    def _shortlists(self, rotated: Vectors, count: int) -> list[Ids]:
        """Sorted ids of the references with the best estimates, at most count, of each query."""
        queries = scanned_queries(rotated, self._bits)
        with self._lock:
            if len(self) <= count:
                ids = np.concatenate([np.empty(0, np.int64), *(part.ids for part in self._parts)])
                return [np.sort(ids[ids >= 0])] * len(rotated)
            estimates, ids = self._scan(queries, count)
        best = np.argpartition(-estimates, count - 1, axis=1)[:, :count]
        return list(np.sort(np.take_along_axis(ids, best, axis=1), axis=1))

    def _scan(self, queries: Vectors, count: int) -> tuple[Scores, Ids]:
        """The best count of every part, side by side: estimates and ids."""
        # A single part is left to FAISS's own threads, which share a batch by queries.
        run: Callable[..., Iterable[tuple[Scores, Ids]]]
        run = self._pool.map if len(self._parts) > 1 else map
        found = list(run(lambda part: part.search(queries, count), self._parts))
        return np.hstack([part[0] for part in found]), np.hstack([part[1] for part in found])

    def _score(self, query: NDArray[np.float32], shortlist: Ids) -> tuple[Ids, Scores]:
        """Those of the shortlist that exist, and their cosines."""
        found, cosines = [np.empty(0, np.int64)], [np.empty(0, np.float32)]
        for start in range(0, len(shortlist), FETCHED):
            ids, codes = self._fetch(shortlist[start : start + FETCHED])
            if not len(ids):
                continue  # all removed by another process
            found.append(ids)
            cosines.append(self.codec.scores(codes, query))
        return np.concatenate(found), np.concatenate(cosines)

    def _refuse_known(self, ids: Ids) -> None:
        if len(ids) and ids.min() > self.last_id:
            return  # the usual case: ids are given in ascending order
        for part in self._parts:
            refuse_known(np.intersect1d(ids, part.ids))
