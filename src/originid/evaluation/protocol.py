"""How a model is judged: which references are right, and how the references are ranked.

The references are the origins of the manifest, and other photos as distractors. A reference of
the query's group is correct. What is learned from pairs is judged by cross-validation: the
queries of a fold are ranked with a model that saw nothing linked to that fold (see `folds`).
"""

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from originid.errors import InputError
from originid.evaluation.folds import SOURCE
from originid.evaluation.tally import Tally, best_correct, blocks_from, flat, score_pairs
from originid.types import Floats64, Ints, Pair, Scores, Vectors

BLOCK = 2**24  # scores computed at a time: 64 MB, and 64 MB more while the best ones are sorted out


@dataclass(frozen=True)
class Protocol:
    """The settings of an evaluation.

    Args:
        folds: the number of folds of the cross-validation, at least 2.
        fold_by: the manifest column of which no value may be in two folds.
        by: the manifest columns to break the results down by, in addition to ``kind``.
        population: the number of references to project to, at least 1.
        bootstrap: the number of resamples for the 95 % intervals, at least 1.
        seed: the seed of the resampling, at least 0.

    Raises:
        InputError: if a number is too small.

    Example:
        >>> import originid
        >>> originid.Protocol(folds=2, population=1_000).folds
        2
    """

    folds: int = 4
    fold_by: str = SOURCE
    by: tuple[str, ...] = ()
    population: int = 1_000_000
    bootstrap: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        least = {"folds": 2, "population": 1, "bootstrap": 1, "seed": 0}
        for name, minimum in least.items():
            if getattr(self, name) < minimum:
                raise InputError(
                    f"{name} = {getattr(self, name)}",
                    f"expected at least {minimum}",
                    f"choose a larger {name}",
                )


@dataclass(frozen=True)
class Truth:
    """What each query should find, as rows of the references.

    Args:
        correct: for each query the rows of the references of its group.
        ignored: for each query the rows that are neither right nor wrong. They are the query's own
            file and the other queries of its group, if these files are references too.
    """

    correct: tuple[Ints, ...]
    ignored: tuple[Ints, ...]

    def take(self, rows: Iterable[int]) -> "Truth":
        """Return the truth of some queries.

        Args:
            rows: the numbers of the queries, in the order of the result.
        """
        rows = list(rows)
        return Truth(
            tuple(self.correct[row] for row in rows), tuple(self.ignored[row] for row in rows)
        )


@dataclass(frozen=True)
class Ranking:
    """What each query found. Every array has the shape (q,).

    Args:
        ranks: the rank of the best correct reference, from 1; ties count against us.
        origins: the row of the best correct reference, or -1 if there is none.
        origin_scores: its score, or -inf if there is none.
        strangers: the row of the best wrong reference, or -1 if there is none.
        stranger_scores: its score, or -inf if there is none.
        p: the probability that one more stranger scores as high as the best correct reference, or
            NaN if there are too few references to tell.
    """

    ranks: Ints
    origins: Ints
    origin_scores: Scores
    strangers: Ints
    stranger_scores: Scores
    p: Floats64

    def take(self, rows: Ints) -> "Ranking":
        """Return the ranking of some queries.

        Args:
            rows: the numbers of the queries, int64, in the order of the result.
        """
        return Ranking(*(getattr(self, field.name)[rows] for field in fields(self)))


def list_references(pairs: Iterable[Pair], photos: Iterable[Path]) -> list[Path]:
    """Return the files of all references, each once: first the origins, then the photos.

    Args:
        pairs: the pairs, whose origins are absolute paths.
        photos: the paths of photos; each becomes an absolute path with all links resolved.
    """
    origins = [pair.origin for pair in pairs]
    return list(dict.fromkeys([*origins, *(Path(os.path.realpath(photo)) for photo in photos)]))


def find_truth(pairs: Sequence[Pair], references: Sequence[Path]) -> Truth:
    """Tell which references are right for each query, and which do not count.

    The file of a query may be a reference too, for example because another pair has it as its
    origin. To find it would be no achievement, so it is ignored for all queries of its group. But
    if it is also an origin of that group, it is right for the other queries of the group. A query
    never counts for itself.

    Args:
        pairs: the pairs whose queries are judged.
        references: the files of all references.
    """
    row_of = {path: row for row, path in enumerate(references)}
    origins: dict[str, set[int]] = defaultdict(set)
    queries: dict[str, set[int]] = defaultdict(set)
    for pair in pairs:
        for rows, path in ((origins, pair.origin), (queries, pair.query)):
            if path in row_of:
                rows[pair.group].add(row_of[path])
    correct = [origins[pair.group] - {row_of.get(pair.query, -1)} for pair in pairs]
    ignored = [queries[pair.group] - right for pair, right in zip(pairs, correct, strict=True)]
    return Truth(tuple(map(_rows, correct)), tuple(map(_rows, ignored)))


