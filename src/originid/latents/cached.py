"""Turns files into latents, and takes those that are in a cache from there."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from originid.encoders import Encoder
from originid.images.limits import LIMITS, Limits
from originid.latents.cache import LatentCache
from originid.latents.encode_files import Encoded, Entry, encode_sources
from originid.latents.sources import Source
from originid.system.progress import Progress, silent
from originid.types import Failure, Latents

FillCache: TypeAlias = Callable[[LatentCache, Sequence[Path], Encoder, Progress], None]
"""A function that adds the latents of files to a cache: the cache, the paths of the files, the
encoder, and a function that is called with the numbers of files that are done and of all files."""


@dataclass(frozen=True)
class FileLatent:
    """A readable image file and its latent.

    Args:
        source: the file that was read.
        sha256: the SHA-256 of its bytes, 32 bytes.
        latent: float32 of shape (latent_dim,); no other latent shares its memory.
    """

    source: Source
    sha256: bytes
    latent: Latents

    @property
    def path(self) -> Path:
        """The path of the file."""
        return Path(self.source.name)


def encode_paths(
    paths: Sequence[str | os.PathLike[str]],
    encoder: Encoder,
    on_failure: Callable[[Failure], None],
    progress: Progress = silent,
    cache: LatentCache | None = None,
) -> Iterator[list[FileLatent]]:
    """Yield the latents of the files that can be read, in chunks, in the order of the paths.

    Args:
        paths: the paths of image files.
        encoder: the encoder, which must be the one that the cache was opened for.
        on_failure: called with each file that cannot be used.
        progress: called with the number of files that are done and of all files.
        cache: the cache of latents, or None to encode every file.

    Raises:
        InputError: if a latent is too large for the half precision of the cache.
        StorageError: if the cache cannot be written; what was added before is kept.
    """
    done = 0
    for chunk in encode_cached((Source(os.fspath(path)) for path in paths), encoder, cache):
        for entry in chunk:
            if isinstance(entry, Failure):
                on_failure(entry)
        yield [entry for entry in chunk if isinstance(entry, FileLatent)]
        done += len(chunk)
        progress(done, len(paths))


def encode_cached(
    sources: Iterable[Source],
    encoder: Encoder,
    cache: LatentCache | None = None,
    workers: int | None = None,
    limits: Limits = LIMITS,
) -> Iterator[list[FileLatent | Failure]]:
    """Yield the latents of files in chunks, in the order of the sources.

    A file whose content is in the cache is neither decoded nor encoded. The latent of any other
    file is added to the cache. Every latent is yielded as it is stored: a run over a full cache
    therefore gives the same latents as the run that filled it, and files of the same content have
    the same latent.

    Args:
        sources: the files to read.
        encoder: the encoder, which must be the one that the cache was opened for.
        cache: the cache of latents, or None to encode every file.
        workers: the number of threads that decode and encode; by default one for each core.
        limits: the limits above which a file is refused.

    Yields:
        For each chunk a list with one entry for each source: a `FileLatent`, or a `Failure` if the
        file is not a usable image.

    Raises:
        InputError: if a latent is too large for the half precision of the cache.
        StorageError: if the cache cannot be written; what was added before is kept.
    """
    known = (lambda sha256: False) if cache is None else cache.__contains__
    for chunk in encode_sources(sources, encoder, known, workers, limits):
        yield _latents_of(chunk) if cache is None else _through(chunk, cache)


def _latents_of(chunk: list[Entry]) -> list[FileLatent | Failure]:
    # Each latent is a row of a batch. A copy lets go of the batch when a caller keeps only some.
    return [
        FileLatent(entry.source, entry.sha256, entry.latent.copy())
        if isinstance(entry, Encoded)
        else entry
        for entry in chunk
        if isinstance(entry, Encoded | Failure)
    ]


def _through(chunk: list[Entry], cache: LatentCache) -> list[FileLatent | Failure]:
    encoded = [entry for entry in chunk if isinstance(entry, Encoded)]
    if encoded:
        cache.add([entry.sha256 for entry in encoded], np.stack([e.latent for e in encoded]))
    readable = [entry for entry in chunk if not isinstance(entry, Failure)]
    rows = np.array([cache.index(entry.sha256) for entry in readable], np.int64)
    latents = iter(cache.take(rows))
    return [
        entry
        if isinstance(entry, Failure)
        else FileLatent(entry.source, entry.sha256, next(latents).copy())
        for entry in chunk
    ]
