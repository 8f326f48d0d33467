"""The default index: a scan in three stages, then exact scores of the best few.

The stages are the first signs of all references, the rest of the signs of the best of these, and
then 4 bits a component, as `StagedScan` says.
"""

from pathlib import Path

import numpy as np

from originid.index.codec import Codes
from originid.index.scan_index import ScanIndex
from originid.index.shortlist import WIDER, may_be_best
from originid.index.stages import StagedScan
from originid.types import Floats32, Ids, Json

MOST = 3072  # references up to which a shortlist is made longer
# References that are looked at by their numbers. Of the ten best of 600 photos among 5,000 others,
# 99.5 % were among the first 481 by signs, and among the first 18 by numbers.
FIRST, MOST_FIRST, LEAST_FIRST = 640, 16_384, 192
FIRST_SHARE, MORE_SHARE = 4, 1200  # one in so many of a few thousand, and of a million
FIRST_TIMES = 8  # times the matches, at least


class ExactIndex(ScanIndex):
    """The index of a collection that stores whole vectors; implements `Index`."""

    _scan: StagedScan

    def _new_scan(self, folder: Path | None) -> StagedScan:
        return StagedScan(self.codec.dim, self.settings.part, folder)

    def _add(self, ids: Ids, codes: Codes) -> None:
        self._scan.add_vectors(ids, self.codec.units(codes))

    def _best(self, rotated: Floats32, k: int, least: int) -> list[Ids]:
        scan = self._scan
        usual = max(min(len(scan) // FIRST_SHARE, FIRST), len(scan) // MORE_SHARE, LEAST_FIRST)
        usual = max(usual, min(FIRST_TIMES * least, MOST_FIRST))
        lists: list[Ids] = [np.empty(0, np.int64)] * len(rotated)
        rows, count = np.arange(len(rotated)), WIDER * least
        while len(rows):
            count = min(count, len(scan))
            estimates, ids = scan.best(rotated[rows], max(usual, WIDER * count), count)
            listed = may_be_best(estimates, k, least)
            for row, line, chosen in zip(rows, ids, listed, strict=True):
                lists[row] = line[chosen & (line >= 0)]
            if count >= min(len(scan), MOST):
                break
            # There may be more where all that were found are needed.
            rows, count = rows[listed.all(axis=1)], min(WIDER * count, MOST)
        return lists

    def _header(self) -> Json:
        return super()._header() | {"numbers": 2}
