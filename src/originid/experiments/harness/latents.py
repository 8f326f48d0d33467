"""The latents that an experiment works on: those of the pairs and of some of the photos."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from originid.datasets import open_dataset
from originid.datasets.pairs import image_paths, read_pairs, readable_pairs
from originid.encoders import Encoder
from originid.errors import InputError
from originid.evaluation.encoded_pairs import EncodedPairs, gather
from originid.evaluation.protocol import list_references
from originid.experiments.inputs import Inputs
from originid.images.find_files import find_images, refuse_missing
from originid.latents import FileLatent, LatentCache
from originid.system.progress import Progress, silent
from originid.types import Failure, Latents, Pair


@dataclass(frozen=True)
class Files:
    """The pairs of a manifest, and photos spread evenly over a folder."""

    pairs: list[Pair]
    photos: list[Path]
    failures: list[Failure]

    @property
    def paths(self) -> list[Path]:
        """Every file once: those that the manifest names, then the photos."""
        return list(dict.fromkeys([*image_paths(self.pairs), *self.photos]))


@dataclass(frozen=True)
class EncodedFiles:
    """An encoder and what it made of the files, rows of every encoder's ``photos`` alike.

    ``photos`` are the latents (n, latent_dim) of the photos or, without any, of the origins.
    """

    label: str
    encoder: Encoder
    material: EncodedPairs
    photos: Latents

    def blocks(self) -> NDArray[np.float64]:
        """The photos' latents as (n, C, H, W), of an encoder with a single block."""
        return self.photos.reshape(-1, *self.encoder.shapes[0]).astype(np.float64)


def list_files(inputs: Inputs) -> Files:
    """What the inputs name; no pairs or photos where they name none.

    Raises:
        InputError: a bad manifest or a missing folder.
    """
    pairs, folders = named_by(inputs)
    failures: list[Failure] = []
    photos = spread_out(folders, inputs.scale.images, failures.append)
    return Files(pairs, list(photos), failures)


def named_by(inputs: Inputs) -> tuple[list[Pair], tuple[Path, ...]]:
    """The pairs and the folders of photos that inputs name.

    Raises:
        InputError: a bad manifest or data set.
    """
    if inputs.data:
        data = open_dataset(inputs.data)
        return [*(data.train or ()), *data.test], data.photos
    pairs = [] if inputs.pairs is None else read_pairs(inputs.pairs)
    return pairs, () if inputs.references is None else (inputs.references,)


def spread_out(
    photos: Sequence[Path],
    images: int,
    on_failure: Callable[[Failure], None] = lambda failure: None,
) -> tuple[Path, ...]:
    """Some image files spread evenly over folders, links followed.

    Raises:
        InputError: a missing folder.
    """
    refuse_missing(path for path in photos if not path.is_file())
    found = list(find_images(photos, on_failure))
    places = np.linspace(0, len(found) - 1, min(len(found), images)).astype(int)
    return tuple(Path(os.path.realpath(found[place])) for place in places)


def encode_files(
    label: str,
    encoder: Encoder,
    files: Files,
    progress: Progress = silent,
    cache: LatentCache | None = None,
) -> EncodedFiles:
    """The latents of all files, kept as `gather` says.

    Raises:
        InputError: nothing can be read.
    """
    skipped = list(files.failures)
    first: dict[bytes, Path] = {}  # of the files of one content

    def keep(entry: FileLatent) -> bool:
        first.setdefault(entry.sha256, entry.path)
        return True

    rows, store = gather(files.paths, encoder, keep, skipped.append, progress, cache)
    if not rows:
        raise InputError(
            f"none of {len(files.paths)} images can be read",
            "expected readable image files",
            "check the manifest's paths and the folder of references",
        )
    pairs = readable_pairs(files.pairs, skipped)
    # A copy of an origin, or of another photo, is no stranger.
    different = set(first.values())
    photos = [path for path in files.photos if path in different]
    references = list_references(pairs, photos)
    material = EncodedPairs(pairs, references, rows, store, skipped)
    return EncodedFiles(label, encoder, material, material.take(photos or references))
