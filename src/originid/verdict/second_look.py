"""What the strength of a candidate of a second look means in a collection.

A strength adds up z values and agreeing details (`originid.escalation.candidates`), so it grows
evenly and not by factors: a query's *second lead* is the distance of its best strength from the
next ones, in units of how far these lie apart. Cartons of one brand agree in many details with each
other, and so do forms and x-rays. So a collection learns from second looks at a sample of its own
references how large leads of strangers are in it.
"""

import numpy as np
from numpy.typing import ArrayLike

from originid.types import Floats64
from originid.verdict.pareto_tail import best_of

LEVEL_RANK = 10  # of a query's other strengths, the one from which a lead is measured
SPREAD_RANK = 20  # of its other strengths, as many as their spread is estimated from
SOFTENING = 0.3  # added to every spread, which is estimated from few strengths
UNIT = 3.6  # spreads; in it the tail of strangers' leads is 0.3 to 0.6, as that of first leads is
# A stranger reaches the strength 8 with this probability in a collection of one kind, and each
# higher one with a probability that falls by e for every 2: as garments on plain ground do, the
# worst of 13 kinds but for photos of the same things. Mixtures are 3 times better at 8, and 30
# times at 20.
REACHED, AT, FALL = 0.08, 8.0, 2.0
# See `strangers.CUT`. Second photos of one thing are no copies, and local features find them: where
# they are many, they must make the tail heavy.
SECOND_CUT = 5.0
SMALLEST_RATE = 1e-5  # no sample of some dozens tells of rarer strangers
LEAST_REFERENCES = 72  # of a collection that learns from second looks at itself
MOST_SAMPLED = 64  # second looks of a collection at itself: some 10 seconds


def second_leads(strengths: ArrayLike, references: int) -> Floats64:
    """The lead that each strength of a query has over its other strengths.

    Args:
        strengths: the highest strengths of one query, descending, (k,), without those of copies of
            the best candidate.
        references: the number of references in the collection.

    Returns:
        The leads (k,), in the order of the strengths, in units of `UNIT` spreads.
    """
    values = np.asarray(strengths, np.float64)
    others = values[1:]
    if len(others) < 2:
        return np.zeros(len(values))
    level = min(LEVEL_RANK, max(2, references // 8), len(others) - 1)
    count = min(SPREAD_RANK, max(5, references // 4), len(others) - 1)
    spread = others[:count].mean() - others[count] + SOFTENING
    return np.asarray((values - others[level]) / (UNIT * spread))


def reached(strengths: ArrayLike, references: int) -> Floats64:
    """Probability that the best stranger is as strong, from photos of one kind alone.

    Args:
        strengths: of any shape.
        references: the number of references in the collection, at least 1.
    """
    values = np.asarray(strengths, np.float64)
    one = REACHED * np.exp(-np.maximum(values - AT, 0) / FALL)
    return best_of(one, references)


def sample_size(references: int) -> int:
    """How many references a collection looks at again to learn its second leads."""
    return 0 if references < LEAST_REFERENCES else min(MOST_SAMPLED, references // 3)
