"""The latents that are judged: of the pairs of a manifest, and of photos."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from originid.datasets.pairs import image_paths, readable_pairs
from originid.encoders import Encoder
from originid.errors import InputError
from originid.evaluation.attacked import encode_attacked
from originid.evaluation.attacks import Attack
from originid.evaluation.protocol import list_references
from originid.images.find_files import find_images, refuse_missing
from originid.latents import FileLatent, LatentCache, encode_paths
from originid.latents.stores import ArrayStore, Selection, Store
from originid.system.progress import Progress, silent
from originid.training.examples import PairExamples
from originid.types import Failure, Latents, Pair, Vectors

ToVectors = Callable[[Latents], Vectors]


@dataclass(frozen=True)
class EncodedPairs:
    """What is ranked: readable pairs, references, and a store with a row for each file.

    ``attacked`` has what stands for a query when it is judged, where that is not its file.
    """

    pairs: list[Pair]
    references: list[Path]
    rows: dict[Path, int]
    store: Store
    skipped: list[Failure]
    attacked: dict[Path, Latents] = field(default_factory=dict)

    def take(self, paths: Iterable[Path]) -> Latents:
        """The rows of these files, (n, ...)."""
        return self.store.take(np.array([self.rows[path] for path in paths], np.int64))

    def queries(self, rows: Iterable[int]) -> Latents:
        """What is judged of these pairs: their queries, attacked if they are, (n, ...)."""
        paths = [self.pairs[row].query for row in rows]
        if not self.attacked:
            return self.take(paths)
        return np.stack([self.attacked[path] for path in paths])


def gather(
    paths: Sequence[Path],
    encoder: Encoder,
    keep: Callable[[FileLatent], bool],
    on_failure: Callable[[Failure], None],
    progress: Progress = silent,
    cache: LatentCache | None = None,
    to_vectors: ToVectors | None = None,
) -> tuple[dict[Path, int], Store]:
    """The rows of those files that can be read and are kept, and the store that they are in.

    Latents stay in the cache where there is one: of millions of images, memory then holds the
    paths alone. Without one, and of what ``to_vectors`` makes, they are held.

    Args:
        paths: of image files; each is encoded once.
        encoder: what makes the latents.
        keep: asked for each file that can be read, in order.
        on_failure: called with each of the other files.
        progress: called as images are encoded.
        cache: of latents, to read and to fill.
        to_vectors: what is held in the place of latents: a model's vectors, say.
    """
    rows: dict[Path, int] = {}
    cached: list[int] = []
    parts = [np.zeros((0, 0), np.float32)]
    for chunk in encode_paths(paths, encoder, on_failure, progress, cache):
        good = [entry for entry in chunk if keep(entry)]
        rows |= {entry.path: len(rows) + place for place, entry in enumerate(good)}
        if cache is not None and to_vectors is None:
            cached += [cache.index(entry.sha256) for entry in good]
        elif good:
            latents = np.stack([entry.latent for entry in good])
            parts.append(latents if to_vectors is None else to_vectors(latents))
    if cache is not None and to_vectors is None:
        return rows, Selection(cache, np.array(cached, np.int64))
    return rows, ArrayStore(np.concatenate(parts[1:] or parts))


def encode_all(
    pairs: Sequence[Pair],
    photos: Sequence[Path],
    encoder: Encoder,
    progress: Progress = silent,
    cache: LatentCache | None = None,
    to_vectors: ToVectors | None = None,
) -> EncodedPairs:
    """The latents of all pairs and photos, each file encoded once, kept as `gather` says.

    Args:
        pairs: of a manifest.
        photos: folders of photos.
        encoder: what makes the latents.
        progress: called as images are encoded.
        cache: of latents, to read and to fill.
        to_vectors: as of `gather`.

    Raises:
        InputError: no pair can be read.
    """
    refuse_missing(path for path in photos if not path.is_file())
    skipped: list[Failure] = []
    found = [Path(path) for path in find_images(photos, skipped.append)]
    paths = list(dict.fromkeys([*image_paths(pairs), *list_references(pairs, found)]))
    named = set(image_paths(pairs))
    contents: set[bytes] = set()  # of the files that the manifest names

    def keep(entry: FileLatent) -> bool:
        if entry.path in named:
            contents.add(entry.sha256)
            return True
        return entry.sha256 not in contents  # a copy of an origin is not a wrong answer

    rows, store = gather(paths, encoder, keep, skipped.append, progress, cache, to_vectors)
    readable = readable_pairs(pairs, skipped)
    if not readable:
        raise InputError(
            f"none of {len(pairs)} pairs can be read",
            "expected image files at the manifest's paths, which are relative to its folder",
            f"first reason: {skipped[0].path}: {skipped[0].reason}",
        )
    references = [path for path in list_references(readable, found) if path in rows]
    return EncodedPairs(readable, references, rows, store, skipped)


def attack_queries(
    material: EncodedPairs,
    encoder: Encoder,
    attack: Attack,
    progress: Progress = silent,
    cache: LatentCache | None = None,
    to_vectors: ToVectors | None = None,
) -> EncodedPairs:
    """The same, judged on attacked queries; what is learned is learned from the others.

    Args:
        material: from `encode_all`.
        encoder: what made its latents.
        attack: on each query, at its own size.
        progress: called as queries are encoded.
        cache: of latents; what an attack makes is kept under a key of its own.
        to_vectors: as of `gather`.

    Raises:
        InputError: no query can be attacked.
    """
    skipped = list(material.skipped)
    paths = list(dict.fromkeys(pair.query for pair in material.pairs))
    attacked: dict[Path, Latents] = {}
    for chunk in encode_attacked(paths, encoder, attack, skipped.append, progress, cache):
        if chunk:
            latents = np.stack([entry.latent for entry in chunk])
            values = latents if to_vectors is None else to_vectors(latents)
            attacked |= zip((entry.path for entry in chunk), values, strict=True)
    pairs = [pair for pair in material.pairs if pair.query in attacked]
    if not pairs:
        raise InputError(
            f"no query can be attacked by {attack}",
            "expected images",
            f"last reason: {skipped[-1].path}: {skipped[-1].reason}",
        )
    return replace(material, pairs=pairs, skipped=skipped, attacked=attacked)


def examples_of(
    material: EncodedPairs, pairs: Sequence[Pair], natural: Iterable[Path]
) -> PairExamples:
    """Some pairs and natural images of a material, to fit a map to."""
    return PairExamples(
        material.store,
        np.array([material.rows[pair.origin] for pair in pairs], np.int64),
        np.array([material.rows[pair.query] for pair in pairs], np.int64),
        [pair.group for pair in pairs],
        np.array([material.rows[path] for path in natural], np.int64),
    )
