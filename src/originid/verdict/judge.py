"""From the scores of one query to the verdict on it, with its false-match rates and its reason."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from originid.types import Floats64, Verdict
from originid.verdict.collection_calibration import CollectionCalibration
from originid.verdict.information import LITTLE, tells
from originid.verdict.presets import verdict_at
from originid.verdict.reasons import (
    SAME_FILE,
    SAME_PICTURE,
    TOO_LITTLE,
    crowd,
    reason,
)

SAME = 0.98  # a cosine that only the same picture reaches, saved again or scaled
CROWD = 10  # references that score nearly as high as the best make a crowd
NEARLY = 0.9  # of the best score
SURE = 0.01  # false-match rate by the model's photos below which a crowd must be explained


@dataclass(frozen=True)
class Candidate:
    """A reference that may be the origin of a query; of several copies of a picture one.

    Args:
        score: the cosine with the query, in [-1, 1].
        same_file: whether the file has the same bytes as the query's.
        information: the share of its cells that tell something, or None if it was not measured.
    """

    score: float
    same_file: bool = False
    information: float | None = None

    @property
    def is_copy(self) -> bool:
        """Whether it is certainly the same picture."""
        little = self.information is not None and self.information < LITTLE
        return self.same_file or (self.score >= SAME and not little)


@dataclass(frozen=True)
class Judgement:
    """What is said of a query.

    Args:
        verdict: the answer.
        rates: the false-match rate of each candidate, in [0, 1], of shape (c,).
        reason: why, in one sentence.
    """

    verdict: Verdict
    rates: Floats64
    reason: str


def judge(
    calibration: CollectionCalibration,
    scores: Floats64,
    candidates: Sequence[Candidate],
    information: float,
    stated: float,
    chances: float = 1,
) -> Judgement:
    """Judge a query by what it scores in a collection.

    Args:
        calibration: of the collection.
        scores: the highest scores of the query, descending, of shape (k,): those of the candidates
            are among them, those of copies of the best candidate are not.
        candidates: the references that are shown, the best first.
        information: the share of the query's cells that tell something, in [0, 1].
        stated: the false-match rate up to which the verdict is `Verdict.ORIGIN`.
        chances: by how much the false-match rates are multiplied, up to 1, as this query is one of
            several chances to match (Bonferroni's bound); at least 1.
    """
    if not candidates:
        return Judgement(Verdict.NONE, np.empty(0), "none: the collection has nothing like it")
    by_score = dict(zip(scores.tolist(), calibration.false_match_rates(scores), strict=True))
    rates = np.array(
        [
            _rate(candidate, information, by_score[candidate.score], calibration)
            for candidate in candidates
        ]
    )
    rates = np.minimum(chances * rates, 1.0)
    rate = float(rates[0])
    verdict = verdict_at(rate, stated)
    why = _why(calibration, scores, candidates[0], information, verdict, rate)
    return Judgement(verdict, rates, why)


def judge_again(
    calibration: CollectionCalibration,
    strengths: Floats64,
    candidates: Sequence[tuple[float, float | None]],
    information: float,
    stated: float,
    chances: float,
) -> Judgement:
    """Judge a query by how strong the candidates of a second look are.

    Args:
        calibration: of the collection.
        strengths: the highest strengths of the query's candidates, descending, of shape (k,),
            without those of copies of the best candidate.
        candidates: the strength and the information of each reference that is shown, the strongest
            first, at least one.
        information: of the query, as for `judge`.
        stated: as for `judge`.
        chances: as for `judge`.
    """
    by_strength = dict(zip(strengths.tolist(), calibration.rates_again(strengths), strict=True))
    rates = np.array([by_strength[strength] for strength, _ in candidates])
    told = [
        information >= LITTLE and (of_reference is None or of_reference >= LITTLE)
        for _, of_reference in candidates
    ]
    rates = np.where(told, np.minimum(chances * rates, 1.0), 1.0)
    rate = float(rates[0])
    verdict = verdict_at(rate, stated)
    if not told[0]:
        return Judgement(verdict, rates, TOO_LITTLE)
    calibrated = calibration.strangers is not None
    return Judgement(verdict, rates, reason(verdict, rate, calibration.references, calibrated))


def _rate(
    candidate: Candidate, information: float, rate: float, calibration: CollectionCalibration
) -> float:
    if candidate.same_file:
        return 0.0
    if candidate.is_copy:
        return min(rate, calibration.by_model(candidate.score))
    told = tells(information, candidate.information, candidate.score)
    return float(rate) if told else 1.0


def _why(
    calibration: CollectionCalibration,
    scores: Floats64,
    best: Candidate,
    information: float,
    verdict: Verdict,
    rate: float,
) -> str:
    if best.same_file:
        return SAME_FILE
    if best.is_copy:
        return SAME_PICTURE
    if not tells(information, best.information, best.score):
        return TOO_LITTLE
    near = int((scores >= NEARLY * best.score).sum())
    if verdict is Verdict.NONE and near >= CROWD and calibration.by_model(best.score) < SURE:
        return crowd(near)
    return reason(verdict, rate, calibration.references, calibration.strangers is not None)
