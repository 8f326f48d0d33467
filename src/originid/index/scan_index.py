"""What all indexes on this machine have in common: a scan of all references, then exact scores.

What the scan finds best is scored with the stored codes: no score is ever told by anything else.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TypeVar

import numpy as np

from originid.errors import InputError
from originid.index.base import Fetch, check_added
from originid.index.cache import CacheError
from originid.index.codec import VERSION, Codec, Codes, check_vectors
from originid.index.signs import PART, TOGETHER, OfSigns, SignScan
from originid.types import Floats32, Ids, Json, Scores, Vectors

FILE = "index.bin"  # in the folder of a collection
QUERIES = 256  # searched at a time: bounds memory, and lets others in between
FETCHED = 4096  # codes read at a time: bounds memory


Made = TypeVar("Made", bound="ScanIndex")


@dataclass(frozen=True)
class ScanSettings:
    """What a scan keeps and hands on.

    ``shortlist`` scored at least; for many matches half as many again as are asked for.

    ``part`` rows that one thread scans.
    """

    shortlist: int = 16
    part: int = PART

    def __post_init__(self) -> None:
        if min(self.shortlist, self.part) < 1:
            raise InputError(f"{self}", "expected numbers of at least 1", "leave them out")


DEFAULTS = ScanSettings()


class ScanIndex(OfSigns, ABC):
    """Finds the nearest references by a scan over all of them; implements `Index`.

    With no more references than the shortlist the answer is exact; with more, it is wrong only
    where a reference is not on the shortlist. Thread-safe, as `SignScan` is; codes are fetched and
    scored without its lock.
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
        self._file = file
        self._fetch = fetch
        folder = None if file is None else file.parent
        self._scan = self._new_scan(folder)

    def add(self, ids: Ids, codes: Codes) -> None:
        """Add references, as `Index.add`; about 20 microseconds each."""
        check_added(ids, codes, self.codec.size)
        self._add(ids, codes)

    def search(self, queries: Vectors, k: int) -> tuple[Scores, Ids]:
        """Return the best k references of each query, as `Index.search`."""
        if k < 1:
            raise InputError(f"k = {k}", "expected at least 1", "ask for 1 match or more")
        rotated = self._rotated(queries)
        scores = np.full((len(rotated), k), -np.inf, np.float32)
        ids = np.full((len(rotated), k), -1, np.int64)
        for start in range(0, len(rotated), QUERIES):
            some = rotated[start : start + QUERIES]
            lists = self._shortlists(some, k)
            for row, (found, cosines) in enumerate(self._scored(some, lists), start):
                best = np.lexsort((found, -cosines))[:k]
                scores[row, : len(best)], ids[row, : len(best)] = cosines[best], found[best]
        return scores, ids

    def keep(self) -> None:
        """Write the index to its file, as `Index.keep`."""
        if self._file is not None:
            self.save(self._file)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the index to a file, all of it or nothing; what is there is replaced.

        Raises:
            OSError: the disk refuses.
        """
        self._scan.save(Path(path), self._header())

    @classmethod
    def load(
        cls: type[Made],
        path: str | os.PathLike[str],
        dim: int,
        fetch: Fetch,
        settings: ScanSettings = DEFAULTS,
    ) -> Made:
        """Read an index from a file that `save` wrote.

        Raises:
            CacheError: there is none, it is damaged, or it was written for another dim or number
                of bits, or by another version of originid's codes or of FAISS.
        """
        index = cls(dim, fetch, settings, Path(path))
        index._scan.load(Path(path), index._header())
        return index

    @classmethod
    def open(cls: type[Made], folder: Path, dim: int, fetch: Fetch) -> Made:
        """Open the index that is kept in a collection's folder, as `OpenIndex` says."""
        file = folder / FILE
        try:
            return cls.load(file, dim, fetch)
        except CacheError:
            return cls(dim, fetch, file=file)

    def _header(self) -> Json:
        return {"code": VERSION, "dim": self.codec.dim}

    def _rotated(self, queries: Vectors) -> Floats32:
        """Rotated queries (q, dim) of unit length, a few at a time."""
        if len(queries) <= TOGETHER:
            return self.codec.rotate(queries)
        checked = check_vectors(queries, self.codec.dim)
        blocks = [checked[block.start : block.stop] for block in _blocks(len(checked), TOGETHER)]
        return np.vstack(list(self._scan.each(self.codec.rotate, blocks)))

    def _shortlists(self, rotated: Floats32, k: int) -> list[Ids]:
        """The references that may be among the best k of each query, sorted."""
        least = max(self.settings.shortlist, k + k // 2)
        if len(self) <= least:
            return [self._scan.all_ids()] * len(rotated)
        return [np.sort(ids) for ids in self._best(rotated, k, least)]

    @abstractmethod
    def _new_scan(self, folder: Path | None) -> SignScan:
        """What scans; files without a name may lie in the folder, as of `GrowingRows`."""

    @abstractmethod
    def _add(self, ids: Ids, codes: Codes) -> None:
        """Add references that were checked."""

    @abstractmethod
    def _best(self, rotated: Floats32, k: int, least: int) -> list[Ids]:
        """Those that may be among the best k of each query, at least so many, in no order."""

    def _scored(self, rotated: Floats32, lists: Sequence[Ids]) -> Iterator[tuple[Ids, Scores]]:
        """Those of each query's shortlist that exist, and their cosines."""

        def score(rows: range) -> list[tuple[Ids, Scores]]:
            """Score the shortlists of a few queries, whose codes are fetched together."""
            wanted = np.unique(np.concatenate([lists[row] for row in rows]))
            some = [[(np.empty(0, np.int64), np.empty(0, np.float32))] for _ in rows]
            for ids, codes in self._fetched(wanted):
                for row, its in zip(rows, some, strict=True):
                    places = np.searchsorted(ids, lists[row])
                    places[places == len(ids)] = 0
                    places = places[ids[places] == lists[row]]
                    its.append((ids[places], self.codec.scores(codes[places], rotated[row])))
            return [
                (np.concatenate([ids for ids, _ in its]), np.concatenate([c for _, c in its]))
                for its in some
            ]

        longest = max(map(len, lists))
        blocks = _blocks(len(lists), max(1, min(TOGETHER, FETCHED // max(longest, 1))))
        return chain.from_iterable(self._scan.each(score, blocks))

    def _fetched(self, ids: Ids) -> Iterator[tuple[Ids, Codes]]:
        """Stored codes of sorted ids, as many at a time as memory is bounded to."""
        for start in range(0, len(ids), FETCHED):
            found, codes = self._fetch(ids[start : start + FETCHED])
            if len(found):  # else all were removed by another process
                yield found, codes


def _blocks(count: int, size: int) -> list[range]:
    return [range(at, min(at + size, count)) for at in range(0, count, size)]
