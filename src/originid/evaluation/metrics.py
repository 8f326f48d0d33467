"""Measures of a ranking, their averages over origins, and how sure the averages are.

All are pure functions. Ties count against us: a wrong reference that scores as high as the
correct one stands before it.
"""

import numpy as np
from numpy.typing import ArrayLike

from originid.types import Floats64, Ints


def pessimistic_ranks(best: ArrayLike, wrong: ArrayLike) -> Ints:
    """Return the rank of the best correct reference of each query, from 1, ties against us.

    Args:
        best: the best score among the correct references, shape (q,), bigger is better; -inf
            where there is none, which ranks behind all.
        wrong: the scores of the wrong references, shape (q, n); -inf takes a reference out.
    """
    least = np.maximum(best, np.finfo(np.float32).min)
    before: Ints = np.sum(np.asarray(wrong) >= least[:, None], axis=1, dtype=np.int64)
    return 1 + before


def reciprocal_ranks(ranks: ArrayLike) -> Floats64:
    """Return 1 / rank, shape (q,); its mean is the paper's mAP, as a query has one origin."""
    return np.asarray(1.0 / np.asarray(ranks, np.float64))


def hits(ranks: ArrayLike, k: int) -> Floats64:
    """Return 1.0 where the rank is k or better, else 0.0; Acc is the mean for k = 1."""
    return (np.asarray(ranks) <= k).astype(np.float64)


def micro_average_precision(scores: ArrayLike, correct: ArrayLike, positives: int) -> float:
    """Return the average precision of the predictions of all queries in one list (uAP).

    It is the measure of the Image Similarity Challenge: the sum over the correct predictions, from
    the highest score down, of the share of correct ones so far, divided by the number of true
    pairs. A score must mean the same for every query. Among equal scores the wrong come first.

    Args:
        scores: of all predictions, shape (n,), bigger is better.
        correct: whether each is a true pair, shape (n,).
        positives: number of true pairs, predicted or not, at least one.
    """
    scores, correct = np.asarray(scores, np.float64), np.asarray(correct, bool)
    right = correct[np.lexsort((correct, -scores))]
    precisions = np.cumsum(right) / np.arange(1, len(right) + 1)
    return float(precisions[right].sum() / positives)


def macro_average(values: ArrayLike, groups: ArrayLike) -> float:
    """Average over the queries of each group, then over the groups.

    Args:
        values: shape (q,), q >= 1.
        groups: the group of each query, shape (q,), numbers or text.
    """
    return float(_group_means(values, groups).mean())


def bootstrap_interval(
    values: ArrayLike, groups: ArrayLike, repeats: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Return the 95 % percentile interval of the macro average, resampling whole groups.

    Args:
        values: shape (q,), q >= 1.
        groups: the group of each query, shape (q,), numbers or text. From a single group
            nothing can be resampled: both ends are then its average.
        repeats: number of resamples.
        seed: the same seed draws the same groups, whatever the values.
    """
    means = _group_means(values, groups)
    rng = np.random.default_rng(seed)
    draws = [means[rng.integers(len(means), size=len(means))].mean() for _ in range(repeats)]
    low, high = np.percentile(draws, [2.5, 97.5])
    return float(low), float(high)


def _group_means(values: ArrayLike, groups: ArrayLike) -> Floats64:
    values, groups = np.asarray(values, np.float64), np.asarray(groups)
    if values.ndim != 1 or values.shape != groups.shape or not len(values):
        raise ValueError(
            f"values of shape {values.shape} and groups of shape {groups.shape}; "
            "one group for each of at least one value was expected"
        )
    _, member = np.unique(groups, return_inverse=True)
    return np.asarray(np.bincount(member, values) / np.bincount(member))
