"""The references that are looked at again for a query, and whether there must be more of them."""

import numpy as np

from originid.index.numbers import STEP
from originid.types import Mask, Scores

FEWEST = 32  # scores that tell how far they lie from their estimates
DOUBT = 4.0  # standard deviations: of 1,600 further references, 1 in 20 lists lacks one so far out
# Of the spread of scores on a list, what estimates by signs leave open in a dense series: more than
# this. It is 0.9 among strangers in an ordinary collection, and 0.3 beside an origin.
OPEN = 0.95
WIDER = 4  # times as many are looked at next, where these may lack the best
# By so much an estimate by numbers errs, and the best of many such estimates.
MARGIN = 4.5 * STEP / np.sqrt(12)


def may_be_best(estimates: Scores, count: int, least: int) -> Mask:
    """Tell which references may be among the best of a query, of those with the best estimates.

    Args:
        estimates: by numbers, (q, m); infinite where the numbers are damaged, and -inf for nothing.
        count: how many are the best.
        least: how many are told at least, from count to m.

    Returns:
        Whether each may be, (q, m).
    """
    known = np.sort(np.where(np.isinf(estimates), -np.inf, estimates), axis=1)[:, ::-1]
    lowest = np.minimum(known[:, count - 1] - MARGIN, known[:, least - 1])
    return np.asarray(estimates >= lowest[:, np.newaxis])


def may_lack_the_best(estimates: Scores, scores: Scores) -> bool:
    """Tell whether what has a lower estimate could score higher than all that was scored.

    On a list one sees how far scores lie from their estimates. What is not on it has a lower
    estimate than the last one that is. In a series of pictures that are nearly the same, the
    estimates lie closer together than that.

    Args:
        estimates: by signs, of the scores of a list, (m,), the highest that there are.
        scores: of the list, (m,), in any unit.
    """
    if len(scores) < FEWEST:
        return False
    count = len(scores)
    away, wanted = estimates.astype(np.float64), scores.astype(np.float64)
    away -= away.sum() / count
    wanted -= wanted.sum() / count
    every, common = float(wanted @ wanted), float(away @ wanted)
    slope = common / max(float(away @ away), 1e-12)  # of the line that tells scores by estimates
    rest = max(every - slope * common, 0.0)
    if rest < OPEN**2 * every:  # the order by estimates is nearly that by scores
        return False
    lowest = float((slope * away).min())
    return bool(lowest + DOUBT * np.sqrt(rest / count) > wanted.max())
