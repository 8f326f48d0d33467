"""How a model is judged: which references are right, which fold a pair is in, who beats whom.

The references are the origins of the manifest and other photos, as distractors. A reference of
the query's group is correct. What is learned from pairs is judged by cross-validation: the
queries of a fold are ranked with a model that saw nothing linked to that fold.
"""

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from originid.errors import InputError
from originid.evaluation.tally import Tally, best_correct, blocks_from, flat, score_pairs
from originid.types import Floats64, Ints, Pair, Scores, Vectors

SOURCE = "source"
"""The column that tells which pairs came from one place; optional."""
BLOCK = 2**24  # scores held at once: 64 MB, and as much again while the tail is cut off


@dataclass(frozen=True)
class Protocol:
    """The settings of an evaluation.

    Args:
        folds: number of folds of the cross-validation.
        fold_by: the manifest column of which no value is in two folds.
        by: manifest columns to break the results down by, beside ``kind``.
        population: number of references to project to.
        bootstrap: resamples behind the 95 % intervals.
        seed: of the resampling.
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

    ``correct[i]`` are the references of query i's group. ``ignored[i]`` are neither right nor
    wrong: the query's own file and other queries of its group, where they are references too.
    """

    correct: tuple[Ints, ...]
    ignored: tuple[Ints, ...]

    def take(self, rows: Iterable[int]) -> "Truth":
        """Return the truth of these queries, in this order."""
        rows = list(rows)
        return Truth(
            tuple(self.correct[row] for row in rows), tuple(self.ignored[row] for row in rows)
        )


@dataclass(frozen=True)
class Ranking:
    """What each query found; every array has shape (q,).

    ``ranks`` start at 1, ties against us. ``origins`` and ``strangers`` are the rows of the best
    correct and the best wrong reference, -1 where there is none, with their scores (-inf where
    there is none). ``p`` is the probability that one more stranger scores as high as the best
    correct reference, NaN where the references are too few to tell.
    """

    ranks: Ints
    origins: Ints
    origin_scores: Scores
    strangers: Ints
    stranger_scores: Scores
    p: Floats64

    def take(self, rows: Ints) -> "Ranking":
        """Return the ranking of these queries, in this order."""
        return Ranking(*(getattr(self, field.name)[rows] for field in fields(self)))


def assign_folds(pairs: Sequence[Pair], fold_by: str = SOURCE, folds: int = 4) -> Ints:
    """Return the fold of each pair, shape (q,), from 0.

    Pairs that share a value of the column, a group or a file are in one fold, so that sources
    which edited the same origin stay together. A manifest without a column ``source`` is divided
    by groups and files alone. The largest such part goes first, each into the fold with the fewest
    groups so far.

    Raises:
        InputError: an unknown column, or fewer separate parts than folds.
    """
    whole = fold_by == SOURCE and pairs and SOURCE not in pairs[0].fields
    values = [pair.group for pair in pairs] if whole else column(pairs, fold_by)
    part_of = _linked(
        [
            ((fold_by, value), ("group", pair.group), pair.origin, pair.query)
            for value, pair in zip(values, pairs, strict=True)
        ]
    )
    members: dict[int, list[int]] = defaultdict(list)
    for row, part in enumerate(part_of):
        members[part].append(row)
    if len(members) < folds:
        raise InputError(
            f"the pairs fall into {len(members)} parts that share no {fold_by}, group or file",
            f"expected at least {folds} parts, one for each fold",
            "give pairs of more sources, or judge a model that was fitted to others",
        )
    groups = {part: len({pairs[row].group for row in rows}) for part, rows in members.items()}
    fold_of = np.empty(len(pairs), np.int64)
    loads = [(0, 0, fold) for fold in range(folds)]  # groups, pairs, fold
    for part in sorted(members, key=lambda part: (-groups[part], -len(members[part]), part)):
        group_count, pair_count, fold = min(loads)
        fold_of[members[part]] = fold
        loads[fold] = (group_count + groups[part], pair_count + len(members[part]), fold)
    return fold_of


def column(pairs: Sequence[Pair], name: str) -> list[str]:
    """Return a manifest column of all pairs.

    Raises:
        InputError: no such column.
    """
    known = pairs[0].fields if pairs else {}
    if name not in known:
        raise InputError(
            f"the manifest has no column {name!r}",
            f"expected one of its columns: {', '.join(known)}",
            "choose one of these columns, or add the column to the manifest",
        )
    return [pair.fields[name] for pair in pairs]


