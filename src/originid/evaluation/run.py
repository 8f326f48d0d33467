"""From a manifest and a folder of photos to a report, in one call."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from originid.encoders import Encoder
from originid.errors import InputError
from originid.evaluation.attacked import encode_attacked
from originid.evaluation.attacks import Attack
from originid.evaluation.protocol import (
    Protocol,
    Ranking,
    assign_folds,
    find_truth,
    join_folds,
    list_references,
    rank,
)
from originid.evaluation.report import Miss, Report, summarise, worst_misses
from originid.latent_cache import LatentCache, encode_paths
from originid.maps import unit_length
from originid.model import Model
from originid.pairs import image_paths, readable_pairs
from originid.progress import Progress, silent
from originid.training.examples import PairExamples
from originid.training.fitting import Settings, fit_map
from originid.training.samples import ArraySamples
from originid.types import Failure, Latents, Pair, Vectors
from originid.walk import find_images, refuse_missing


@dataclass(frozen=True)
class Outcome:
    """A report, the queries that did worst, and how long a map took to fit, in seconds."""

    report: Report
    misses: list[Miss]
    fit_seconds: float = 0.0


@dataclass(frozen=True)
class Material:
    """What is ranked: readable pairs, references, and an array with one row per file.

    ``attacked`` has what stands for a query when it is judged, where that is not its file.
    """

    pairs: list[Pair]
    references: list[Path]
    rows: dict[Path, int]
    values: Latents
    skipped: list[Failure]
    attacked: dict[Path, Latents] = field(default_factory=dict)

    def take(self, paths: Iterable[Path]) -> Latents:
        """The rows of these files, (n, ...)."""
        return self.values[[self.rows[path] for path in paths]]

    def queries(self, rows: Iterable[int]) -> Latents:
        """What is judged of these pairs: their queries, attacked if they are, (n, ...)."""
        paths = [self.pairs[row].query for row in rows]
        if not self.attacked:
            return self.take(paths)
        return np.stack([self.attacked[path] for path in paths])


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
    material = _encode(pairs, [photos], model.encoder, model.vectors, progress, cache)
    if attack is not None:
        material = _attack(material, model.encoder, attack, model.vectors, progress, cache)
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


def encode_all(
    pairs: Sequence[Pair],
    photos: Sequence[Path],
    encoder: Encoder,
    progress: Progress = silent,
    cache: LatentCache | None = None,
) -> Material:
    """The latents of all pairs and photos, held in memory."""
    return _encode(pairs, photos, encoder, _as_they_are, progress, cache)


def attack_queries(
    material: Material,
    encoder: Encoder,
    attack: Attack,
    progress: Progress = silent,
    cache: LatentCache | None = None,
) -> Material:
    """The same, judged on attacked queries; what is learned is learned from the others.

    Args:
        material: from `encode_all`.
        encoder: what made its latents.
        attack: on each query, at its own size.
        progress: called as queries are encoded.
        cache: of latents; what an attack makes is kept under a key of its own.
    """
    return _attack(material, encoder, attack, _as_they_are, progress, cache)


def judge_folds(
    material: Material,
    encoder: Encoder,
    settings: Settings | None,
    protocol: Protocol,
    seen: NDArray[np.bool_] | None = None,
) -> Outcome:
    """Cross-validate on latents at hand, as `cross_validate` does.

    Args:
        material: from `encode_all`.
        encoder: what made its latents.
        settings: of the fit; None is no map but the mean.
        protocol: see `Protocol`.
        seen: whether a pair may be trained on, (q,), for generators that training must not
            see; by default all may.
    """
    folds = assign_folds(material.pairs, protocol.fold_by, protocol.folds)
    truth = find_truth(material.pairs, material.references)
    rankings, seconds = [], 0.0
    for fold in range(protocol.folds):
        inside = np.flatnonzero(folds == fold)
        examples = outside_fold(material, folds != fold, seen)
        start = time.perf_counter()
        map = fit_map(examples, encoder, settings)
        seconds += time.perf_counter() - start
        queries = material.queries(inside)
        rankings.append(
            rank(
                unit_length(map.apply(queries)),
                unit_length(map.apply(material.take(material.references))),
                truth.take(inside),
            )
        )
    outcome = _outcome(material, join_folds(rankings, folds), protocol)
    return replace(outcome, fit_seconds=seconds / protocol.folds)


def outside_fold(
    material: Material, outside: NDArray[np.bool_], seen: NDArray[np.bool_] | None = None
) -> PairExamples:
    """What may be learned from to judge a fold.

    Args:
        material: from `encode_all`.
        outside: whether a pair is outside the fold, (q,).
        seen: as of `judge_folds`.
    """
    used = outside if seen is None else outside & seen
    train = [material.pairs[row] for row in np.flatnonzero(used)]
    test = {material.pairs[row].origin for row in np.flatnonzero(~outside)}
    natural = (path for path in material.references if path not in test)
    return examples_of(material, train, natural)


def examples_of(material: Material, pairs: Sequence[Pair], natural: Iterable[Path]) -> PairExamples:
    """Some pairs and natural images of a material, to fit a map to."""
    everything = np.zeros(len(material.values), np.int64)
    return PairExamples(
        ArraySamples(material.values, everything),
        np.array([material.rows[pair.origin] for pair in pairs], np.int64),
        np.array([material.rows[pair.query] for pair in pairs], np.int64),
        [pair.group for pair in pairs],
        np.array([material.rows[path] for path in natural], np.int64),
    )


def _encode(
    pairs: Sequence[Pair],
    photos: Sequence[Path],
    encoder: Encoder,
    finish: Callable[[Latents], Vectors],
    progress: Progress,
    cache: LatentCache | None,
) -> Material:
    """Encode every file once, and leave out what cannot be read."""
    refuse_missing(path for path in photos if not path.is_file())
    skipped: list[Failure] = []
    found = [Path(path) for path in find_images(photos, skipped.append)]
    paths = list(dict.fromkeys([*image_paths(pairs), *list_references(pairs, found)]))
    named = set(image_paths(pairs))
    contents: set[bytes] = set()  # of the files that the manifest names
    rows: dict[Path, int] = {}
    parts = []
    for chunk in encode_paths(paths, encoder, skipped.append, progress, cache):
        contents |= {entry.sha256 for entry in chunk if entry.path in named}
        # A copy of an origin among the photos is not a wrong answer.
        good = [entry for entry in chunk if entry.path in named or entry.sha256 not in contents]
        rows |= {entry.path: len(rows) + place for place, entry in enumerate(good)}
        if good:
            parts.append(finish(np.stack([entry.latent for entry in good])))
    readable = readable_pairs(pairs, skipped)
    if not readable:
        raise InputError(
            f"none of {len(pairs)} pairs can be read",
            "expected image files at the manifest's paths, which are relative to its folder",
            f"first reason: {skipped[0].path}: {skipped[0].reason}",
        )
    references = [path for path in list_references(readable, found) if path in rows]
    return Material(readable, references, rows, np.concatenate(parts), skipped)


def _attack(
    material: Material,
    encoder: Encoder,
    attack: Attack,
    finish: Callable[[Latents], Vectors],
    progress: Progress,
    cache: LatentCache | None,
) -> Material:
    skipped = list(material.skipped)
    paths = list(dict.fromkeys(pair.query for pair in material.pairs))
    attacked: dict[Path, Latents] = {}
    for chunk in encode_attacked(paths, encoder, attack, skipped.append, progress, cache):
        if chunk:
            values = finish(np.stack([entry.latent for entry in chunk]))
            attacked |= zip((entry.path for entry in chunk), values, strict=True)
    pairs = [pair for pair in material.pairs if pair.query in attacked]
    if not pairs:
        raise InputError(
            f"no query can be attacked by {attack}",
            "expected images",
            f"last reason: {skipped[-1].path}: {skipped[-1].reason}",
        )
    return replace(material, pairs=pairs, skipped=skipped, attacked=attacked)


def _as_they_are(latents: Latents) -> Latents:
    return latents


def _outcome(material: Material, ranking: Ranking, protocol: Protocol) -> Outcome:
    report = summarise(ranking, material.pairs, material.references, protocol, material.skipped)
    return Outcome(report, worst_misses(ranking, material.pairs, material.references))
