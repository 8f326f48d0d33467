"""Projects the accuracy to more references than there are, from the tail of strangers' scores.

For each query a generalised Pareto tail is fitted to the best scores of the wrong references, its
strangers. The tail gives the probability p that one more stranger scores as high as the origin.
Among N strangers the number of those that score as high is a Poisson variable of mean N p.

Such an estimate is rough for one query, because it is about extremes, and useful for the average
over many queries. The bias of the projected Acc was measured with tails fitted to 5,800 strangers
and N = 10^6, over origins whose log10 p is uniform in [-12, -3]. It was +4 to +5 points for
Gaussian scores and for cosines, -4 points for exponential scores, and -22 points for scores with a
bounded tail of shape -0.3. It is smaller if fewer origins are in that range. For 1,202 real edits
the projection was within 1 point of a direct count among 580,000 crops of photos.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from originid.types import Floats64
from originid.verdict.pareto_tail import TAIL_LEAST, fit_pareto, survival

TAIL_SHARE = 0.05  # the share of the strangers whose scores make the tail
TAIL_MOST = 1000  # scores; a tail of more would begin farther from the extreme, which costs more
TIE = 1e-6  # scores that differ by less are equal; float32 rounds a cosine of 4,096 terms so much


def tail_size(references: int) -> int:
    """Return how many of the best wrong scores make the tail.

    Args:
        references: the number of references.

    Returns:
        A number from 20 to 1000, or 0 if there are too few references to fit a tail.
    """
    size = min(math.ceil(TAIL_SHARE * references), TAIL_MOST)
    return size if size >= TAIL_LEAST else 0


def stranger_probability(
    best: ArrayLike, top: ArrayLike, beaten: ArrayLike, strangers: ArrayLike
) -> Floats64:
    """Return the probability that one more stranger scores as high as the origin.

    The lowest of the top scores is the threshold. If the origin scores above it, the probability is
    read from the tail that is fitted to the top scores; it is 0 beyond the end of the tail. If the
    origin scores below, the probability is the share of the strangers that were seen to score as
    high. If too few scores exceed the threshold to fit a tail, the observed share is used as well,
    and one stranger is counted if none scored as high.

    Scores may be discrete, as those of binary codes are. Each score then stands for the interval of
    half a step around it.

    Args:
        best: the score of the origin, shape (q,).
        top: the k + 1 best scores of strangers, shape (q, k + 1), where k is `tail_size`.
        beaten: the number of strangers that score as high as the origin, shape (q,).
        strangers: the number of strangers, at least 1, shape (q,).

    Returns:
        Probabilities in [0, 1], float64 of shape (q,).
    """
    best, beaten, strangers = (np.asarray(each, np.float64) for each in (best, beaten, strangers))
    top = np.sort(np.asarray(top, np.float64), axis=1)
    above = best > top[:, 0] + TIE
    p = np.where(above, np.maximum(beaten, 1), beaten) / strangers
    # Only rows whose top is full have a threshold; the others keep the observed share.
    rows = np.flatnonzero(above & np.isfinite(top[:, 0]))
    half_step = _step(top[rows]) / 2
    threshold = top[rows, 0] + np.maximum(half_step, TIE)
    excesses = np.maximum(top[rows, 1:] - threshold[:, None], 0.0)
    size = (excesses > 0).sum(axis=1)
    fitted = size >= TAIL_LEAST
    shape, scale = fit_pareto(excesses[fitted])
    beyond = np.maximum(best[rows] - half_step - threshold, 0.0)[fitted]
    rows, size = rows[fitted], size[fitted]
    p[rows] = size / strangers[rows] * survival(beyond, shape, scale)
    return p


def projected_acc(p: ArrayLike, population: int) -> Floats64:
    """Return the probability exp(-N p) that none of N strangers scores as high as the origin.

    Args:
        p: for each query the probability that one stranger does, shape (q,).
        population: the number N of strangers.

    Returns:
        Probabilities in [0, 1], float64 of shape (q,).
    """
    return np.asarray(np.exp(-population * np.asarray(p, np.float64)))


def projected_map(p: ArrayLike, population: int) -> Floats64:
    """Return the expected reciprocal rank (1 - exp(-N p)) / (N p) among N strangers.

    Args:
        p: for each query the probability that one stranger scores as high as the origin,
            shape (q,).
        population: the number N of strangers.

    Returns:
        Numbers in (0, 1], float64 of shape (q,).
    """
    mean = population * np.asarray(p, np.float64)
    # expm1 keeps the digits that 1 - exp loses where N p is tiny; at 0 the limit is 1.
    return np.where(mean == 0, 1.0, -np.expm1(-mean) / np.where(mean == 0, 1.0, mean))


def _step(top: Floats64) -> Floats64:
    """Return the smallest gap between different scores of each row, (q,), or 0 if all are equal."""
    gaps = np.diff(top, axis=1)
    step = np.where(gaps > TIE, gaps, np.inf).min(axis=1)
    return np.where(np.isfinite(step), step, 0.0)
