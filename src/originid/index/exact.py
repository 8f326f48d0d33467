"""The default index: a scan over sign bits, then exact scores of the best few hundred.

In memory is one bit per rotated component (`Codec.bits`). A scan compares the query's floats with
all of them: the estimate ``sum_i q_i sign(x_i)`` orders references as the cosine does, up to an
error of 0.76 / sqrt(dim), about 0.4 of the spread of cosines between unrelated images. Comparing
bits with bits is no faster and errs 1.6 times as much. The best `shortlist` references are then
scored with their stored codes.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from originid.errors import InputError
from originid.index.base import Fetch, check_added
from originid.index.cache import CacheError
from originid.index.codec import VERSION, Codec, Codes
from originid.index.signs import PART, OfSigns, SignScan
from originid.types import Ids, Json, Scores, Vectors

FILE = "index.bin"  # in the folder of a collection
QUERIES = 256  # searched at a time: bounds memory, and lets others in between
WIDER = 4  # times as many are scored, where a list may lack the best
MOST = 64  # times the shortlist, up to which it is made wider: 25,600 references, 50 MB of codes
FEWEST = 32  # scores that tell how far they lie from their estimates
DOUBT = 4.0  # standard deviations: of 1,600 further references, 1 in 20 lists lacks one so far out
UNTOLD = 0.95  # of the spread of scores on a list: what estimates leave open in a dense series; 0.9
# is left open among strangers in an ordinary collection, 0.3 beside an origin
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

    ``part`` rows that one thread scans.
    """

    bits: int = 4096
    shortlist: int = 400
    part: int = PART

    def __post_init__(self) -> None:
        if min(self.bits, self.shortlist, self.part) < 1:
            raise InputError(f"{self}", "expected numbers of at least 1", "leave them out")


DEFAULTS = ScanSettings()


@dataclass(frozen=True)
class _Shortlist:
    """The references that are scored for a query.

    Args:
        ids: sorted, (m,).
        estimates: of their scores, (m,); None if they are all references.
    """

    ids: Ids
    estimates: Scores | None

    def may_lack_the_best(self, found: Ids, cosines: Scores) -> bool:
        """Tell whether a reference that is not on the list could score higher than all on it.

        On the list one sees how far cosines lie from their estimates. What is not on it has a lower
        estimate than the last one that is. In a series of pictures that are nearly the same, the
        estimates lie closer together than that.

        Args:
            found: the ids of the list that exist, (m,).
            cosines: their exact scores, (m,).
        """
        if self.estimates is None or len(found) < FEWEST:
            return False
        estimates = self.estimates[np.searchsorted(self.ids, found)].astype(np.float64)
        away = estimates - estimates.mean()
        slope = float(away @ cosines / max(away @ away, 1e-12))
        expected = cosines.mean() + slope * away
        rest, all_of_it = float(np.std(cosines - expected)), float(np.std(cosines))
        if rest < UNTOLD * all_of_it:  # the order by estimates is nearly that by scores
            return False
        return bool(expected.min() + DOUBT * rest > cosines.max())


class ExactIndex(OfSigns):
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
        self._scan = SignScan(min(dim, settings.bits), settings.part)

    def add(self, ids: Ids, codes: Codes) -> None:
        """Add references, as `Index.add`; about 5 microseconds each."""
        check_added(ids, codes, self.codec.size)
        self._scan.add(ids, self.codec.bits(codes, self._scan.bits))

    def search(self, queries: Vectors, k: int) -> tuple[Scores, Ids]:
        """Return the best k references of each query, as `Index.search`."""
        if k < 1:
            raise InputError(f"k = {k}", "expected at least 1", "ask for 1 match or more")
        rotated = self.codec.rotate(queries)
        scores = np.full((len(rotated), k), -np.inf, np.float32)
        ids = np.full((len(rotated), k), -1, np.int64)
        for start in range(0, len(rotated), QUERIES):
            rows, count = np.arange(len(rotated))[start : start + QUERIES], self._least(k)
            while len(rows):
                dense = []
                for row, shortlist in zip(
                    rows, self._shortlists(rotated[rows], count), strict=True
                ):
                    found, cosines = self._score(rotated[row], shortlist.ids)
                    best = np.lexsort((found, -cosines))[:k]
                    scores[row], ids[row] = -np.inf, -1
                    scores[row, : len(best)], ids[row, : len(best)] = cosines[best], found[best]
                    if shortlist.may_lack_the_best(found, cosines):
                        dense.append(row)
                rows, count = np.array(dense[: len(rows)], np.int64), count * WIDER
                if count > MOST * self.settings.shortlist:
                    break
        return scores, ids

    def _least(self, k: int) -> int:
        return max(self.settings.shortlist, 4 * k)

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
        index._scan.load(Path(path), index._header())
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
        return {"code": VERSION, "dim": self.codec.dim}

    def _shortlists(self, rotated: Vectors, count: int) -> "list[_Shortlist]":
        """The references with the best estimates, at most count, of each query."""
        if len(self) <= count:
            return [_Shortlist(self._scan.all_ids(), None)] * len(rotated)
        estimates, ids = self._scan.search(rotated, count)
        order = np.argsort(ids, axis=1)
        return [
            _Shortlist(each[places], line[places])
            for each, line, places in zip(ids, estimates, order, strict=True)
        ]

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
