"""The latents that an evaluation needs: those of the pairs of a manifest, and those of photos."""

import os
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
"""A function from latents (n, latent_dim) to vectors (n, dim) of unit length."""


@dataclass(frozen=True)
class EncodedPairs:
    """Pairs and references whose files could be read, with a latent for each file.

    In place of latents there may be vectors, if that is what the functions below were asked for.

    Args:
        pairs: the pairs of which both files could be read.
        references: the files that queries are compared with: the origins, then the photos.
        rows: the number of the row of each file in the store.
        store: the latents of all files.
        skipped: the files that could not be used.
        attacked: the latents of the attacked queries by the path of the query, (latent_dim,) each;
            empty if the queries are judged as they are.
        strangers: the files that are queries without an origin.
    """

    pairs: list[Pair]
    references: list[Path]
    rows: dict[Path, int]
    store: Store
    skipped: list[Failure]
    attacked: dict[Path, Latents] = field(default_factory=dict)
    strangers: list[Path] = field(default_factory=list)

    def take(self, paths: Iterable[Path]) -> Latents:
        """Return the latents of some files.

        Args:
            paths: n of the files; each must be a key of ``rows``.

        Returns:
            float32 of shape (n, latent_dim), in the order of the paths.
        """
        return self.store.take(np.array([self.rows[path] for path in paths], np.int64))

    def queries(self, rows: Iterable[int]) -> Latents:
        """Return the latents of the queries of some pairs, attacked if there is an attack.

        Args:
            rows: the numbers of n pairs in ``pairs``.

        Returns:
            float32 of shape (n, latent_dim), in the order of the pairs.
        """
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
    """Encode files, and keep the latents of some of them in a store.

    If there is a cache, the latents stay in it, so that for millions of images the memory holds
    only their paths. The memory holds them if there is no cache, and it always holds what
    ``to_vectors`` returns.

    Args:
        paths: the paths of image files, each of them once.
        encoder: the encoder that makes the latents.
        keep: called with each file that could be read, in the order of the paths; it says whether
            to keep the file.
        on_failure: called with each file that cannot be used.
        progress: called with the number of files that are done and of all files.
        cache: the cache of latents, which is read and filled, or None.
        to_vectors: a function whose result is stored in place of latents, such as the vectors of a
            model, or None.

    Returns:
        The number of the row of each file that is kept, and the store that has these rows.
    """
    rows: dict[Path, int] = {}
    cached: list[int] = []
    # The empty first array is what is stored if no file is kept.
    arrays = [np.zeros((0, 0), np.float32)]
    for chunk in encode_paths(paths, encoder, on_failure, progress, cache):
        good = [entry for entry in chunk if keep(entry)]
        rows |= {entry.path: len(rows) + place for place, entry in enumerate(good)}
        if cache is not None and to_vectors is None:
            cached += [cache.index(entry.sha256) for entry in good]
        elif good:
            latents = np.stack([entry.latent for entry in good])
            arrays.append(latents if to_vectors is None else to_vectors(latents))
    if cache is not None and to_vectors is None:
        return rows, Selection(cache, np.array(cached, np.int64))
    return rows, ArrayStore(np.concatenate(arrays[1:] or arrays))


def _leave_out_copies(named: set[Path], without_origin: set[Path]) -> Callable[[FileLatent], bool]:
    """Return a function that keeps every file of the manifest, and no other file that is a copy.

    It must be called with the files of the manifest first, then the photos, then the strangers:
    the contents of a file are compared with those that were seen before it.

    Args:
        named: the files that the manifest names.
        without_origin: the strangers.
    """
    contents: set[bytes] = set()  # the SHA-256 of each file that the manifest names
    of_photos: set[bytes] = set()  # of each photo, if there are strangers to compare with them

    def keep(entry: FileLatent) -> bool:
        """Note what the file contains, and say whether to keep it."""
        if entry.path in named:
            contents.add(entry.sha256)
            return True
        if entry.path in without_origin:
            return entry.sha256 not in contents and entry.sha256 not in of_photos
        if without_origin:
            of_photos.add(entry.sha256)
        return entry.sha256 not in contents

    return keep


