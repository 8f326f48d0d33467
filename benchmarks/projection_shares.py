"""Shares of queries by the number of references, with intervals: what projection.py writes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from originid.evaluation.metrics import bootstrap_interval, macro_average
from originid.evaluation.projection import projected_acc, tail_size
from originid.evaluation.protocol import Truth
from originid.types import Floats64, Json, Mask, Vectors
from originid.verdict.lead import LISTED, leads
from originid.verdict.pareto_tail import fit_pareto


def share(references: int, values: ArrayLike, groups: Sequence[str]) -> Json:
    """Return a point of a curve: the macro average of values in [0, 1] and its 95 % interval.

    Args:
        references: the size that the values are for.
        values: a value for each query, (q,).
        groups: the group of each query.
    """
    low, high = bootstrap_interval(values, groups)
    ends = (macro_average(values, groups), low, high)
    value, low, high = (round(100 * each, 3) for each in ends)
    return {"references": references, "value": value, "low": low, "high": high}


def known_share(references: int, estimate: tuple[float, float, float]) -> Json:
    """Return a point of a curve from a share and its interval, as `evaluation.trust` has them."""
    value, low, high = (round(100 * each, 3) for each in estimate)
    return {"references": references, "value": value, "low": low, "high": high}


def still_first(first: Mask, p: Floats64, counted: int, references: int) -> Floats64:
    """Return for each query the probability that its origin comes first among other references.

    A query that came first among those that were counted also does among fewer, and among more as
    long as none of the others beats it. One that did not come first does so among fewer, if those
    that beat it are left out, and never among more.

    Args:
        first: whether the origin came first among the counted references, (q,).
        p: the probability that one more stranger scores as high as the origin, (q,).
        counted: the number of references.
        references: the number of the other references.
    """
    if references <= counted:
        return np.where(first, 1.0, projected_acc(p, references))
    return np.where(first, projected_acc(p, references - counted), 0.0)


def accuracy(
    first: Mask, p: Floats64, groups: Sequence[str], counted: int, sizes: Sequence[int]
) -> list[Json]:
    """Return the share of queries whose origin comes first, by the number of references.

    Args:
        first: whether the origin came first among the counted references, (q,).
        p: the probability that one more stranger scores as high as the origin, (q,).
        groups: the group of each query.
        counted: the number of references.
        sizes: the numbers of references; the counted one is added.
    """
    at = sorted({*sizes, counted})
    # What was counted comes as 1 or 0: `still_first` would give a query that was beaten by one of
    # so many a share of it.
    return [
        share(n, first * 1.0 if n == counted else still_first(first, p, counted, n), groups)
        for n in at
    ]


def highest_strangers(scores: Floats64, references: int) -> Floats64:
    """Return the scores that the best strangers of a query should reach among many references.

    Args:
        scores: the scores of its strangers, (n,).
        references: how many strangers there are to be, more than n.

    Returns:
        The `LISTED` - 1 highest, descending: quantiles of the tail of the scores.
    """
    size = tail_size(len(scores))
    top = np.sort(scores)[-size - 1 :]
    (shape,), (scale,) = fit_pareto((top[None, 1:] - top[0]).clip(0))
    rarer = (np.arange(1, LISTED) - 0.5) / references * len(scores) / size
    inside = np.minimum(rarer, 1.0)  # the tail reaches no lower than its threshold
    if abs(shape) < 1e-9:
        return np.asarray(top[0] - scale * np.log(inside))
    return np.asarray(top[0] + scale / shape * (inside**-shape - 1))


def right_verdicts(
    queries: Vectors, references: Vectors, truth: Truth, p: Floats64, needed: float, size: int
) -> Floats64:
    """Return for each query the probability that it gets the verdict origin for its origin.

    The origin must come first, and lead by enough (see `verdict.lead`) over what the best strangers
    should reach at the size. The lead that is needed is that of the present references: strangers'
    leads have nearly the same distribution in every collection.

    Args:
        queries: vectors of unit length, (q, dim).
        references: those that were counted, (r, dim).
        truth: which references are correct for each query, and which are ignored.
        p: the probability that one more stranger scores as high as the origin, (q,).
        needed: the lead from which the verdict is origin.
        size: the number of references that is projected to, more than r.
    """
    chances = np.zeros(len(queries))
    for query, vector in enumerate(queries):
        scores = (references @ vector).astype(np.float64)
        right = truth.correct[query]
        best = scores[right].max() if len(right) else -np.inf
        strangers = np.delete(scores, np.concatenate([right, truth.ignored[query]]))
        if best <= strangers.max():
            continue
        listed = np.concatenate([[best], highest_strangers(strangers, size)])
        if leads(listed[None], size)[0] >= needed:
            chances[query] = still_first(np.array([True]), p[[query]], len(references), size)[0]
    return chances
