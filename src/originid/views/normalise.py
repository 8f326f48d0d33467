"""z against a cohort, then the maximum: how scores of different views are compared.

A cosine means something else for every view and place of a query: the less a view shows, the
higher strangers score by chance. A cohort, some hundred references drawn at random, tells how much
each vector's scores vary among strangers. The statistic of a reference is its best z = (score -
mean) / deviation over all vectors of a stage. The cohort's own statistics are strangers'
statistics: the distribution against which that of a candidate is judged.
"""

from dataclasses import dataclass

import numpy as np

from originid.errors import InputError
from originid.types import Floats32, Ints, Vectors

LEAST = 50  # references of a cohort: with fewer the deviation errs by more than a tenth
TAIL = 0.05  # of strangers, whose mean excess gives the scale of a statistic


@dataclass(frozen=True)
class Best:
    """The best vector of each reference.

    Args:
        statistic: the largest z, float32 of shape (n,).
        vector: the number of the vector that gave it, (n,).
        strangers: the statistics of the cohort under the same vectors, float32 of shape (m,).
    """

    statistic: Floats32
    vector: Ints
    strangers: Floats32


@dataclass(frozen=True)
class Cohort:
    """References drawn at random that stand for strangers.

    Args:
        vectors: float32 (m, dim), unit length, m >= `LEAST`. A stray origin among them costs one
            stranger in m.
    """

    vectors: Vectors

    def __post_init__(self) -> None:
        if len(self.vectors) < LEAST:
            raise InputError(
                f"a cohort of {len(self.vectors)} references",
                f"expected at least {LEAST}",
                "use the effort `quick` for a collection as small as this",
            )

    def moments(self, vectors: Vectors) -> tuple[Floats32, Floats32, Floats32]:
        """Scores of the cohort (v, m), their mean (v, 1) and their deviation (v, 1).

        Args:
            vectors: of a query, (v, dim).
        """
        scores = vectors @ self.vectors.T
        deviation = np.maximum(scores.std(axis=1, keepdims=True), np.float32(1e-6))
        return scores, scores.mean(axis=1, keepdims=True), deviation

    def standardise(self, vectors: Vectors, references: Vectors) -> tuple[Floats32, Floats32]:
        """z of references (v, n) and of the cohort (v, m).

        Args:
            vectors: of a query, (v, dim).
            references: vectors (n, dim).
        """
        scores, mean, deviation = self.moments(vectors)
        return (vectors @ references.T - mean) / deviation, (scores - mean) / deviation

    def best(self, vectors: Vectors, references: Vectors) -> Best:
        """The best z of each reference over all vectors of a query.

        Args:
            vectors: of a query, (v, dim), v >= 1.
            references: vectors (n, dim).
        """
        of_references, of_cohort = self.standardise(vectors, references)
        return Best(of_references.max(axis=0), of_references.argmax(axis=0), of_cohort.max(axis=0))


def nats(statistic: Floats32, strangers: Floats32) -> Floats32:
    """How unlikely strangers reach a statistic: -log of the share of them that would.

    The tail of strangers' statistics is taken as exponential above their 95th percentile, which
    makes statistics of different stages comparable; it is for ranking. A stated rate of false
    matches needs a tail fitted to more strangers.

    Args:
        statistic: of candidates, (n,).
        strangers: statistics of the cohort, (m,).
    """
    start = np.quantile(strangers, 1 - TAIL)
    excess = strangers[strangers > start] - start
    # Nobody is above it where the highest are equal.
    scale = max(float(excess.mean()) if len(excess) else 0.0, 1e-6)
    return np.asarray((statistic - start) / scale - np.log(TAIL), np.float32)
