"""From a manifest and a folder of photos to a report, in one call."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from originid.encoders import Encoder
from originid.errors import InputError
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
from originid.maps import Map, unit_length
from originid.model import Model
from originid.pairs import image_paths, readable_pairs
from originid.pipeline import Encoded, Source, encode_sources
from originid.training.closed_form import ClosedForm
from originid.training.train import fit_latents
from originid.types import Failure, Latents, Pair, Vectors
from originid.walk import find_images, refuse_missing

Progress = Callable[[int, int], None]
"""Called with the images done and the images in all."""


@dataclass(frozen=True)
class Outcome:
    """A report, and the queries that did worst."""

    report: Report
    misses: list[Miss]


@dataclass(frozen=True)
class Material:
    """What is ranked: readable pairs, references, and an array with one row per file."""

    pairs: list[Pair]
    references: list[Path]
    rows: dict[Path, int]
    values: Latents
    skipped: list[Failure]

    def take(self, paths: Iterable[Path]) -> Latents:
        """The rows of these files, (n, ...)."""
        return self.values[[self.rows[path] for path in paths]]


def evaluate_model(
    pairs: Sequence[Pair],
    photos: Path,
    model: Model,
    protocol: Protocol,
    progress: Progress = lambda done, total: None,
) -> Outcome:
    """Judge a model as it stands; its numbers mean little on pairs that it was fitted to.

    Args:
        pairs: of the manifest.
        photos: folder of distractors.
        model: what is judged.
        protocol: see `Protocol`.
        progress: called as images are encoded.

    Raises:
        InputError: no pair can be read.
    """
    material = _encode(pairs, photos, model.encoder, model.vectors, progress)
    queries = material.take(pair.query for pair in material.pairs)
    references = material.take(material.references)
    ranking = rank(queries, references, find_truth(material.pairs, material.references))
    return _outcome(material, ranking, protocol)


def cross_validate(
    pairs: Sequence[Pair],
    photos: Path,
    encoder: Encoder,
    settings: ClosedForm | None,
    protocol: Protocol,
    progress: Progress = lambda done, total: None,
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

    Raises:
        InputError: no pair can be read, or there are fewer separate sources than folds.
    """
    return judge_folds(encode_all(pairs, photos, encoder, progress), encoder, settings, protocol)


def encode_all(
    pairs: Sequence[Pair],
    photos: Path,
    encoder: Encoder,
    progress: Progress = lambda done, total: None,
) -> Material:
    """The latents of all pairs and photos, held in memory."""
    return _encode(pairs, photos, encoder, lambda latents: latents, progress)


def judge_folds(
    material: Material, encoder: Encoder, settings: ClosedForm | None, protocol: Protocol
) -> Outcome:
    """Cross-validate on latents at hand, as `cross_validate` does."""
    folds = assign_folds(material.pairs, protocol.fold_by, protocol.folds)
    truth = find_truth(material.pairs, material.references)
    rankings = []
    for fold in range(protocol.folds):
        inside = np.flatnonzero(folds == fold)
        map = _fit_without(material, folds != fold, encoder, settings)
        queries = material.take(material.pairs[row].query for row in inside)
        rankings.append(
            rank(
                unit_length(map.apply(queries)),
                unit_length(map.apply(material.take(material.references))),
                truth.take(inside),
            )
        )
    return _outcome(material, join_folds(rankings, folds), protocol)


def _fit_without(
    material: Material, outside: "np.ndarray", encoder: Encoder, settings: ClosedForm | None
) -> Map:
    """Fit a map on the pairs outside a fold."""
    train = [pair for pair, used in zip(material.pairs, outside, strict=True) if used]
    test = {pair.origin for pair, used in zip(material.pairs, outside, strict=True) if not used}
    natural = [path for path in material.references if path not in test]
    return fit_latents(
        material.take(pair.origin for pair in train),
        material.take(pair.query for pair in train),
        [pair.group for pair in train],
        material.take(natural),
        encoder,
        settings,
    )


def _encode(
    pairs: Sequence[Pair],
    photos: Path,
    encoder: Encoder,
    finish: Callable[[Latents], Vectors],
    progress: Progress,
) -> Material:
    """Encode every file once, and leave out what cannot be read."""
    refuse_missing([photos])
    skipped: list[Failure] = []
    found = [Path(path) for path in find_images([photos], skipped.append)]
    paths = list(dict.fromkeys([*image_paths(pairs), *list_references(pairs, found)]))
    named = set(image_paths(pairs))
    contents: set[bytes] = set()  # of the files that the manifest names
    rows: dict[Path, int] = {}
    parts = []
    done = 0
    for chunk in encode_sources((Source(os.fspath(path)) for path in paths), encoder):
        done += len(chunk)
        good = []
        for entry in chunk:
            if not isinstance(entry, Encoded):
                continue
            if Path(entry.source.name) in named:
                contents.add(entry.sha256)
            elif entry.sha256 in contents:
                continue  # a copy of an origin among the photos is not a wrong answer
            good.append(entry)
        skipped += [entry for entry in chunk if isinstance(entry, Failure)]
        for entry in good:
            rows[Path(entry.source.name)] = len(rows)
        if good:
            parts.append(finish(np.stack([entry.latent for entry in good])))
        progress(done, len(paths))
    readable = readable_pairs(pairs, skipped)
    if not readable:
        raise InputError(
            f"none of {len(pairs)} pairs can be read",
            "expected image files at the manifest's paths, which are relative to its folder",
            f"first reason: {skipped[0].path}: {skipped[0].reason}",
        )
    references = [path for path in list_references(readable, found) if path in rows]
    return Material(readable, references, rows, np.concatenate(parts), skipped)


def _outcome(material: Material, ranking: Ranking, protocol: Protocol) -> Outcome:
    report = summarise(ranking, material.pairs, material.references, protocol, material.skipped)
    return Outcome(report, worst_misses(ranking, material.pairs, material.references))
