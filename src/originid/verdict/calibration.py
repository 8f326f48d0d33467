"""From scores to confidence, by what a model knows of strangers.

A score means little by itself: the best of a million strangers scores higher than the best of
ten. The calibration holds the tail of the scores between images that have nothing to do with
each other. From it follows the probability that the best of N strangers scores as high as a
match does; the confidence is what is left.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from originid.errors import InputError
from originid.types import Json
from originid.verdict.pareto_tail import Tail, best_of


@dataclass(frozen=True)
class Calibration:
    """What turns scores into confidences.

    Args:
        tail: the distribution of strangers' scores.
        origin: confidence from which two pictures are taken for one.
        uncertain: confidence from which a person should look.
    """

    tail: Tail
    origin: float = 0.99
    uncertain: float = 0.9

    def __post_init__(self) -> None:
        if not 0 <= self.uncertain <= self.origin <= 1:
            raise InputError(
                f"confidences uncertain = {self.uncertain}, origin = {self.origin}",
                "expected 0 <= uncertain <= origin <= 1",
                "choose other confidences",
            )

    @classmethod
    def from_json(cls, description: Json) -> "Calibration":
        """Read what ``dataclasses.asdict`` wrote; an unknown key raises TypeError."""
        return cls(**{**description, "tail": Tail(**description["tail"])})

    def confidence(self, scores: NDArray[np.float32], references: int) -> NDArray[np.float64]:
        """Probability that none of ``references`` strangers scores this high, in [0, 1]."""
        return np.asarray(1 - best_of(self.tail.exceedance(scores), references))
