"""The upper tail of the scores of strangers, as a generalised Pareto distribution.

A stranger of a query is a reference that the query was not made from. Whatever the distribution of
the scores is, nearly always those above a high threshold follow a generalised Pareto distribution
(the theorem of Pickands, Balkema and de Haan). So the fitted distribution tells how likely scores
are that are higher than any score that was seen.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from originid.errors import InputError
from originid.types import Floats64

TAIL_LEAST = 20  # scores above the threshold; from fewer the shape cannot be estimated
BODY = (1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)
"""Shares of all scores. The threshold is the score that the last share with enough scores reaches.

The share 0.001 is near enough to the extreme, and the millions of pairs of a few thousand images
still leave thousands of scores above it. A smaller sample stops at the smallest share that still
leaves `TAIL_LEAST` scores.
"""
BODY_LEAST = 5  # shares that must have enough scores, so the threshold has at most a share of 0.05
LEAST_SCORES = math.ceil(TAIL_LEAST / BODY[BODY_LEAST - 1])  # below, no tail can be fitted
_NEARLY_ZERO = 1e-9  # a shape or a theta below this counts as 0, where the formulas divide by 0


@dataclass(frozen=True)
class Tail:
    """The probability that a stranger scores as high as a given score.

    Up to the threshold, the logarithm of the probability is interpolated between the scores
    ``body``, which were seen to be reached with the probabilities `BODY`. Above the threshold,
    where ``share`` of the scores lie, the probability that a score s is reached is
    ``share (1 + shape (s - threshold) / scale)^(-1 / shape)``.

    Args:
        body: 1 to 10 scores in ascending order, one for each of the first probabilities of `BODY`;
            the last score is the threshold.
        shape: the shape of the tail; it is positive for a heavy tail and negative for a tail that
            ends.
        scale: the scale of the tail, above 0, in units of the score.

    Raises:
        InputError: if the scores do not ascend, or a number is out of its range.
    """

    body: tuple[float, ...]
    shape: float
    scale: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "body", tuple(self.body))
        finite = all(map(math.isfinite, (*self.body, self.shape, self.scale)))
        rising = all(low <= high for low, high in pairwise(self.body))
        if not (finite and rising and 0 < len(self.body) <= len(BODY) and self.scale > 0):
            raise InputError(
                f"{self}",
                f"expected 1 to {len(BODY)} ascending scores, a finite shape, a positive scale",
                "calibrate the model again",
            )

    @property
    def share(self) -> float:
        """The share of the scores, in (0, 1], that lie above the threshold."""
        return BODY[len(self.body) - 1]

    def exceedance(self, scores: ArrayLike) -> Floats64:
        """Return the probability that one stranger scores as high as each of some scores.

        Args:
            scores: numbers of any shape.

        Returns:
            Probabilities in [0, 1], float64 of the same shape.
        """
        scores = np.asarray(scores, np.float64)
        below = np.exp(np.interp(scores, self.body, np.log(BODY[: len(self.body)])))
        excess = np.maximum(scores - self.body[-1], 0)
        above = self.share * survival(excess, self.shape, self.scale)
        return np.where(scores < self.body[-1], below, above)


def best_of(each: ArrayLike, count: int) -> Floats64:
    """The probability that the best of some strangers does what one of them does by chance.

    Args:
        each: the probability that one stranger does, in [0, 1], of any shape.
        count: the number of strangers.

    Returns:
        1 - (1 - p)^count for each p, float64 of the same shape; small numbers keep their digits.
    """
    bounded = np.minimum(np.asarray(each, np.float64), 1 - 1e-12)
    return np.asarray(-np.expm1(count * np.log1p(-bounded)))


def pooled_tail(scores: ArrayLike) -> Tail:
    """Fit the tail of scores that all come from one distribution.

    Args:
        scores: scores of strangers, any shape, in any order.

    Raises:
        InputError: if there are too few different scores.
    """
    scores = np.sort(np.asarray(scores, np.float64).ravel())
    shares = [share for share in BODY if share * len(scores) >= TAIL_LEAST]
    from_top = np.ceil(np.array(shares) * len(scores)).astype(int)
    body = scores[len(scores) - from_top]
    excesses = scores[scores > body[-1]] - body[-1] if shares else scores[:0]
    if len(shares) < BODY_LEAST or len(excesses) < TAIL_LEAST // 2:
        raise InputError(
            f"{len(scores)} scores of strangers, of which {len(excesses)} are above the highest "
            "that repeats",
            f"expected {LEAST_SCORES} scores, and among the "
            f"highest {TAIL_LEAST // 2} above the others, to tell chance from a match",
            "give more images: pairs of several origins, and a folder of other photos; or take an "
            "encoder whose scores repeat less than those of a short hash, or a map for it",
        )
    shape, scale = fit_pareto(excesses[None])
    return Tail(tuple(body.tolist()), float(shape[0]), float(scale[0]))


def fit_pareto(excesses: Floats64) -> tuple[Floats64, Floats64]:
    """Fit a generalised Pareto distribution to each row of excesses over a threshold.

    The estimator is that of Zhang and Stephens (2009), "A new and efficient estimation method
    for the generalized Pareto distribution", Technometrics 51. It is the mean of
    theta = -shape / scale over a grid, weighted by the profile likelihood and by a prior that is
    scaled by the data. A distribution that ends, ends beyond every excess of its row.

    Args:
        excesses: float64 of shape (q, k), each row in ascending order; zeros in front fill a row up
            and are no data.

    Returns:
        The shape and the scale of each row, both float64 of shape (q,). A positive shape means a
        heavy tail, a negative one a tail that ends.
    """
    # In units of the largest excess, so that one grid suits rows of any scale.
    largest = excesses[:, -1:]
    x = excesses / largest
    size = (x > 0).sum(axis=1)
    quartile_at = x.shape[1] - size + np.maximum((size / 4 + 0.5).astype(np.int64) - 1, 0)
    quartile = np.take_along_axis(x, quartile_at[:, None], axis=1)
    points = 30 + math.isqrt(x.shape[1])
    grid = 1 - np.sqrt(points / (np.arange(points) + 0.5))
    theta = _not_zero(1 + grid / (3 * quartile))
    shapes = np.stack([_shape(each, x, size) for each in theta.T], axis=1)
    likelihood = size[:, None] * (np.log(-theta / shapes) - shapes - 1)
    # The weights are relative; without the largest subtracted, the exponential could overflow.
    weight = np.exp(likelihood - likelihood.max(axis=1, keepdims=True))
    theta_mean = _not_zero((weight * theta).sum(axis=1) / weight.sum(axis=1))
    shape = _shape(theta_mean, x, size)
    return shape, -shape / theta_mean * largest[:, 0]


def survival(excess: ArrayLike, shape: ArrayLike, scale: ArrayLike) -> Floats64:
    """Return the probability that a generalised Pareto variable exceeds a value.

    Args:
        excess: the values, at least 0, in units of the score.
        shape: the shape of the distribution.
        scale: its scale, above 0, in units of the score.

    Returns:
        Probabilities in [0, 1], float64 of the shape that the arguments broadcast to.
    """
    shape = np.asarray(shape, np.float64)
    z = np.asarray(excess, np.float64) / np.asarray(scale, np.float64)
    exponential = np.abs(shape) < _NEARLY_ZERO
    safe = np.where(exponential, 1.0, shape)
    inside = exponential | (safe * z > -1)
    # A shape of 0 makes the distribution exponential; beyond the end of a tail nothing is left.
    log_survival = -np.log1p(np.where(inside, safe * z, 0.0)) / safe
    return np.where(inside, np.exp(np.where(exponential, -z, log_survival)), 0.0)


def _shape(theta: Floats64, x: Floats64, size: np.ndarray) -> Floats64:
    """Return the likeliest shape, (q,), of each row x (q, k) for its theta = -shape / scale."""
    return np.asarray(np.log1p(-theta[:, None] * x).sum(axis=1) / size)


def _not_zero(values: Floats64) -> Floats64:
    """Replace values near 0, where the formulas have a limit but cannot be computed."""
    return np.where(np.abs(values) < _NEARLY_ZERO, _NEARLY_ZERO, values)