def list_references(pairs: Iterable[Pair], photos: Iterable[Path]) -> list[Path]:
    """Return the origins, then the photos: each file once, as an absolute path, links followed."""
    origins = [pair.origin for pair in pairs]
    return list(dict.fromkeys([*origins, *(Path(os.path.realpath(photo)) for photo in photos)]))


def find_truth(pairs: Sequence[Pair], references: Sequence[Path]) -> Truth:
    """Tell which references are right for each query, and which do not count.

    A query may lie among the references, by itself or because another pair has it as its
    origin. To find it would be no achievement, so it is ignored for its whole group, save
    where it is an origin of that group; it never counts for itself.
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
    """Rank the references for each query, in memory that does not grow with their product.

    Args:
        queries: of shape (q, dim), unit length, q >= 1.
        references: of shape (r, dim), unit length, r >= 1.
        truth: of the q queries, in rows of the r references.

    Raises:
        ValueError: shapes that do not fit, or values that are not finite.
    """
    return rank_streaming(queries, (references,), truth)


def rank_streaming(queries: Vectors, references: Iterable[Vectors], truth: Truth) -> Ranking:
    """Rank references that come in blocks, as `rank` does those of one array.

    Memory is that of the queries, one block, `BLOCK` scores, and 4 kB a query.

    Args:
        queries: of shape (q, dim), unit length, q >= 1.
        references: blocks of shape (b, dim), unit length; slices of a memory-mapped file, or what
            encodes them anew. They are gone through twice, for a rank is not known before the
            origin's score is: a generator, which can be only once, will not do.
        truth: of the q queries, in rows of all blocks put together.

    Raises:
        ValueError: shapes that do not fit, blocks that are not the same the second time, or values
            that are not finite.
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
        size = max(1, BLOCK // max(len(block), 1))
        for row in range(0, len(queries) if len(block) else 0, size):
            tally.add(queries[row : row + size] @ block.T, row, start)
    if again != total:
        raise ValueError(f"{total} references, and {again} when they were asked for again")
    return _ranking(origins, origin_scores, tally)


def rank_scores(blocks: Iterable[Scores], truth: Truth) -> Ranking:
    """Rank the references for matchers that score pairs and have no vectors.

    Args:
        blocks: scores (b, r) of some queries with all r references, bigger is better, ties if
            nearer than 1e-6; put together they are those of all queries, in order.
        truth: of these queries.

    Raises:
        ValueError: more or fewer queries than the truth has, or scores that are not finite.
    """
    rankings, start, count = [], 0, len(truth.correct)
    for block in blocks:
        part = truth.take(range(count)[start : start + len(block)])
        start += len(block)
        if len(block) == 0 or start > count:
            continue
        scores = np.array(block, np.float32)  # a copy: it is overwritten
        queries, rows = flat(part.correct)
        origins, origin_scores = best_correct(queries, rows, scores[queries, rows], len(scores))
        tally = Tally(origin_scores, _left_out(part), scores.shape[1])
        tally.add(scores)
        rankings.append(_ranking(origins, origin_scores, tally))
    if start != count:
        raise ValueError(f"scores of {start} queries and the truth of {count} queries")
    return _join(rankings)


def join_folds(rankings: Sequence[Ranking], folds: Ints) -> Ranking:
    """Put the rankings of fold 0, 1, ... together, in the order of the pairs.

    Args:
        rankings: of the queries of each fold, in the order of the pairs.
        folds: the fold of each pair, shape (q,).
    """
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
        *([getattr(part, f.name) for f in fields(part)] for part in rankings), strict=True
    )
    return Ranking(*map(np.concatenate, columns))


def _linked(keys: Sequence[tuple[object, ...]]) -> list[int]:
    """Number the rows so that rows which share a key, directly or through others, are equal."""
    parent = list(range(len(keys)))

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = row = parent[parent[row]]
        return row

    first: dict[object, int] = {}
    for row, shared in enumerate(keys):
        for key in shared:
            low, high = sorted((root(row), root(first.setdefault(key, row))))
            parent[high] = low
    return [root(row) for row in range(len(keys))]
