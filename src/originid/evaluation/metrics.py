"""Measures of a ranking, their averages over origins, and confidence intervals of the averages.

All functions are pure. Ties count against us: a wrong reference that scores as high as the correct
one is ranked before it.
"""

import numpy as np
from numpy.typing import ArrayLike

from originid.types import Floats64, Ints


def pessimistic_ranks(best: ArrayLike, wrong: ArrayLike) -> Ints:
    """Return the rank of the best correct reference of each query.

    Args:
        best: for each query the best score of a correct reference, shape (q,); a bigger score is
            better. It is -inf if there is no correct reference, which then ranks behind all others.
        wrong: the scores of the wrong references, shape (q, n); -inf removes a reference.

    Returns:
        The ranks, int64 of shape (q,), from 1.
    """
    # With -inf itself, the references that are removed by -inf would count as ties.
    least = np.maximum(best, np.finfo(np.float32).min)
    before: Ints = np.sum(np.asarray(wrong) >= least[:, None], axis=1, dtype=np.int64)
    return 1 + before


def reciprocal_ranks(ranks: ArrayLike) -> Floats64:
    """Return the reciprocal of each rank. Their mean is the paper's mAP: a query has one origin.

    Args:
        ranks: the ranks, at least 1, shape (q,).

    Returns:
        float64 in (0, 1], of shape (q,).
    """
    return np.asarray(1.0 / np.asarray(ranks, np.float64))


def hits(ranks: ArrayLike, k: int) -> Floats64:
    """Tell which ranks are k or better. The paper's Acc is the mean for k = 1.

    Args:
        ranks: the ranks, at least 1, shape (q,).
        k: the worst rank that counts as a hit.

    Returns:
        1.0 for a hit and 0.0 otherwise, float64 of shape (q,).
    """
    return (np.asarray(ranks) <= k).astype(np.float64)


def micro_average_precision(scores: ArrayLike, correct: ArrayLike, positives: int) -> float:
    """Return the average precision of the predictions of all queries in one list (uAP).

    It is the measure of the Image Similarity Challenge 2021. All predictions are sorted by score.
    For each correct prediction the share of correct ones down to it is taken, and the sum of these
    shares is divided by the number of true pairs. So a score must mean the same for every query.
    Among equal scores the wrong predictions come first.

    Args:
        scores: the scores of all predictions, shape (n,); a bigger one is better.
        correct: whether each prediction is a true pair, shape (n,).
        positives: the number of all true pairs, predicted or not, at least 1.

    Returns:
        A number in [0, 1].
    """
    scores, correct = np.asarray(scores, np.float64), np.asarray(correct, bool)
    # By score from the top, and among equal scores False, which is wrong, before True.
    right = correct[np.lexsort((correct, -scores))]
    precisions = np.cumsum(right) / np.arange(1, len(right) + 1)
    return float(precisions[right].sum() / positives)


def macro_average(values: ArrayLike, groups: ArrayLike) -> float:
    """Average over the queries of each group, and then over the groups.

    Args:
        values: a value for each query, shape (q,), with q >= 1.
        groups: the group of each query, shape (q,), numbers or texts.

    Raises:
        ValueError: if there are no values, or not as many groups as values.
    """
    return float(_group_means(values, groups).mean())


def bootstrap_interval(
    values: ArrayLike, groups: ArrayLike, repeats: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Return the 95 % interval of the macro average, by the percentile bootstrap.

    Whole groups are resampled. With a single group nothing can be resampled, and both ends of the
    interval are its average.

    Args:
        values: a value for each query, shape (q,), with q >= 1.
        groups: the group of each query, shape (q,), numbers or texts.
        repeats: the number of resamples, at least 1.
        seed: the seed of the random numbers; the same seed draws the same groups for any values.

    Returns:
        The lower and the upper end of the interval.

    Raises:
        ValueError: if there are no values, or not as many groups as values.
    """
    means = _group_means(values, groups)
    rng = np.random.default_rng(seed)
    draws = [means[rng.integers(len(means), size=len(means))].mean() for _ in range(repeats)]
    low, high = np.percentile(draws, [2.5, 97.5])
    return float(low), float(high)


def share_interval(
    values: ArrayLike, groups: ArrayLike, repeats: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Return the 95 % interval of the macro average of values from 0 to 1.

    It is that of `bootstrap_interval`, but where all values are 0, or all are 1: then resampling
    shows no spread, and an interval of no width would claim too much. Its open end is that of
    Clopper and Pearson (1934) for as many groups: with none among g it is 1 - 0.025^(1/g).

    Args:
        values: as of `bootstrap_interval`, in [0, 1].
        groups: as of `bootstrap_interval`.
        repeats: as of `bootstrap_interval`.
        seed: as of `bootstrap_interval`.

    Raises:
        ValueError: if there are no values, or not as many groups as values.
    """
    means = _group_means(values, groups)
    reach = float(0.025 ** (1 / len(means)))
    if (means == 0).all():
        return 0.0, 1 - reach
    if (means == 1).all():
        return reach, 1.0
    return bootstrap_interval(values, groups, repeats, seed)


def _group_means(values: ArrayLike, groups: ArrayLike) -> Floats64:
    values, groups = np.asarray(values, np.float64), np.asarray(groups)
    if values.ndim != 1 or values.shape != groups.shape or not len(values):
        raise ValueError(
            f"values of shape {values.shape} and groups of shape {groups.shape}; "
            "one group for each of at least one value was expected"
        )
    # Two sums by group, in one pass over the values and without a loop over the groups.
    _, member = np.unique(groups, return_inverse=True)
    return np.asarray(np.bincount(member, values) / np.bincount(member))