def encode_all(
    pairs: Sequence[Pair],
    photos: Sequence[Path],
    encoder: Encoder,
    progress: Progress = silent,
    cache: LatentCache | None = None,
    to_vectors: ToVectors | None = None,
    strangers: Sequence[Path] = (),
) -> EncodedPairs:
    """Encode all pairs and photos, each file once, and keep their latents as `gather` does.

    A photo with the same bytes as a file of the manifest is left out: it could be a copy of an
    origin, and to find that would not be wrong. A stranger with the same bytes as any of these
    files is left out as well, because it has an origin.

    Args:
        pairs: the pairs of a manifest.
        photos: folders of photos, or files; they become references beside the origins.
        encoder: the encoder that makes the latents.
        progress: called with the number of files that are done and of all files.
        cache: the cache of latents, which is read and filled, or None.
        to_vectors: a function whose result is stored in place of latents, or None.
        strangers: folders of images, or files, that were not made from any reference; they become
            queries without an origin.

    Raises:
        InputError: if a folder is missing, or no pair can be read.
    """
    refuse_missing(path for path in [*photos, *strangers] if not path.is_file())
    skipped: list[Failure] = []
    found = [Path(path) for path in find_images(photos, skipped.append)]
    others = [Path(os.path.realpath(path)) for path in find_images(strangers, skipped.append)]
    known = list(dict.fromkeys([*image_paths(pairs), *list_references(pairs, found)]))
    without_origin = set(others) - set(known)
    paths = [*known, *(path for path in dict.fromkeys(others) if path in without_origin)]
    keep = _leave_out_copies(set(image_paths(pairs)), without_origin)
    rows, store = gather(paths, encoder, keep, skipped.append, progress, cache, to_vectors)
    readable = readable_pairs(pairs, skipped)
    references = [path for path in list_references(readable, found) if path in rows]
    kept = [path for path in paths[len(known) :] if path in rows]
    return EncodedPairs(readable, references, rows, store, skipped, strangers=kept)


def attack_queries(
    encoded: EncodedPairs,
    encoder: Encoder,
    attack: Attack,
    progress: Progress = silent,
    cache: LatentCache | None = None,
    to_vectors: ToVectors | None = None,
) -> EncodedPairs:
    """Attack the queries. They are then judged as attacked, but maps are still fitted to the files.

    Args:
        encoded: the pairs and their latents, as `encode_all` returns them.
        encoder: the encoder that made the latents.
        attack: the attack on each query.
        progress: called with the number of queries that are done and of all queries.
        cache: the cache of latents, or None; an attacked query has an entry of its own.
        to_vectors: the function that `encode_all` got, or None.

    Returns:
        The same pairs and references, without the pairs whose query cannot be attacked.

    Raises:
        InputError: if no query can be attacked.
    """
    skipped = list(encoded.skipped)
    paths = list(dict.fromkeys(pair.query for pair in encoded.pairs))
    attacked: dict[Path, Latents] = {}
    for chunk in encode_attacked(paths, encoder, attack, skipped.append, progress, cache):
        if chunk:
            latents = np.stack([entry.latent for entry in chunk])
            values = latents if to_vectors is None else to_vectors(latents)
            attacked |= zip((entry.path for entry in chunk), values, strict=True)
    pairs = [pair for pair in encoded.pairs if pair.query in attacked]
    if not pairs:
        raise InputError(
            f"no query can be attacked by {attack}",
            "expected images",
            f"last reason: {skipped[-1].path}: {skipped[-1].reason}",
        )
    return replace(encoded, pairs=pairs, skipped=skipped, attacked=attacked)


def examples_of(
    encoded: EncodedPairs, pairs: Sequence[Pair], natural: Iterable[Path]
) -> PairExamples:
    """Select the latents to fit a map to.

    Args:
        encoded: the pairs and their latents.
        pairs: the pairs to learn from.
        natural: files of unedited images, for the mean and the spread of latents.
    """
    return PairExamples(
        encoded.store,
        np.array([encoded.rows[pair.origin] for pair in pairs], np.int64),
        np.array([encoded.rows[pair.query] for pair in pairs], np.int64),
        [pair.group for pair in pairs],
        np.array([encoded.rows[path] for path in natural], np.int64),
    )
