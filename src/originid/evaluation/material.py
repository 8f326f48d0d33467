"""The latents that are judged: of the pairs of a manifest, and of photos."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from originid.encoders import Encoder
from originid.errors import InputError
from originid.evaluation.attacked import encode_attacked
from originid.evaluation.attacks import Attack
from originid.evaluation.protocol import list_references
from originid.latent_cache import LatentCache, encode_paths
from originid.pairs import image_paths, readable_pairs
from originid.progress import Progress, silent
from originid.training.examples import PairExamples
from originid.training.samples import ArraySamples
from originid.types import Failure, Latents, Pair, Vectors
from originid.walk import find_images, refuse_missing

Finish = Callable[[Latents], Vectors]


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


def _as_they_are(latents: Latents) -> Latents:
    return latents


def encode_all(
    pairs: Sequence[Pair],
    photos: Sequence[Path],
    encoder: Encoder,
    progress: Progress = silent,
    cache: LatentCache | None = None,
    finish: Finish = _as_they_are,
) -> Material:
    """The latents of all pairs and photos, each file encoded once, held in memory.

    Args:
        pairs: of a manifest.
        photos: folders of photos.
        encoder: what makes the latents.
        progress: called as images are encoded.
        cache: of latents, to read and to fill.
        finish: what is held in the place of latents: a model's vectors, say.

    Raises:
        InputError: no pair can be read.
    """
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


def attack_queries(
    material: Material,
    encoder: Encoder,
    attack: Attack,
    progress: Progress = silent,
    cache: LatentCache | None = None,
    finish: Finish = _as_they_are,
) -> Material:
    """The same, judged on attacked queries; what is learned is learned from the others.

    Args:
        material: from `encode_all`.
        encoder: what made its latents.
        attack: on each query, at its own size.
        progress: called as queries are encoded.
        cache: of latents; what an attack makes is kept under a key of its own.
        finish: as of `encode_all`.

    Raises:
        InputError: no query can be attacked.
    """
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
