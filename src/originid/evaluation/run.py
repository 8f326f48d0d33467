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
from originid.latents import LatentCache
from originid.model import Model
from originid.system.progress import Progress, silent
from originid.training.fitting import Settings
from originid.types import Mask, Pair

PROTOCOL = Protocol()


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation returns.

    Args:
        report: the results.
        misses: the queries that missed their origin by most.
        fit_seconds: the mean time in seconds that it took to fit a map; 0 if none was fitted.
    """

    report: Report
    misses: list[Miss]
    fit_seconds: float = 0.0


def evaluate_model(
    pairs: Sequence[Pair],
    photos: Path,
    model: Model,
    protocol: Protocol = PROTOCOL,
    progress: Progress = silent,
    cache: LatentCache | None = None,
    attack: Attack | None = None,
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
    encoded = encode_all(pairs, [photos], model.encoder, progress, cache, model.vectors)
    if attack is not None:
        encoded = attack_queries(encoded, model.encoder, attack, progress, cache, model.vectors)
    queries = encoded.queries(range(len(encoded.pairs)))
    references = encoded.take(encoded.references)
    ranking = rank(queries, references, find_truth(encoded.pairs, encoded.references))
    return _evaluation(encoded, ranking, protocol)


def cross_validate(
    pairs: Sequence[Pair],
    photos: Path,
    encoder: Encoder,
    settings: Settings,
    protocol: Protocol = PROTOCOL,
    progress: Progress = silent,
    cache: LatentCache | None = None,
    attack: Attack | None = None,
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
    encoded = encode_all(pairs, [photos], encoder, progress, cache)
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
    ranking, seconds = rank_by_map(split, encoder, settings)
    return _evaluation(encoded, ranking, protocol, seconds)


def _evaluation(
    encoded: EncodedPairs, ranking: Ranking, protocol: Protocol, fit_seconds: float = 0.0
) -> Evaluation:
    report = summarise(ranking, encoded.pairs, encoded.references, protocol, encoded.skipped)
    misses = worst_misses(ranking, encoded.pairs, encoded.references)
    return Evaluation(report, misses, fit_seconds)
