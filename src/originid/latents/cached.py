"""Files to latents, by way of a cache where there is one."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from originid.encoders import Encoder
from originid.images.decode import LIMITS, Limits
from originid.latents.cache import LatentCache
from originid.latents.encode_files import Encoded, Entry, Source, encode_sources
from originid.system.progress import Progress, silent
from originid.types import Failure, Latents


@dataclass(frozen=True)
class FileLatent:
    """A readable image file and its latent (latent_dim,), an array of its own."""

    source: Source
    sha256: bytes
    latent: Latents

    @property
    def path(self) -> Path:
        """Where it was read."""
        return Path(self.source.name)


def encode_paths(
    paths: Sequence[str | os.PathLike[str]],
    encoder: Encoder,
    on_failure: Callable[[Failure], None],
    progress: Progress = silent,
    cache: LatentCache | None = None,
) -> Iterator[list[FileLatent]]:
    """Latents of those files that can be read, in chunks, in the order of the paths.

    Args:
        paths: of image files.
        encoder: what the cache was opened for.
        on_failure: called with each of the other files.
        progress: called with the files done and the files in all.
        cache: as of `encode_cached`.

    Raises:
        InputError, StorageError: as of `encode_cached`.
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
    """Latents of files in chunks, in the order of the sources.

    A file whose content is in the cache is neither decoded nor encoded; of any other the latent is
    added to it. Latents are given as they are stored, so that a run over a full cache repeats the
    run that filled it, and files of the same content have the same latent.

    Args:
        sources: what to read.
        encoder: what the cache was opened for.
        cache: where latents are looked up and kept; None encodes every file.
        workers: as of `encode_sources`.
        limits: as of `encode_sources`.

    Raises:
        InputError: a latent overflows the cache's half precision.
        StorageError: the disk refuses; what was added before is kept.
    """
    known = (lambda sha256: False) if cache is None else cache.__contains__
    for chunk in encode_sources(sources, encoder, known, workers, limits):
        yield _latents_of(chunk) if cache is None else _through(chunk, cache)


def _latents_of(chunk: list[Entry]) -> list[FileLatent | Failure]:
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
