"""The latents that the theory is measured on: those of the pairs and of some of the photos."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from originid.datasets.pairs import image_paths, readable_pairs
from originid.encoders import Encoder
from originid.errors import InputError
from originid.evaluation.encoded_pairs import EncodedPairs, gather
from originid.evaluation.protocol import list_references
from originid.images.find_files import find_images, refuse_missing
from originid.latents import FileLatent, LatentCache
from originid.system.progress import Progress, silent
from originid.types import Failure, Latents, Pair


@dataclass(frozen=True)
class ListedFiles:
    """The files that are to be encoded.

    Args:
        pairs: the pairs of a manifest.
        photos: photos that are spread evenly over the folders.
        failures: the folders that could not be read.
    """

    pairs: list[Pair]
    photos: list[Path]
    failures: list[Failure]

    @property
    def paths(self) -> list[Path]:
        """Every file once: first those that the manifest names, then the photos."""
        return list(dict.fromkeys([*image_paths(self.pairs), *self.photos]))


@dataclass(frozen=True)
class EncodedFiles:
    """The latents of files by one encoder. The rows of ``photos`` are alike for all encoders.

    Args:
        label: the name of the encoder in tables.
        encoder: the encoder that made the latents.
        encoded_pairs: the pairs, the references, and the latents of both.
        photos: the latents of the photos, float32 (n, latent_dim). If there are no photos, they
            are the latents of the origins.
    """

    label: str
    encoder: Encoder
    encoded_pairs: EncodedPairs
    photos: Latents

    def blocks(self) -> NDArray[np.float64]:
        """Return the latents of the photos as float64 (n, C, H, W).

        The encoder must have a single block, as VAEs do.
        """
        return self.photos.reshape(-1, *self.encoder.shapes[0]).astype(np.float64)


def list_files(pairs: list[Pair], photos: Sequence[Path], images: int) -> ListedFiles:
    """List the files of pairs, and some of the photos.

    Args:
        pairs: the pairs; there may be none.
        photos: folders of photos, or single photos; there may be none.
        images: the largest number of photos to take, at least 1.

    Raises:
        InputError: a folder is missing.
    """
    failures: list[Failure] = []
    chosen = spread_out(photos, images, failures.append)
    return ListedFiles(pairs, list(chosen), failures)


def spread_out(
    photos: Sequence[Path],
    images: int,
    on_failure: Callable[[Failure], None] = lambda failure: None,
) -> tuple[Path, ...]:
    """Choose image files that are spread evenly over folders, so that every folder has a share.

    Args:
        photos: folders of image files, or single image files.
        images: the largest number of files to choose, at least 1.
        on_failure: called with each folder that cannot be read.

    Returns:
        The whole paths of the chosen files, with symbolic links followed.

    Raises:
        InputError: a folder is missing.
    """
    refuse_missing(path for path in photos if not path.is_file())
    found = list(find_images(photos, on_failure))
    places = np.linspace(0, len(found) - 1, min(len(found), images)).astype(int)
    return tuple(Path(os.path.realpath(found[place])) for place in places)


def encode_files(
    label: str,
    encoder: Encoder,
    files: ListedFiles,
    progress: Progress = silent,
    cache: LatentCache | None = None,
) -> EncodedFiles:
    """Encode files.

    Args:
        label: the name of the encoder in tables.
        encoder: the encoder.
        files: the files. Those that cannot be read are left out, and listed as skipped.
        progress: called with the number of images done and the number of images in all.
        cache: where latents are kept; with None they are held in memory.

    Raises:
        InputError: none of the files can be read.
    """
    skipped = list(files.failures)
    first_with: dict[bytes, Path] = {}  # the first file of each content, by the SHA-256 of it

    def keep(entry: FileLatent) -> bool:
        """Note the content of a file, and keep every file."""
        first_with.setdefault(entry.sha256, entry.path)
        return True

    rows, store = gather(files.paths, encoder, keep, skipped.append, progress, cache)
    if not rows:
        raise InputError(
            f"none of {len(files.paths)} images can be read",
            "expected readable image files",
            "check the manifest's paths and the folder of references",
        )
    pairs = readable_pairs(files.pairs, skipped)
    # A photo that is a copy of an origin or of another photo is left out: it is not a stranger.
    different = set(first_with.values())
    photos = [path for path in files.photos if path in different]
    references = list_references(pairs, photos)
    encoded = EncodedPairs(pairs, references, rows, store, skipped)
    return EncodedFiles(label, encoder, encoded, encoded.take(photos or references))
