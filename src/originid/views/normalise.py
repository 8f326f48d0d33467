"""z against strangers: how scores of different views are compared.

A cosine means something else for every view and place of a query: the less a view shows, the
higher strangers score by chance. Some hundred references drawn at random tell how much each
vector's scores vary among strangers. The statistic of a reference is its best
z = (score - mean) / deviation over all vectors of a stage.

Mean and deviation are estimated robustly, by the median and the median distance from it, because
the sample may hold the origin itself. They are drawn to what photos have, so that a handful of
references is enough: among photos the deviation is close to 1.2 / sqrt(dim), in views and places
alike.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from originid.types import Floats32, Ints, Vectors

USUAL = 1.2  # deviation of photos' scores, in units of 1 / sqrt(dim): 1.1 to 1.3 with any look
PRIOR = 20  # strangers that the usual deviation weighs as much as
NORMAL = 1.4826  # deviations of a normal distribution in its median distance from the median


@dataclass(frozen=True)
class Best:
    """The best vector of each reference.

    Args:
        z: the largest z, float32 of shape (n,).
        vector: the number of the vector that gave it, (n,).
        cosine: of the reference with this vector, (n,).
    """

    z: Floats32
    vector: Ints
    cosine: Floats32


@dataclass(frozen=True)
class Strangers:
    """References drawn at random.

    Args:
        vectors: float32 (m, dim), unit length; m may be 0.
    """

    vectors: Vectors

    def first(self, count: int) -> "Strangers":
        """At most so many of them."""
        return Strangers(self.vectors[:count])

    @cached_property
    def signs(self) -> Floats32:
        """Their components as -1 and 1, (m, dim)."""
        return np.where(self.vectors > 0, np.float32(1), np.float32(-1))

    def best(self, vectors: Vectors, cosines: Floats32) -> Best:
        """The best z of each reference over all vectors of a query.

        Args:
            vectors: of a query, (v, dim), v >= 1, unit length.
            cosines: of references with them, (v, n).
        """
        z = self.standardise(vectors, cosines)
        best = z.argmax(axis=0)
        each = np.arange(cosines.shape[1])
        return Best(z[best, each], best, np.clip(cosines[best, each], -1, 1))

    def standardise(self, vectors: Vectors, cosines: Floats32) -> Floats32:
        """z of references (v, n), of what `best` takes."""
        usual = USUAL / np.sqrt(vectors.shape[1])
        mean, deviation = moments(vectors @ self.vectors.T, usual)
        return np.asarray((cosines - mean) / deviation, np.float32)


def moments(
    scores: Floats32, usual: float | Floats32, usual_mean: float = 0.0
) -> tuple[Floats32, Floats32]:
    """The mean and the deviation of strangers' scores, both (v, 1).

    Args:
        scores: of v vectors with m strangers, (v, m).
        usual: the deviation that photos have, one or (v, 1).
        usual_mean: the mean that photos have.
    """
    count = scores.shape[1]
    if not count:
        zero = np.zeros((len(scores), 1), np.float32)
        return zero + np.float32(usual_mean), zero + np.float32(usual)
    median = np.median(scores, axis=1, keepdims=True)
    spread = NORMAL * np.median(np.abs(scores - median), axis=1, keepdims=True)
    variance = (count * spread**2 + PRIOR * np.square(usual)) / (count + PRIOR)
    mean = (count * median + PRIOR * usual_mean) / (count + PRIOR)
    return np.asarray(mean, np.float32), np.asarray(np.sqrt(variance), np.float32)
