"""Candidates: the references that a second look compares with a query, and what speaks for each.

The stages of `originid.views` and `originid.details` each give a number for a reference. The
strength of a candidate is their weighted sum: a candidate that two stages agree on is stronger
than one that is the best of a single stage.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from originid.details.verification import Agreement
from originid.types import Box, Floats32, Ids
from originid.views.content import box_within
from originid.views.looks import Look, Stage
from originid.views.words import WHOLE

# Weights of the evidence, with the z of the best look counted once: fitted to tell origins from
# the other candidates, on half of the sources; on the other half no weight within a factor of two
# of these finds a percent more.
PARTS_WEIGHT = 0.3
DETAILS_WEIGHT = 0.6
AGREED = 12.0  # an agreement's statistic from which on it says where the query lies


@dataclass(frozen=True)
class Candidates:
    """References and what speaks for them.

    Args:
        ids: of the references, ascending, (n,).
        coarse: of the first stage.
        dense: of the second stage.
        parts: z of the moved parts, (n,).
        agreements: of local features with a view of the query, whose name comes first, by the place
            of the candidate; only the best were compared.
    """

    ids: Ids
    coarse: Stage
    dense: Stage
    parts: Floats32
    agreements: dict[int, tuple[str, Agreement]]

    @property
    def by_vectors(self) -> Floats32:
        """The strength without local features, (n,)."""
        z = np.maximum(self.coarse.z, self.dense.z)
        return np.asarray(z + PARTS_WEIGHT * np.maximum(self.parts, 0), np.float32)

    @property
    def strength(self) -> Floats32:
        """The strength of each candidate, (n,); the bigger, the less likely a stranger has it.

        A candidate whose local features were not compared is taken to agree as well as a usual one.
        """
        found = [agreement.statistic for _, agreement in self.agreements.values()]
        details = np.full(len(self.ids), np.median(found) if found else 0.0)
        details[list(self.agreements)] = found
        return np.asarray(self.by_vectors + DETAILS_WEIGHT * details, np.float32)

    def best(self, count: int) -> list[int]:
        """The places of the candidates that vectors speak most for, the best first."""
        order: list[int] = np.argsort(-self.by_vectors, kind="stable")[:count].tolist()
        return order

    @property
    def cosines(self) -> Floats32:
        """The cosine of each candidate's vector with that of its best look, (n,)."""
        better = self.dense.z > self.coarse.z
        return np.where(better, self.dense.cosine, self.coarse.cosine)

    def view(self, place: int, views: Sequence[str]) -> str:
        """The view of the query that a candidate is seen in best, if it is one of some views.

        Args:
            place: of the candidate.
            views: the names of views; the first is taken where the best is none of them.
        """
        best = self._look(place).view
        return best if best in views else views[0]

    def seen(self, place: int, form: Box | None, cells: int) -> tuple[str, Box]:
        """The view of the query that a candidate shows, and where in the reference it lies.

        Args:
            place: of the candidate.
            form: the part of the reference that the candidate's vector is of; None for all of it.
            cells: on a side of the model's grid.
        """
        view, agreement = self.agreements.get(place, ("", None))
        if agreement is not None and agreement.box and agreement.statistic >= AGREED:
            return view, agreement.box
        look = self._look(place)
        return look.view, box_within(form or WHOLE, look.place.box(cells))

    def _look(self, place: int) -> Look:
        stage = self.dense if self.dense.z[place] > self.coarse.z[place] else self.coarse
        return stage.looks[int(stage.look[place])]
