"""From scores to the rate of false matches, stated for one collection at its present size."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from originid.types import Floats64
from originid.verdict.lead import LEAST, LISTED, leads, smallness, usual, without_copies
from originid.verdict.pareto_tail import Tail, best_of
from originid.verdict.second_look import SECOND_CUT, SMALLEST_RATE, reached, second_leads
from originid.verdict.strangers import LEAST_LEADS, TAIL_SHARE, StrangersTail, fit_strangers

# Scores are divided by it before the model's tail is asked: strangers of one kind, such as garments
# or receipts, score about twice as high as the photos that the model's tail was fitted on.
WIDENED = 2.2


@dataclass(frozen=True)
class CollectionCalibration:
    """How likely the best of a collection's strangers scores as high as a match.

    Args:
        model: the tail of strangers' scores that comes with the model.
        strangers: the tail of leads between the collection's own references; None where it has
            too few references, or was not calibrated yet.
        references: the number of references in the collection, at least 1.
        again: the tail of second leads (see `second_look`) between its own references; None where
            it did not learn them.
    """

    model: Tail
    strangers: StrangersTail | None
    references: int
    again: StrangersTail | None = None

    def false_match_rates(self, scores: ArrayLike) -> Floats64:
        """Probability for each match that the best stranger scores as high.

        Args:
            scores: the highest cosines of one query, descending, of shape (k,): at least `LISTED`
                or as many as the collection has, without the copies of the best. Of a framed
                query (see `margins`) those of its content.

        Returns:
            Probabilities in [0, 1] of shape (k,), rising with the rank.
        """
        values = np.asarray(scores, np.float64)
        listed = values[:LISTED]
        if self.strangers is None or self.references < LEAST:
            return self._by_model(values)
        filled = np.full((1, LISTED), -1.0)
        filled[0, : len(listed)] = listed
        lead = usual(filled[:, 1:], self.references).lead(values[None])[0]
        own = self.strangers.false_match_rate(lead)
        if self.model_share == 0:
            return own
        by_model = self._by_model(values) ** (1 / self.model_share)
        # Among ordinary scores the collection knows best; the model only guards its tail.
        return np.maximum(own, np.minimum(by_model, TAIL_SHARE))

    def rates_again(self, strengths: ArrayLike) -> Floats64:
        """Probability for each candidate of a second look that the best stranger is as strong.

        Args:
            strengths: the highest of one query, descending, (k,), without the copies of the best.

        Returns:
            Probabilities in [0, 1] of shape (k,), rising with the rank.
        """
        by_photos = reached(strengths, self.references)
        if self.again is None:
            return np.maximum(by_photos, SMALLEST_RATE)
        own = self.again.false_match_rate(second_leads(strengths, self.references))
        if self.model_share > 0:
            own = np.maximum(own, np.minimum(by_photos ** (1 / self.model_share), TAIL_SHARE))
        return np.maximum(own, SMALLEST_RATE)

    def score_needed(self, rate: float, others: ArrayLike) -> float:
        """The score from which the false-match rate of a query is at most ``rate``.

        Args:
            rate: a probability in (0, 1).
            others: the other scores of the query, descending, of shape (k,), k at least `LISTED`
                or as many as the collection has.

        Returns:
            A cosine in [0, 1]; 1 where no score would do.
        """
        low, high = 0.0, 1.0
        for _ in range(20):  # halvings: to a millionth
            middle = (low + high) / 2
            scores = np.concatenate([[middle], np.asarray(others, np.float64)])
            if self.false_match_rates(scores)[0] <= rate:
                high = middle
            else:
                low = middle
        return high

    @property
    def model_share(self) -> float:
        """How much the model's tail is weighed: 1 in a small collection, 0 in a large one."""
        return smallness(self.references)

    def by_model(self, score: float) -> float:
        """The false-match rate that the photos would state that the model was calibrated on."""
        return float(self._at_size(np.array([score]))[0])

    def _by_model(self, scores: Floats64) -> Floats64:
        return self._at_size(scores / WIDENED)

    def _at_size(self, scores: Floats64) -> Floats64:
        return best_of(self.model.exceedance(scores), self.references)


def calibrate(
    model: Tail, lists: ArrayLike, references: int, again: ArrayLike = ()
) -> CollectionCalibration:
    """Calibrate a collection by a sample of its references.

    Args:
        model: the tail of strangers' scores that comes with the model.
        lists: for each sampled reference its highest cosines with the others, descending, of shape
            (n, k), k at most `LISTED` + `MOST_COPIES`; -1 where there are none.
        references: the number of references in the collection.
        again: the second leads of some references among the others, (m,).
    """
    rows, second = np.asarray(lists, np.float64), np.asarray(again, np.float64)
    first = None
    if len(rows) >= LEAST_LEADS and references >= LEAST:
        first = fit_strangers(leads(without_copies(rows, references), references))
    fitted = fit_strangers(second, SECOND_CUT) if len(second) >= LEAST_LEADS else None
    return CollectionCalibration(model, first, references, fitted)


def scores_needed(
    calibration: CollectionCalibration, lists: ArrayLike, rate: float
) -> tuple[float, float, float]:
    """From which score a query is an origin in a collection, at a stated false-match rate.

    Args:
        calibration: the calibration of the collection.
        lists: for each sampled reference its highest cosines with the others, as for `calibrate`.
        rate: a probability in (0, 1).

    Returns:
        The scores for three pictures of the collection: one that resembles few others, one in the
        middle, and one that resembles many; they are at a tenth, a half and nine tenths.
    """
    rows = np.asarray(lists, np.float64)
    if not len(rows):
        rows = np.full((1, LISTED), -1.0)
    order = np.argsort(rows[:, :LISTED].mean(axis=1))
    chosen = [rows[order[int(share * (len(order) - 1))]] for share in (0.1, 0.5, 0.9)]
    few, middle, many = (calibration.score_needed(rate, others) for others in chosen)
    return few, middle, many
