"""Who beats the origin, from scores that come in tiles: some queries by some references."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from originid.evaluation.metrics import pessimistic_ranks
from originid.evaluation.projection import TIE, stranger_probability, tail_size
from originid.types import Floats64, Ints, Scores, Vectors


class Tally:
    """What the strangers of some queries scored, as much of it as their ranking needs.

    It holds `tail_size` scores a query, 4 kB at most, however many references there are. ``before``
    counts the strangers that score as high as the origin; ``best`` and ``best_scores`` are the row
    and the score of the best one, -1 and -inf where there is none; all of shape (q,).

    Args:
        origin_scores: of the best correct reference of each query, (q,), -inf where there is none.
        left_out: the references of each query that are no strangers, as rows; may repeat.
        references: how many there will be in all.
    """

    def __init__(self, origin_scores: Scores, left_out: Sequence[Ints], references: int) -> None:
        self.before = np.zeros(len(origin_scores), np.int64)
        self.best = np.full(len(origin_scores), -1, np.int64)
        self.best_scores = np.full(len(origin_scores), -np.inf, np.float32)
        self._origin_scores = origin_scores
        self._left_out = flat(left_out)
        self._strangers = np.zeros(len(origin_scores), np.int64)
        self._tail = tail_size(references)
        self._top = np.full((len(origin_scores), self._tail + 1), -np.inf, np.float32)

    def add(self, scores: Scores, query: int = 0, reference: int = 0) -> None:
        """Add a tile of scores (b, r), overwritten, of queries and references from these rows on.

        Raises:
            ValueError: scores that are not finite.
        """
        if not np.isfinite(scores).all():
            raise ValueError("scores are not finite: the vectors hold NaN or infinity")
        rows = slice(query, query + len(scores))
        self._take_out(scores, query, reference)
        self._strangers[rows] += (scores > -np.inf).sum(axis=1)
        self.before[rows] += pessimistic_ranks(self._origin_scores[rows] - np.float32(TIE), scores)
        self.before[rows] -= 1
        best = scores.argmax(axis=1)
        values = np.take_along_axis(scores, best[:, None], axis=1)[:, 0]
        better = values > self.best_scores[rows]  # not as high: the first of equals stays
        self.best[rows] = np.where(better, reference + best, self.best[rows])
        self.best_scores[rows] = np.where(better, values, self.best_scores[rows])
        if self._tail:
            top = np.concatenate([self._top[rows], _largest(scores, self._tail + 1)], axis=1)
            self._top[rows] = _largest(top, self._tail + 1)

    def stranger_probability(self) -> Floats64:
        """The probability that one more stranger scores as high as the origin, (q,); NaN: unknown.

        All references must have been added.
        """
        if not self._tail:
            return np.full(len(self.before), np.nan)
        strangers = np.maximum(self._strangers, 1)
        return stranger_probability(self._origin_scores, self._top, self.before, strangers)

    def _take_out(self, scores: Scores, query: int, reference: int) -> None:
        rows, columns = self._left_out[0] - query, self._left_out[1] - reference
        height, width = scores.shape
        here = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        scores[rows[here], columns[here]] = -np.inf


def flat(lists: Sequence[Ints]) -> tuple[Ints, Ints]:
    """Return lists of columns, one per row, as the row and column of each entry."""
    return np.repeat(np.arange(len(lists)), list(map(len, lists))), np.concatenate(lists)


def best_correct(queries: Ints, rows: Ints, scores: Scores, count: int) -> tuple[Ints, Scores]:
    """The best correct reference of each query and its score: -1 and -inf where there is none.

    Args:
        queries: number of the query of each correct reference, (n,).
        rows: of these references, (n,); the lowest of equal scores is taken.
        scores: of them, (n,).
        count: number of queries.
    """
    origins = np.full(count, -1, np.int64)
    origin_scores = np.full(count, -np.inf, np.float32)
    order = np.lexsort((-rows, scores))  # the last that is written to a query stays
    origins[queries[order]] = rows[order]
    origin_scores[queries[order]] = scores[order]
    return origins, origin_scores


def score_pairs(
    queries: Vectors, references: Iterable[Vectors], query: Ints, row: Ints
) -> tuple[Scores, int]:
    """Scores (n,) of single queries with single references that come in blocks, and their number.

    Raises:
        ValueError: shapes that do not fit, or a row that is not there.
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
    """Each block (b, dim) with the row that it starts at.

    Raises:
        ValueError: a block of another shape.
    """
    start = 0
    for block in references:
        if block.ndim != 2 or block.shape[1] != dim:
            raise ValueError(f"references {block.shape} for queries of {dim} dims")
        yield start, block
        start += len(block)


def _largest(scores: Scores, count: int) -> Scores:
    """The largest of each row in any order, all where there are not so many; overwrites scores."""
    if scores.shape[1] <= count:
        return scores
    scores.partition(scores.shape[1] - count, axis=1)
    return scores[:, -count:]