def rank(queries: Vectors, references: Vectors, truth: Truth) -> Ranking:
    """Rank the references for each query.

    The memory grows with q + r and not with q times r.

    Args:
        queries: vectors of unit length, float32 of shape (q, dim), with q >= 1.
        references: vectors of unit length, float32 of shape (r, dim), with r >= 1.
        truth: the truth of the q queries, in rows of the r references.

    Raises:
        ValueError: if shapes do not fit, or values are not finite.
    """
    return rank_streaming(queries, (references,), truth)


def rank_streaming(queries: Vectors, references: Iterable[Vectors], truth: Truth) -> Ranking:
    """Rank references that come in blocks, with the same result as `rank`.

    The memory holds the queries, one block, `BLOCK` scores, and 4 kB for each query.

    Args:
        queries: vectors of unit length, float32 of shape (q, dim), with q >= 1.
        references: blocks of vectors of unit length, each of shape (b, dim), such as slices of a
            memory-mapped file. They are read twice, because a rank can be counted only once the
            score of the origin is known. So pass an object that can be iterated over again, such
            as a list, and not a generator.
        truth: the truth of the q queries, in rows of all blocks together.

    Raises:
        ValueError: if shapes do not fit, if the blocks have another number of rows the second
            time, or if values are not finite.
    """
    queries = np.asarray(queries, np.float32)
    if len(queries) != len(truth.correct):
        raise ValueError(f"queries {queries.shape} and the truth of {len(truth.correct)} queries")
    correct = flat(truth.correct)
    scores, total = score_pairs(queries, references, *correct)
    origins, origin_scores = best_correct(*correct, scores, len(queries))
    tally = Tally(origin_scores, _left_out(truth), total)
    again = 0
    for start, block in blocks_from(references, queries.shape[1]):
        block, again = np.asarray(block, np.float32), start + len(block)
        size = max(1, BLOCK // max(len(block), 1))  # queries in a tile
        for row in range(0, len(queries) if len(block) else 0, size):
            tally.add(queries[row : row + size] @ block.T, row, start)
    if again != total:  # a generator is empty the second time
        raise ValueError(f"{total} references, and {again} when they were asked for again")
    return _ranking(origins, origin_scores, tally)


def rank_scores(blocks: Iterable[Scores], truth: Truth) -> Ranking:
    """Rank the references by given scores, for matchers that score pairs and have no vectors.

    Args:
        blocks: scores of some queries with all r references, each float32 of shape (b, r). A bigger
            score is better, and scores that differ by less than 1e-6 are ties. Together the blocks
            are the scores of all queries, in their order.
        truth: the truth of all queries.

    Raises:
        ValueError: if there are more or fewer queries than the truth has, or scores are not finite.
    """
    rankings, start, count = [], 0, len(truth.correct)
    for block in blocks:
        of_block = truth.take(range(count)[start : start + len(block)])
        start += len(block)
        if len(block) == 0 or start > count:
            continue
        scores = np.array(block, np.float32)  # a copy, because the tally overwrites it
        queries, rows = flat(of_block.correct)
        origins, origin_scores = best_correct(queries, rows, scores[queries, rows], len(scores))
        tally = Tally(origin_scores, _left_out(of_block), scores.shape[1])
        tally.add(scores)
        rankings.append(_ranking(origins, origin_scores, tally))
    if start != count:
        raise ValueError(f"scores of {start} queries and the truth of {count} queries")
    return _join(rankings)


def join_folds(rankings: Sequence[Ranking], folds: Ints) -> Ranking:
    """Put the rankings of all folds together.

    Args:
        rankings: the ranking of the queries of fold 0, fold 1 and so on, each in the order of the
            pairs.
        folds: the fold of each pair, int64 of shape (q,).

    Returns:
        The ranking of all queries, in the order of the pairs.
    """
    # The first sort lists the pairs fold by fold, as the rankings have them. The second inverts it.
    return _join(rankings).take(np.argsort(np.argsort(folds, kind="stable")))


def _left_out(truth: Truth) -> list[Ints]:
    return [np.concatenate(rows) for rows in zip(truth.correct, truth.ignored, strict=True)]


def _ranking(origins: Ints, origin_scores: Scores, tally: Tally) -> Ranking:
    return Ranking(
        tally.before + 1,
        origins,
        origin_scores,
        tally.best,
        tally.best_scores,
        tally.stranger_probability(),
    )


def _rows(members: set[int]) -> Ints:
    return np.array(sorted(members), np.int64)


def _join(rankings: Sequence[Ranking]) -> Ranking:
    columns = zip(
        *([getattr(each, f.name) for f in fields(each)] for each in rankings), strict=True
    )
    return Ranking(*map(np.concatenate, columns))
