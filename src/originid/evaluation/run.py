"""From a manifest and a folder of photos to a report, in one call."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from originid.encoders import Encoder
from originid.evaluation.attacks import Attack
from originid.evaluation.encoded_pairs import EncodedPairs, attack_queries, encode_all
from originid.evaluation.fold_split import FoldSplit, rank_by_map
from originid.evaluation.protocol import Protocol, Ranking, assign_folds, find_truth, rank
from originid.evaluation.report import Miss, Report, summarise, worst_misses
from originid.latents import LatentCache
from originid.model import Model
from originid.system.progress import Progress, silent
from originid.training.fitting import Settings
from originid.types import Mask, Pair


@dataclass(frozen=True)
class Outcome:
    """A report, the queries that did worst, and how long a map took to fit, in seconds."""

    report: Report
    misses: list[Miss]
    fit_seconds: float = 0.0


def evaluate_model(
    pairs: Sequence[Pair],
    photos: Path,
    model: Model,
    protocol: Protocol,
    progress: Progress = silent,
    cache: LatentCache | None = None,
    attack: Attack | None = None,
) -> Outcome:
    """Judge a model as it stands; its numbers mean little on pairs that it was fitted to.

    Args:
        pairs: of the manifest.
        photos: folder of distractors.
        model: what is judged.
        protocol: see `Protocol`.
        progress: called as images are encoded.
        cache: of latents, to read and to fill.
        attack: on the queries.

    Raises:
        InputError: no pair can be read.
    """
    material = encode_all(pairs, [photos], model.encoder, progress, cache, model.vectors)
    if attack is not None:
        material = attack_queries(material, model.encoder, attack, progress, cache, model.vectors)
    queries = material.queries(range(len(material.pairs)))
    references = material.take(material.references)
    ranking = rank(queries, references, find_truth(material.pairs, material.references))
    return _outcome(material, ranking, protocol)


def cross_validate(
    pairs: Sequence[Pair],
    photos: Path,
    encoder: Encoder,
    settings: Settings | None,
    protocol: Protocol,
    progress: Progress = silent,
    cache: LatentCache | None = None,
    attack: Attack | None = None,
) -> Outcome:
    """Judge a way to fit maps: the queries of a fold by a map fitted to the other folds' pairs.

    The mean that a map subtracts is that of the photos and of the other folds' origins.

    Args:
        pairs: of the manifest.
        photos: folder of distractors, and a sample of natural images.
        encoder: what the map is fitted on.
        settings: of the fit; None is no map but the mean.
        protocol: see `Protocol`.
        progress: called as images are encoded.
        cache: of latents, to read and to fill.
        attack: on the queries that are judged; maps are fitted to those that are not attacked.

    Raises:
        InputError: no pair can be read, or there are fewer separate sources than folds.
    """
    material = encode_all(pairs, [photos], encoder, progress, cache)
    if attack is not None:
        material = attack_queries(material, encoder, attack, progress, cache)
    return judge_folds(material, encoder, settings, protocol)


def judge_folds(
    material: EncodedPairs,
    encoder: Encoder,
    settings: Settings | None,
    protocol: Protocol,
    allowed: Mask | None = None,
) -> Outcome:
    """Cross-validate on latents at hand, as `cross_validate` does.

    Args:
        material: from `encode_all`.
        encoder: what made its latents.
        settings: of the fit; None is no map but the mean.
        protocol: see `Protocol`.
        allowed: see `FoldSplit`.
    """
    folds = assign_folds(material.pairs, protocol.fold_by, protocol.folds)
    trial = FoldSplit(material, folds, material.references, allowed)
    ranking, seconds = rank_by_map(trial, encoder, settings)
    return _outcome(material, ranking, protocol, seconds)


def _outcome(
    material: EncodedPairs, ranking: Ranking, protocol: Protocol, fit_seconds: float = 0.0
) -> Outcome:
    report = summarise(ranking, material.pairs, material.references, protocol, material.skipped)
    misses = worst_misses(ranking, material.pairs, material.references)
    return Outcome(report, misses, fit_seconds)
