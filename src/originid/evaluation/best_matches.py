"""The best match of each query, and the false-match rate that a collection would state for it.

Here the references of an evaluation stand for a collection. They calibrate themselves as a
collection does: by a sample of references that are compared with all the others. Two rules of the
finder are left out, because they need the images and an evaluation has only latents: framed
queries are judged by their whole vector, and pictures with little information like any other.
`benchmarks/false_matches.py` asks real collections, where all rules hold.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from originid.evaluation.protocol import BLOCK, Truth
from originid.evaluation.tally import flat
from originid.types import Floats64, Mask, Rows, Scores, Vectors
from originid.verdict.cohort import COPY, MEMBERS, chosen, empty_cohort
from originid.verdict.collection_calibration import CollectionCalibration, calibrate
from originid.verdict.pareto_tail import Tail

READ = 128  # of a query's best scores: three times as many as are needed, so 86 may be of copies


@dataclass(frozen=True)
class BestMatches:
    """The best match of each of n queries. Every array has the shape (n,).

    Args:
        rates: the false-match rate that is stated for the match, in [0, 1]; 1 without a reference.
        scores: its cosine, or -inf if there was no reference.
        right: whether it is a correct reference.
    """

    rates: Floats64
    scores: Scores
    right: Mask


def join_matches(parts: Sequence[BestMatches]) -> BestMatches:
    """Put the best matches of several sets of queries together, in order.

    Args:
        parts: the best matches of each set, at least one.
    """
    columns = ([getattr(part, field.name) for part in parts] for field in fields(BestMatches))
    return BestMatches(*map(np.concatenate, columns))


def calibrate_references(model: Tail, references: Vectors) -> CollectionCalibration:
    """Calibrate references by themselves, as a collection of them would.

    Args:
        model: the tail of strangers' scores that comes with the model; it is weighed in only where
            there are few references.
        references: vectors of unit length, float32 of shape (r, dim).
    """
    rows = np.arange(len(references))
    cohort = empty_cohort(chosen(rows))
    members = references[cohort.members]
    size = BLOCK // MEMBERS
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        cohort = cohort.added(part, members @ references[part].T)
    return calibrate(model, cohort.scores, len(references))


def best_matches(
    queries: Vectors, references: Vectors, calibration: CollectionCalibration, truth: Truth
) -> BestMatches:
    """Find the best match of each query, and the rate that is stated for it.

    References that are copies of the best match are the same answer, and not strangers that come
    close to it. So they are taken out before the rate is read from the scores. The memory holds
    `BLOCK` scores at a time.

    Args:
        queries: vectors of unit length, float32 of shape (q, dim).
        references: vectors of unit length, float32 of shape (r, dim).
        calibration: the calibration of the references.
        truth: which references are correct for each query, and which are ignored.
    """
    rates, right = np.ones(len(queries)), np.zeros(len(queries), np.bool_)
    best_scores = np.full(len(queries), -np.inf, np.float32)
    size = max(1, BLOCK // max(len(references), 1))
    for start in range(0, len(queries), size):
        scores = queries[start : start + size] @ references.T
        scores[flat(truth.ignored[start : start + size])] = -np.inf
        for query, row in enumerate(scores, start):
            order = _best_first(row)
            order = order[row[order] > -np.inf]
            if not len(order):
                continue
            likeness = references[order] @ references[order[0]]
            likeness[0] = -1  # the best match is no copy of itself
            listed = row[order[likeness <= COPY]]
            rates[query] = calibration.false_match_rates(listed)[0]
            best_scores[query] = listed[0]
            right[query] = order[0] in truth.correct[query]
    return BestMatches(rates, best_scores, right)


def without_origins(truth: Truth) -> Truth:
    """Return the truth of the same queries when the references of their group are left out.

    Args:
        truth: the truth of the queries among all references.
    """
    nothing = np.zeros(0, np.int64)
    left_out = (np.concatenate(rows) for rows in zip(truth.correct, truth.ignored, strict=True))
    return Truth((nothing,) * len(truth.correct), tuple(left_out))


def no_truth(queries: int) -> Truth:
    """Return the truth of queries that have no origin, and for which no reference is ignored.

    Args:
        queries: their number.
    """
    nothing = (np.zeros(0, np.int64),) * queries
    return Truth(nothing, nothing)


def _best_first(scores: Scores) -> Rows:
    """Return the rows of the `READ` highest scores (r,), the highest first."""
    rows = np.arange(len(scores))
    highest = np.argpartition(scores, -READ)[-READ:] if len(scores) > READ else rows
    return highest[np.lexsort((highest, -scores[highest]))]
