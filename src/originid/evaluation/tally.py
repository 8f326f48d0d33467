"""Counts the strangers that beat the origin, from scores that come tile by tile.

A tile is the scores of some queries with some references.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from originid.evaluation.metrics import pessimistic_ranks
from originid.evaluation.projection import TIE, stranger_probability, tail_size
from originid.types import Floats64, Ints, Scores, Vectors


class Tally:
    """What is known of the scores of each query's strangers: as much as a ranking needs.

    It holds `tail_size` scores for each query, at most 4 kB, however many references there are.
    Three arrays of shape (q,) can be read. ``before`` is the number of strangers that score as high
    as the origin. ``best`` is the row of the best stranger, or -1 if there is none, and
    ``best_scores`` is its score, or -inf.

    Args:
        origin_scores: the score of the best correct reference of each query, float32 of shape (q,);
            -inf if there is none.
        left_out: for each query the rows of the references that are no strangers; they may repeat.
        references: the number of all references.
    """

    def __init__(self, origin_scores: Scores, left_out: Sequence[Ints], references: int) -> None:
        self.before = np.zeros(len(origin_scores), np.int64)
        self.best = np.full(len(origin_scores), -1, np.int64)
        self.best_scores = np.full(len(origin_scores), -np.inf, np.float32)
        self._origin_scores = origin_scores
        self._left_out = flat(left_out)
        self._strangers = np.zeros(len(origin_scores), np.int64)
        self._tail = tail_size(references)
        # One score more than the tail has, because the tail begins above the lowest of them.
        self._top = np.full((len(origin_scores), self._tail + 1), -np.inf, np.float32)

    def add(self, scores: Scores, query: int = 0, reference: int = 0) -> None:
        """Add a tile of scores.

        Args:
            scores: float32 of shape (b, r); the array is overwritten.
            query: the number of the first query of the tile.
            reference: the number of the first reference of the tile.

        Raises:
            ValueError: if scores are not finite.
        """
        if not np.isfinite(scores).all():
            raise ValueError("scores are not finite: the vectors hold NaN or infinity")
        rows = slice(query, query + len(scores))
        self._take_out(scores, query, reference)
        self._strangers[rows] += (scores > -np.inf).sum(axis=1)
        self.before[rows] += pessimistic_ranks(self._origin_scores[rows] - np.float32(TIE), scores)
        self.before[rows] -= 1  # a rank counts from 1, and the strangers before it from 0
        best = scores.argmax(axis=1)
        values = np.take_along_axis(scores, best[:, None], axis=1)[:, 0]
        better = values > self.best_scores[rows]  # of equal scores the first stays
        self.best[rows] = np.where(better, reference + best, self.best[rows])
        self.best_scores[rows] = np.where(better, values, self.best_scores[rows])
        if self._tail:
            top = np.concatenate([self._top[rows], _largest(scores, self._tail + 1)], axis=1)
            self._top[rows] = _largest(top, self._tail + 1)

    def stranger_probability(self) -> Floats64:
        """Return the probability that one more stranger scores as high as the origin.

        Call it after all references have been added.

        Returns:
            Probabilities, float64 of shape (q,), or NaN if there are too few references to tell.
        """
        if not self._tail:
            return np.full(len(self.before), np.nan)
        strangers = np.maximum(self._strangers, 1)  # a query without strangers must not divide by 0
        return stranger_probability(self._origin_scores, self._top, self.before, strangers)

    def _take_out(self, scores: Scores, query: int, reference: int) -> None:
        """Set the scores of references that are no strangers to -inf."""
        rows, columns = self._left_out[0] - query, self._left_out[1] - reference
        height, width = scores.shape
        here = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        scores[rows[here], columns[here]] = -np.inf


def flat(lists: Sequence[Ints]) -> tuple[Ints, Ints]:
    """Flatten lists of column numbers, one list for each row.

    Args:
        lists: for each row an int64 array of column numbers.

    Returns:
        The row and the column of each entry, both int64 of one shape (n,).
    """
    return np.repeat(np.arange(len(lists)), list(map(len, lists))), np.concatenate(lists)


def best_correct(queries: Ints, rows: Ints, scores: Scores, count: int) -> tuple[Ints, Scores]:
    """Find the best correct reference of each query.

    Args:
        queries: for each of n correct references the number of its query, int64 of shape (n,).
        rows: the rows of these references, int64 of shape (n,).
        scores: their scores, float32 of shape (n,).
        count: the number q of queries.

    Returns:
        For each query the row of the best reference and its score, both of shape (q,). They are -1
        and -inf if the query has no correct reference. Of equal scores the lowest row is taken.
    """
    origins = np.full(count, -1, np.int64)
    origin_scores = np.full(count, -np.inf, np.float32)
    order = np.lexsort((-rows, scores))  # a query keeps the last value that is written to it
    origins[queries[order]] = rows[order]
    origin_scores[queries[order]] = scores[order]
    return origins, origin_scores


def score_pairs(
    queries: Vectors, references: Iterable[Vectors], query: Ints, row: Ints
) -> tuple[Scores, int]:
    """Score n pairs of a query and a reference.

    Args:
        queries: vectors of unit length, float32 of shape (q, dim).
        references: blocks of vectors of unit length, each of shape (b, dim).
        query: for each pair the number of the query, int64 of shape (n,).
        row: for each pair the row of the reference in all blocks together, int64 of shape (n,).

    Returns:
        The scores, float32 of shape (n,), and the number of all references.

    Raises:
        ValueError: if shapes do not fit, or there is no such row.
    """
    scores = np.zeros(len(row), np.float32)
    total = 0
    for start, block in blocks_from(references, queries.shape[1]):
        here = np.flatnonzero((row >= start) & (row < start + len(block)))
        found = np.asarray(block[row[here] - start], np.float32)
        scores[here] = np.einsum("nd,nd->n", queries[query[here]], found)
        total = start + len(block)
    if len(row) and not 0 <= row.min() <= row.max() < total:
        raise ValueError(f"rows {row.min()} to {row.max()} of {total} references")
    return scores, total


def blocks_from(references: Iterable[Vectors], dim: int) -> Iterator[tuple[int, Vectors]]:
    """Yield each block together with the number of its first row.

    Args:
        references: blocks of vectors, each of shape (b, dim).
        dim: the number of components that a vector must have.

    Raises:
        ValueError: if a block has another shape.
    """
    start = 0
    for block in references:
        if block.ndim != 2 or block.shape[1] != dim:
            raise ValueError(f"references {block.shape} for queries of {dim} dims")
        yield start, block
        start += len(block)


def _largest(scores: Scores, count: int) -> Scores:
    """Return the largest scores of each row in any order, and overwrite the array.

    If a row has no more than ``count`` scores, all of them are returned.
    """
    if scores.shape[1] <= count:
        return scores
    # A partition takes linear time, and a sort would not.
    scores.partition(scores.shape[1] - count, axis=1)
    return scores[:, -count:]
