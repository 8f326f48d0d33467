"""The upper tail of scores, as a generalised Pareto distribution.

The best scores of strangers follow it whatever the scores themselves follow (Pickands, Balkema and
de Haan): what lies beyond the highest score that was seen can be read from it.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from originid.errors import InputError
from originid.types import Floats64

TAIL_LEAST = 20  # exceedances; with fewer the shape of a tail is anyone's guess
# The tail of a pooled sample starts at the last: near enough to the extreme, where the millions of
# pairs of a few thousand images still leave thousands of scores.
# Of fewer scores it starts earlier, where 20 are left, but not before BODY_LEAST values.
BODY_LEAST = 5
BODY = (1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)
_NEARLY_ZERO = 1e-9


@dataclass(frozen=True)
class Tail:
    """How likely a stranger scores as high as a value.

    Up to a threshold the probability is interpolated, in its logarithm, between the scores
    ``body`` that were seen to be reached with the probabilities `BODY`. Above, where ``share`` of
    the scores lie, it is ``share (1 + shape (s - threshold) / scale)^(-1 / shape)``.

    Args:
        body: ascending scores, for the first of `BODY`; the last is the threshold.
        shape: positive for a heavy tail, negative for one that ends.
        scale: positive, in units of the score.
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
        """Share of the scores that lie above the threshold."""
        return BODY[len(self.body) - 1]

    def exceedance(self, scores: ArrayLike) -> Floats64:
        """Probability that one stranger scores as high, elementwise, in [0, 1]."""
        scores = np.asarray(scores, np.float64)
        below = np.exp(np.interp(scores, self.body, np.log(BODY[: len(self.body)])))
        excess = np.maximum(scores - self.body[-1], 0)
        above = self.share * survival(excess, self.shape, self.scale)
        return np.where(scores < self.body[-1], below, above)


def pooled_tail(scores: ArrayLike) -> Tail:
    """Fit the tail of scores (n,) that all come from one distribution.

    Raises:
        InputError: too few different scores.
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
            f"expected {math.ceil(TAIL_LEAST / BODY[BODY_LEAST - 1])} scores, and among the "
            f"highest {TAIL_LEAST // 2} above the others, to tell chance from a match",
            "give more images: pairs of several origins, and a folder of other photos; or take an "
            "encoder whose scores repeat less than those of a short hash, or a map for it",
        )
    shape, scale = fit_pareto(excesses[None])
    return Tail(tuple(body.tolist()), float(shape[0]), float(scale[0]))


def fit_pareto(excesses: Floats64) -> tuple[Floats64, Floats64]:
    """Fit a generalised Pareto distribution to each row; its end lies beyond every excess.

    The estimator is that of Zhang and Stephens (2009), "A new and efficient estimation method
    for the generalized Pareto distribution", Technometrics 51: the mean of theta = -shape / scale
    over a grid, weighted by the profile likelihood, under a prior that is scaled by the data.

    Args:
        excesses: over the threshold, ascending, shape (q, k); zeros are not part of the data.

    Returns:
        Shape (positive: heavy tail; negative: bounded) and scale, both of shape (q,).
    """
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
    weight = np.exp(likelihood - likelihood.max(axis=1, keepdims=True))
    theta_mean = _not_zero((weight * theta).sum(axis=1) / weight.sum(axis=1))
    shape = _shape(theta_mean, x, size)
    return shape, -shape / theta_mean * largest[:, 0]


def survival(excess: ArrayLike, shape: ArrayLike, scale: ArrayLike) -> Floats64:
    """Return the probability that a generalised Pareto variable exceeds a value, elementwise."""
    shape = np.asarray(shape, np.float64)
    z = np.asarray(excess, np.float64) / np.asarray(scale, np.float64)
    exponential = np.abs(shape) < _NEARLY_ZERO
    safe = np.where(exponential, 1.0, shape)
    inside = exponential | (safe * z > -1)
    log_survival = -np.log1p(np.where(inside, safe * z, 0.0)) / safe
    return np.where(inside, np.exp(np.where(exponential, -z, log_survival)), 0.0)


def _shape(theta: Floats64, x: Floats64, size: np.ndarray) -> Floats64:
    """Return the likeliest shape for each row's theta = -shape / scale, shape (q,)."""
    return np.asarray(np.log1p(-theta[:, None] * x).sum(axis=1) / size)


def _not_zero(values: Floats64) -> Floats64:
    """Move values away from 0, where the formulas have a limit but cannot be computed."""
    return np.where(np.abs(values) < _NEARLY_ZERO, _NEARLY_ZERO, values)
