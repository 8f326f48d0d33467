"""The lead: how far the best score stands above what a query usually reaches in a collection.

A garment reaches scores among garments that a landscape never reaches among landscapes. What a
query usually reaches is read from its own scores: their upper tail is close to a Pareto
distribution, so the logarithm of a score, measured from the logarithm of a lower one, is close to
exponential, with the mean of the logarithms' excesses as its scale (Hill 1975, "A simple general
approach to inference about the tail of a distribution", Annals of Statistics 3). In that unit the
best stranger's lead has nearly the same distribution in every collection.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from originid.types import Floats64

LEVEL_RANK = 20  # of a query's other scores, the one from which a lead is measured
SPREAD_RANK = 40  # of its other scores, as many as their spread is estimated from
LISTED = SPREAD_RANK + 2  # scores that a lead is read from: the best, and the others
LOWEST = (0.05, 0.02)  # scores below are noise of the map, in a small and in a large collection
LEAST_SPREAD = (0.15, 0.0)  # that of photos among thousands; a short list of noise has any
SOFTENING = 0.02  # added to every spread, which is estimated from few scores
SMALL = 100  # references up to which the first of two values holds
LARGE = 400  # references from which the second does
COPY_LEAD = 9.0  # 1 stranger in 10,000 leads by as much in a mixture of kinds
MOST_COPIES = 12  # of one reference; the next one of a longer series counts as a stranger
LEAST = 24  # references; with fewer, a query's own scores say too little


@dataclass(frozen=True)
class Usual:
    """What queries usually reach in a collection, from their scores other than the best.

    Args:
        level: logarithm of the score from which leads are measured, of shape (q,).
        spread: positive unit of the leads, of shape (q,).
        lowest: positive score that lower ones are raised to.
    """

    level: Floats64
    spread: Floats64
    lowest: float

    def lead(self, scores: ArrayLike) -> Floats64:
        """Leads of scores.

        Args:
            scores: cosines of shape (q,) or (q, k), one row a query.

        Returns:
            The leads, in the shape of the scores; the higher, the rarer among strangers.
        """
        logs = np.log(np.maximum(np.asarray(scores, np.float64), self.lowest))
        level, spread = self.level, self.spread
        if logs.ndim == 2:
            level, spread = level[:, None], spread[:, None]
        return np.asarray((logs - level) / spread)


def ranks(references: int) -> tuple[int, int]:
    """The ranks that level and spread are read from, lower in a small collection.

    Args:
        references: the number of references in the collection, at least `LEAST`.
    """
    return min(LEVEL_RANK, max(3, references // 8)), min(SPREAD_RANK, max(6, references // 4))


def usual(others: ArrayLike, references: int) -> Usual:
    """What each query usually reaches.

    Args:
        others: for each query its highest scores without the candidate for its origin and without
            copies of that candidate, descending, of shape (q, k). Rows with fewer than the
            ``k >= ranks(references)[1] + 1`` that are needed are filled with the lowest value.
        references: the number of references in the collection, at least `LEAST`.
    """
    small = smallness(references)
    lowest = LOWEST[0] ** small * LOWEST[1] ** (1 - small)
    logs = np.log(np.maximum(np.asarray(others, np.float64), lowest))
    at, count = ranks(references)
    spread = logs[:, :count].mean(axis=1) - logs[:, count]
    least = LEAST_SPREAD[0] * small + LEAST_SPREAD[1] * (1 - small)
    return Usual(logs[:, at], np.maximum(spread, least) + SOFTENING, lowest)


def smallness(references: int) -> float:
    """How small a collection is: 1 up to `SMALL` references, 0 from `LARGE`."""
    share = math.log(LARGE / max(references, 1)) / math.log(LARGE / SMALL)
    return min(1.0, max(0.0, share))


def leads(scores: ArrayLike, references: int) -> Floats64:
    """The lead of each query's best score over its others.

    Args:
        scores: for each query its highest scores, descending, of shape (q, `LISTED`).
        references: the number of references in the collection, at least `LEAST`.
    """
    rows = np.asarray(scores, np.float64)
    return usual(rows[:, 1:], references).lead(rows[:, 0])


def without_copies(scores: ArrayLike, references: int) -> Floats64:
    """The lists of references without what stands out from them as only copies do.

    A sibling of a reference (a retouched version, the next frame of a series) is no stranger of
    it. Siblings are known by their lead over what is below all of them, not by their scores: an
    x-ray reaches 0.8 with every other x-ray.

    Args:
        scores: for each reference its highest cosines with the others, descending, of shape
            (n, k); `LISTED` + `MOST_COPIES` of them, or fewer.
        references: the number of references in the collection, at least `LEAST`.

    Returns:
        Lists of shape (n, `LISTED`), filled with -1.
    """
    rows = np.asarray(scores, np.float64)
    width = LISTED + MOST_COPIES
    filled = np.full((len(rows), width), -1.0)
    filled[:, : rows.shape[1]] = rows[:, :width]
    copies = np.zeros(len(rows), np.intp)
    for count in range(1, MOST_COPIES + 1):
        last = filled[:, count - 1 : count - 1 + LISTED]
        copies[leads(last, references) > COPY_LEAD] = count
    return np.take_along_axis(filled, copies[:, None] + np.arange(LISTED), axis=1)
