"""A scan in two stages: the signs of all references, and then numbers in 4 bits of the best.

The first compares a query's floats with signs: the estimate ``sum_i q_i sign(x_i)`` orders
references as the cosine does, up to an error of 0.76 / sqrt(dim). Comparing bits with bits is no
faster and errs 1.6 times as much. A thousand or more of the best are looked at again by their
numbers, which err by a sixth of that.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from originid.index.cache import Tail
from originid.index.growing import LARGE, GrowingRows, Rows
from originid.index.numbers import fit, row_size, rows_of
from originid.index.scan import Part, ScannedQueries, number_scan, scanned_queries
from originid.index.shortlist import WIDER, may_lack_the_best
from originid.index.signs import PART, TOGETHER, SignScan
from originid.types import Floats32, Ids, Json, Mask, Scores, Vectors

UNEVEN = 1.25  # times its share of the first stage is what a part looks at: the best may lie in one
MOST_WIDER = 16  # times as many are looked at, at most, where these may lack the best
MAPPED = LARGE  # bytes of files: with more, what was read of them is given back at once


class FinerPart(Part):
    """A part that has numbers besides signs.

    Args:
        bits: of each reference, the signs of its components.
        folder: as of `GrowingRows`.
    """

    def __init__(self, bits: int, folder: Path | None) -> None:
        super().__init__(bits)
        self.numbers = GrowingRows(row_size(bits), folder)
        self._signs_size = -(-bits // 8)

    def append(self, ids: Ids, packed: NDArray[np.uint8]) -> None:
        """Add references: ids (n,), and for each its bits and behind them its row."""
        super().append(ids, packed[:, : self._signs_size])
        self.numbers.append(packed[:, self._signs_size :])

    def leave_only(self, which: Mask) -> None:
        """Take out all rows but those that which (n,) says, as `Part.leave_only`."""
        super().leave_only(which)
        self.numbers = self.numbers.only(which)

    def best(
        self, scanned: ScannedQueries, queries: Floats32, first: int, count: int
    ) -> tuple[Scores, Ids]:
        """The best by their numbers, of the best by their signs.

        Args:
            scanned: queries as `scanned_queries` returns them.
            queries: rotated, (q, bits).
            first: how many are looked at by their numbers; more where these may lack the best.
            count: how many of these are returned.

        Returns:
            Estimates and ids, (q, count), in no order; -inf and -1 where there are fewer.
        """
        found = np.full((len(queries), count), -np.inf, np.float32)
        ids = np.full((len(queries), count), -1, np.int64)
        for row, (signs, places) in enumerate(zip(*self.nearest_rows(scanned, first), strict=True)):
            values, keys, doubtful = self._compared(signs, places, queries[row], count)
            wider = first
            while doubtful and wider < min(MOST_WIDER * first, len(self)):
                wider *= WIDER
                (signs,), (places,) = self.nearest_rows(scanned[row : row + 1], wider)
                values, keys, doubtful = self._compared(signs, places, queries[row], count)
            found[row, : len(values)], ids[row, : len(keys)] = values, keys
        return found, ids

    def _compared(
        self, signs: Scores, places: Ids, query: Floats32, count: int
    ) -> tuple[Scores, Ids, bool]:
        """The best by their numbers of some rows.

        Args:
            signs: estimates by signs, (m,).
            places: the rows, (m,); -1 where there is none.
            query: rotated, (bits,).
            count: how many are returned at most.

        Returns:
            Estimates and ids, (n,), and whether other rows may be better than all of these.
        """
        keys, compared = self.ids[places], number_scan(row_size(self.bits))
        known = (places >= 0) & (keys >= 0)
        if not known.all():
            signs, places, keys = signs[known], places[known], keys[known]
        rows = compared.room(len(keys))
        np.take(self.numbers.rows, places, axis=0, out=rows, mode="clip")
        values, best = compared.search(query, len(keys))
        doubtful = may_lack_the_best(signs[best], values)
        damaged = np.flatnonzero(~fit(rows, keys))
        if len(damaged):
            sound = ~np.isin(best, damaged)
            best = np.concatenate([damaged, best[sound]])
            values = np.concatenate([np.full(len(damaged), np.inf, np.float32), values[sound]])
        return values[:count], keys[best[:count]], doubtful


class StagedScan(SignScan):
    """Signs and numbers of references, by their ids.

    Args:
        dim: components of a vector.
        part: rows that one thread scans.
        folder: where files without a name may lie, as of `GrowingRows`.
    """

    def __init__(self, dim: int, part: int = PART, folder: Path | None = None) -> None:
        super().__init__(dim, part)
        self._folder = folder

    def add_vectors(self, ids: Ids, units: Vectors) -> None:
        """Add references, as `add`, by what `Codec.units` gives of them, (n, dim)."""
        signs = np.packbits(units > 0, axis=1, bitorder="little")
        self.add(ids, np.hstack([signs, rows_of(units, ids)]))

    def best(self, queries: Floats32, first: int, count: int) -> tuple[Scores, Ids]:
        """The references with the best estimates of each query, in no order.

        Args:
            queries: as `Codec.rotate` gives them, (q, dim).
            first: how many of each are looked at by their numbers.
            count: how many of these are returned, at most as many as there are.

        Returns:
            Estimates and ids, both of shape (q, count).
        """
        scanned = scanned_queries(queries, self.bits)
        blocks = [slice(at, at + TOGETHER) for at in range(0, len(queries), TOGETHER)]
        with self._lock:
            parts = self._finer()
            is_large = sum(part.numbers.rows.nbytes for part in parts) > MAPPED
            share = first if len(parts) == 1 else int(UNEVEN * first / len(parts)) + count // 2

            def look(job: tuple[slice, FinerPart]) -> tuple[Scores, Ids]:
                """Search a part for some queries."""
                rows, part = job
                result = part.best(scanned[rows], queries[rows], share, count)
                if is_large:
                    part.numbers.give_back()
                return result

            found = self.each(look, list(product(blocks, parts)))
        lines = [found[at : at + len(parts)] for at in range(0, len(found), len(parts))]
        values = np.vstack([np.hstack([v for v, _ in line]) for line in lines])
        ids = np.vstack([np.hstack([i for _, i in line]) for line in lines])
        if len(parts) == 1:
            return values, ids
        best = np.argpartition(-values, count - 1, axis=1)[:, :count]
        return np.take_along_axis(values, best, axis=1), np.take_along_axis(ids, best, axis=1)

    def _new_part(self) -> FinerPart:
        return FinerPart(self.bits, self._folder)

    def _finer(self) -> list[FinerPart]:
        return [part for part in self._parts if isinstance(part, FinerPart)]

    def _described(self, header: Json) -> Json:
        return {**super()._described(header), "stages": 2}

    def _tail(self) -> Sequence[GrowingRows]:
        return [part.numbers for part in self._finer()]

    def _take(self, found: Json, parts: list[Part], tail: Tail) -> None:
        size = row_size(self.bits)
        expected = size * sum(len(part.ids) for part in parts)
        if len(tail) != expected:
            raise ValueError(f"its numbers have {len(tail)} bytes, expected {expected}")
        super()._take(found, parts, tail)
        rows, start = tail.reshape(-1, size), 0
        for part in self._finer():
            some = rows[start : start + len(part.ids)]
            part.numbers = GrowingRows.of(some, self._folder)
            start += len(part.ids)

    def equals(self, other: SignScan) -> bool:
        """Whether both have the same ids with the same numbers, in whatever order."""
        if not isinstance(other, StagedScan) or not super().equals(other):
            return False
        pairs = zip(self._in_order(), other._in_order(), strict=True)
        return all(np.array_equal(mine, theirs) for mine, theirs in pairs)

    def _in_order(self) -> Iterator[Rows]:
        """The rows of all references in the order of their ids, some at a time."""
        parts = self._finer()
        ids = np.concatenate([np.empty(0, np.int64), *(part.ids for part in parts)])
        order = np.argsort(ids, kind="stable")[np.count_nonzero(ids < 0) :]
        starts = np.cumsum([0, *(len(part.ids) for part in parts)])
        for at in range(0, len(order), PART):
            places = order[at : at + PART]
            rows = np.empty((len(places), row_size(self.bits)), np.uint8)
            for part, start in zip(parts, starts, strict=False):
                here = (places >= start) & (places < start + len(part.ids))
                rows[here] = part.numbers.rows[places[here] - start]
            yield rows
