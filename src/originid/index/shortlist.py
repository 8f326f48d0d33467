"""The references that are scored for a query, and whether there must be more of them."""

from dataclasses import dataclass

import numpy as np

from originid.types import Ids, Scores

FEWEST = 32  # scores that tell how far they lie from their estimates
DOUBT = 4.0  # standard deviations: of 1,600 further references, 1 in 20 lists lacks one so far out
# Of the spread of scores on a list, what estimates leave open in a dense series: signs more than
# this (0.9 among strangers in an ordinary collection, 0.3 beside an origin), numbers than that.
BY_SIGNS, BY_NUMBERS = 0.95, 0.5


@dataclass(frozen=True)
class Shortlist:
    """The references that are scored for a query.

    Args:
        ids: sorted, (m,).
        estimates: of their scores, (m,); None if they are all references.
    """

    ids: Ids
    estimates: Scores | None

    def may_lack_the_best(self, found: Ids, cosines: Scores) -> bool:
        """Tell whether a reference that is not on the list could score higher than all on it.

        Args:
            found: the ids of the list that exist, (m,).
            cosines: their exact scores, (m,).
        """
        if self.estimates is None:
            return False
        estimates = self.estimates[np.searchsorted(self.ids, found)]
        known = np.isfinite(estimates)  # those of damaged numbers are not
        return may_lack_the_best(estimates[known], cosines[known], BY_NUMBERS)


def may_lack_the_best(estimates: Scores, scores: Scores, untold: float) -> bool:
    """Tell whether what has a lower estimate could score higher than all that was scored.

    On a list one sees how far scores lie from their estimates. What is not on it has a lower
    estimate than the last one that is. In a series of pictures that are nearly the same, the
    estimates lie closer together than that.

    Args:
        estimates: of the scores of a list, (m,), the highest that there are.
        scores: of the list, (m,), in any unit.
        untold: the share of the spread of scores up to which estimates tell their order.
    """
    if len(scores) < FEWEST:
        return False
    count = len(scores)
    away, wanted = estimates.astype(np.float64), scores.astype(np.float64)
    away -= away.sum() / count
    wanted -= wanted.sum() / count
    every, common = wanted @ wanted, away @ wanted
    slope = common / max(away @ away, 1e-12)  # of the line that tells scores by estimates
    rest = max(every - slope * common, 0.0)
    if rest < untold**2 * every:  # the order by estimates is nearly that by scores
        return False
    lowest = min(slope * away.min(), slope * away.max())
    return bool(lowest + DOUBT * np.sqrt(rest / count) > wanted.max())
