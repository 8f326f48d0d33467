"""The tail of strangers' leads in one collection, and what a lead means by it.

The best score of each sampled reference among the others is the best score of a query that has no
origin here, at the size that the collection has. Its lead (see `lead`) is nearly exponential above
its upper fifth. The scale is estimated with a prior, since a small collection gives few leads, and
with every excess cut at a multiple of the scale, since references that are the same picture as
another one are no strangers and must not make the tail heavy. The predictive distribution of an
exponential variable whose scale has an inverse gamma posterior is a Pareto distribution of the
second kind: a collection that gave few leads promises less.
"""

import math
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike

from originid.errors import InputError
from originid.types import Floats64, Json

FORMAT = 1
TAIL_SHARE = 0.2  # of the leads, as many lie in the tail
PRIOR_SCALE = 0.55  # scale of the tail in collections of one kind: 0.3 to 0.6; mixtures reach 0.9
PRIOR_COUNT = 15  # excesses that the prior weighs as much as
CUT = 2.5  # times the scale; e^-2.5 = 8 % of the excesses of strangers lie beyond
LEAST_LEADS = 20  # sampled references; fewer tell nothing of an upper fifth
MOST_WEIGHT = 20.0  # however many leads: mixtures have tails somewhat heavier than exponential
GRID = tuple(np.linspace(0, 1, 33).tolist())  # of the probabilities below the tail


@dataclass(frozen=True)
class StrangersTail:
    """How likely the best of this collection's strangers has as high a lead.

    Args:
        body: ascending leads, the quantiles at `GRID` of those below the tail.
        share: probability that a lead lies in the tail, in (0, 1].
        scale: positive scale of the excesses over the last of ``body``.
        weight: number of excesses, of the sample and the prior, behind the scale.
        sampled: number of leads that it was fitted on.
    """

    body: tuple[float, ...]
    share: float
    scale: float
    weight: float
    sampled: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "body", tuple(self.body))
        finite = all(map(math.isfinite, (*self.body, self.share, self.scale, self.weight)))
        rising = all(np.diff(self.body) >= 0)
        positive = 0 < self.share <= 1 and self.scale > 0 and self.weight > 0
        if not (finite and rising and positive and len(self.body) == len(GRID)):
            raise InputError(
                f"{self}",
                f"expected {len(GRID)} ascending leads, a share in (0, 1], a positive scale",
                "calibrate the collection again",
            )

    def false_match_rate(self, leads: ArrayLike) -> Floats64:
        """Probability that the best stranger of a query has as high a lead.

        Args:
            leads: of any shape.

        Returns:
            Probabilities in [0, 1] in the same shape, never rising with the lead.
        """
        leads = np.asarray(leads, np.float64)
        threshold = self.body[-1]
        below = 1 - np.interp(leads, self.body, GRID) * (1 - self.share)
        excess = np.maximum(leads - threshold, 0) / self.scale
        beyond = self.share * np.exp(-self.weight * np.log1p(excess / self.weight))
        return np.asarray(np.where(leads < threshold, below, beyond))

    def lead(self, rate: float) -> float:
        """The lead from which the false-match rate is at most ``rate``.

        Args:
            rate: a probability in (0, share].
        """
        excess = math.expm1(-math.log(rate / self.share) / self.weight) * self.weight
        return self.body[-1] + self.scale * excess

    def to_json(self) -> Json:
        """What `from_json` reads."""
        return {"format": FORMAT, **asdict(self)}

    @classmethod
    def from_json(cls, description: Json) -> "StrangersTail":
        """Read what `to_json` wrote.

        Raises:
            InputError: another format, or values that no fit gives.
            TypeError: an unknown or a missing key.
        """
        fields = dict(description)
        if fields.pop("format", None) != FORMAT:
            raise InputError(
                f"a calibration of format {description.get('format')}",
                f"expected format {FORMAT}",
                "calibrate the collection again with this version",
            )
        return cls(**fields)


def fit_strangers(leads: ArrayLike, cut: float = CUT) -> StrangersTail:
    """Fit the tail to the leads of a sample of references, in any order.

    Args:
        leads: one for each sampled reference, of shape (n,), finite.
        cut: the excess, in scales, that larger ones count as.

    Raises:
        InputError: fewer than `LEAST_LEADS`, or one that is not finite.
    """
    ordered = np.sort(np.asarray(leads, np.float64).ravel())
    n = len(ordered)
    if n < LEAST_LEADS or not np.isfinite(ordered).all():
        raise InputError(
            f"{n} leads of strangers",
            f"expected at least {LEAST_LEADS}, all finite",
            "calibrate by the model's own tail",
        )
    count = math.floor(TAIL_SHARE * n)
    threshold = ordered[n - count - 1]
    excesses = ordered[n - count :] - threshold
    scale = robust_scale(excesses, cut)
    # Interpolation can fall by the last digit between equal leads.
    body = np.maximum.accumulate(np.quantile(ordered[: n - count], GRID))
    body = np.minimum(body, threshold)
    body[-1] = threshold
    weight = min(MOST_WEIGHT, PRIOR_COUNT + count)
    share = (count + 1) / (n + 1)  # the query is one more that might lie in the tail
    return StrangersTail(tuple(body.tolist()), share, scale, weight, n)


def robust_scale(excesses: ArrayLike, cut: float = CUT) -> float:
    """The posterior mean of an exponential scale from excesses (n,) cut at some scales.

    The mean of an exponential variable cut at c scales is (1 - e^-c) scales, by which the sum is
    divided. The fixed point is reached by iteration from the prior.
    """
    excesses = np.asarray(excesses, np.float64)
    scale = PRIOR_SCALE
    for _ in range(1000):  # leads of strangers take some 20, a sample that is half copies hundreds
        total = np.minimum(excesses, cut * scale).sum() / -math.expm1(-cut)
        updated = float((PRIOR_COUNT * PRIOR_SCALE + total) / (PRIOR_COUNT + len(excesses)))
        if abs(updated - scale) < 1e-9:
            break
        scale = updated
    return scale
