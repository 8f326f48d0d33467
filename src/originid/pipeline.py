"""Files to latents: reading, hashing, decoding and encoding, in parallel and in bounded memory."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from originid.encoders.base import Encoder
from originid.errors import ImageError
from originid.images import LIMITS, Limits, decode, read_bytes
from originid.parallel import available_cores, map_ordered
from originid.types import Failure, Image, Latents

CHUNK = 48  # images per task: amortises the hand-over to a thread, 9 MB of pixels at most


@dataclass(frozen=True)
class Source:
    """An image to read: a file, or bytes that stand in for one."""

    name: str
    data: bytes | None = None
    mtime_ns: int = 0


@dataclass(frozen=True)
class Encoded:
    """A readable image and its latent (latent_dim,); sizes are of the file and the original.

    ``contrast`` is the largest standard deviation of a colour of the squashed image, of 255.
    """

    source: Source
    sha256: bytes
    bytes: int
    width: int
    height: int
    contrast: float
    latent: Latents


@dataclass(frozen=True)
class Known:
    """A file whose content needs no latent."""

    source: Source
    sha256: bytes
    bytes: int


Entry = Encoded | Known | Failure
"""What becomes of a source."""


def encode_sources(
    sources: Iterable[Source],
    encoder: Encoder,
    known: Callable[[bytes], bool] = lambda sha256: False,
    workers: int | None = None,
    limits: Limits = LIMITS,
) -> Iterator[list[Entry]]:
    """Encode images in chunks, in the order of the sources.

    Decoding and encoding run in threads: Pillow and numpy release the interpreter's lock. At
    most twice as many chunks as workers are in memory.

    Args:
        sources: what to read.
        encoder: applied to the images of a chunk together.
        known: whether content with this SHA-256 is `Known`; called from the threads.
        workers: number of threads; by default one per core.
        limits: what is refused.

    Yields:
        For each chunk a list with one entry per source: `Encoded`, `Known`, or `Failure` for a
        file that is not a usable image.
    """
    workers = workers or available_cores()

    def work(chunk: list[Source]) -> list[Entry]:
        return _encode_chunk(chunk, encoder, known, limits)

    iterator = iter(sources)
    chunks = iter(lambda: list(islice(iterator, CHUNK)), [])
    yield from map_ordered(work, chunks, workers)


def _encode_chunk(
    chunk: list[Source], encoder: Encoder, known: Callable[[bytes], bool], limits: Limits
) -> list[Entry]:
    entries = [_read(source, encoder.size, known, limits) for source in chunk]
    pending = [entry for entry in entries if isinstance(entry, _Decoded)]
    if not pending:
        return [entry for entry in entries if not isinstance(entry, _Decoded)]
    latents = encoder.encode(np.stack([entry.image for entry in pending]))
    encoded = iter(_encoded(entry, latent) for entry, latent in zip(pending, latents, strict=True))
    return [next(encoded) if isinstance(entry, _Decoded) else entry for entry in entries]


def _encoded(entry: "_Decoded", latent: Latents) -> Encoded | Failure:
    if not np.isfinite(latent).all():
        return Failure(entry.source.name, "the encoder gave no finite latent")
    contrast = float(entry.image.std(axis=(0, 1)).max())
    return Encoded(
        entry.source, entry.sha256, entry.bytes, entry.width, entry.height, contrast, latent
    )


@dataclass(frozen=True)
class _Decoded:
    source: Source
    sha256: bytes
    bytes: int
    width: int
    height: int
    image: Image


def _read(
    source: Source, size: int, known: Callable[[bytes], bool], limits: Limits
) -> _Decoded | Known | Failure:
    try:
        data = read_bytes(source.name, limits) if source.data is None else source.data
        sha256 = hashlib.sha256(data).digest()
        if known(sha256):
            return Known(source, sha256, len(data))
        decoded = decode(data, size, limits)
    except ImageError as error:
        return Failure(source.name, error.reason)
    return _Decoded(source, sha256, len(data), decoded.width, decoded.height, decoded.image)
