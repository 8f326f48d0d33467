"""Runs a whole evaluation: from a manifest and a folder of photos to a report."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from originid.encoders import Encoder
from originid.evaluation.attacks import Attack
from originid.evaluation.encoded_pairs import EncodedPairs, attack_queries, encode_all
from originid.evaluation.fold_split import FoldSplit, rank_by_map
from originid.evaluation.folds import assign_folds
from originid.evaluation.protocol import Protocol, Ranking, find_truth, rank
from originid.evaluation.report import Miss, Report, summarise, worst_misses
from originid.evaluation.trials import try_fold, try_model
from originid.evaluation.trust import Trials, Trust, join_trials, summarise_trust
from originid.latents import LatentCache
from originid.model import Model
from originid.system.progress import Progress, silent
from originid.training.fitting import Settings
from originid.types import Json, Mask, Pair

PROTOCOL = Protocol()


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation returns.

    Args:
        report: the results.
        misses: the queries that missed their origin by most.
        fit_seconds: the mean time in seconds that it took to fit a map; 0 if none was fitted.
        trials: what the queries found with and without their origins, and at which stated rate;
            None if there are too few images to fit the tail of a map's scores.
        trust: the figures about the stated rates, or None as above.
    """

    report: Report
    misses: list[Miss]
    fit_seconds: float = 0.0
    trials: Trials | None = None
    trust: Trust | None = None

    def to_json(self) -> Json:
        """Return the results as ``evaluate --json`` prints them; ``trust`` is null if unknown."""
        trust = None if self.trust is None else self.trust.to_json()
        return {**self.report.to_json(), "trust": trust}


def evaluate_model(
    pairs: Sequence[Pair],
    photos: Path,
    model: Model,
    protocol: Protocol = PROTOCOL,
    progress: Progress = silent,
    cache: LatentCache | None = None,
    attack: Attack | None = None,
    strangers: Path | None = None,
) -> Evaluation:
    """Judge a model as it is. On pairs that the model was fitted to, the results mean little.

    Args:
        pairs: the pairs of a manifest.
        photos: a folder of photos, which are distractors.
        model: the model to judge.
        protocol: the settings of the evaluation.
        progress: called with the number of files that are done and of all files.
        cache: the cache of latents, which is read and filled, or None.
        attack: an attack on the queries, or None.
        strangers: a folder of images that were not made from any reference; they are further
            queries without an origin. None if there are none.

    Raises:
        InputError: if the folder is missing, or no pair can be read.

    Example:
        >>> import originid
        >>> from originid.testing import write_photos
        >>> photos, edits = write_photos("distractors", 30), write_photos("edits", 2)
        >>> pairs = [originid.Pair(*both, both[0].name) for both in zip(photos, edits)]
        >>> outcome = originid.evaluate_model(pairs, Path("distractors"), originid.open_model())
        >>> outcome.report.averages.to_json()["acc"]
        100.0
    """
    others = [] if strangers is None else [strangers]
    encoded = encode_all(pairs, [photos], model.encoder, progress, cache, model.vectors, others)
    if attack is not None:
        encoded = attack_queries(encoded, model.encoder, attack, progress, cache, model.vectors)
    queries = encoded.queries(range(len(encoded.pairs)))
    references = encoded.take(encoded.references)
    truth = find_truth(encoded.pairs, encoded.references)
    ranking = rank(queries, references, truth)
    trials = try_model(encoded, truth, model.calibration.tail)
    return _evaluation(encoded, ranking, protocol, trials)


def cross_validate(
    pairs: Sequence[Pair],
    photos: Path,
    encoder: Encoder,
    settings: Settings,
    protocol: Protocol = PROTOCOL,
    progress: Progress = silent,
    cache: LatentCache | None = None,
    attack: Attack | None = None,
    strangers: Path | None = None,
) -> Evaluation:
    """Judge a way to fit maps by cross-validation.

    The queries of each fold are ranked by a map that is fitted to the pairs of the other folds. The
    mean that the map subtracts is that of the photos and of the origins of the other folds.

    Args:
        pairs: the pairs of a manifest.
        photos: a folder of photos, which are both distractors and a sample of natural images.
        encoder: the encoder that makes the latents.
        settings: how the map of each fold is learned.
        protocol: the settings of the evaluation.
        progress: called with the number of files that are done and of all files.
        cache: the cache of latents, which is read and filled, or None.
        attack: an attack on the queries that are judged, or None; maps are fitted to queries that
            are not attacked.
        strangers: a folder of images that were not made from any reference; they are further
            queries without an origin. None if there are none.

    Raises:
        InputError: if the folder is missing, no pair can be read, or the pairs cannot be divided
            into so many folds.

    Example:
        >>> import originid
        >>> from originid.testing import write_photos
        >>> photos, edits = write_photos("others", 30), write_photos("edits", 8)
        >>> pairs = [
        ...     originid.Pair(*both, both[0].name, {"source": both[0].name})
        ...     for both in zip(photos, edits)
        ... ]
        >>> outcome = originid.cross_validate(
        ...     pairs,
        ...     Path("others"),
        ...     originid.open_encoder("pixels"),
        ...     originid.read_map_settings("none"),
        ... )
        >>> outcome.report.averages.to_json()["acc"]
        100.0
    """
    assign_folds(pairs, protocol.fold_by, protocol.folds)  # before anything is encoded
    others = [] if strangers is None else [strangers]
    encoded = encode_all(pairs, [photos], encoder, progress, cache, strangers=others)
    if attack is not None:
        encoded = attack_queries(encoded, encoder, attack, progress, cache)
    return judge_folds(encoded, encoder, settings, protocol)


def judge_folds(
    encoded: EncodedPairs,
    encoder: Encoder,
    settings: Settings,
    protocol: Protocol,
    allowed: Mask | None = None,
) -> Evaluation:
    """Judge a way to fit maps by cross-validation, on latents that are computed already.

    Args:
        encoded: the pairs and their latents, as `encode_all` returns them.
        encoder: the encoder that made the latents.
        settings: how the map of each fold is learned.
        protocol: the settings of the evaluation.
        allowed: whether a pair may be learned from, bool of shape (q,); by default all may be.

    Raises:
        InputError: if the pairs cannot be divided into so many folds.
    """
    folds = assign_folds(encoded.pairs, protocol.fold_by, protocol.folds)
    split = FoldSplit(encoded, folds, encoded.references, allowed)
    of_folds: list[Trials | None] = []
    ranking, seconds = rank_by_map(
        split, encoder, settings, on_fold=lambda fold: of_folds.append(try_fold(split, fold))
    )
    known = [trials for trials in of_folds if trials is not None]
    trials = join_trials(known) if len(known) == len(of_folds) else None
    return _evaluation(encoded, ranking, protocol, trials, seconds)


def _evaluation(
    encoded: EncodedPairs,
    ranking: Ranking,
    protocol: Protocol,
    trials: Trials | None,
    fit_seconds: float = 0.0,
) -> Evaluation:
    report = summarise(ranking, encoded.pairs, encoded.references, protocol, encoded.skipped)
    misses = worst_misses(ranking, encoded.pairs, encoded.references)
    trust = None if trials is None else summarise_trust(trials, protocol)
    return Evaluation(report, misses, fit_seconds, trials, trust)
