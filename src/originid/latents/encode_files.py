"""Files to latents: reading, decoding and encoding overlap, in bounded memory.

A few threads read and hash files; as many as there are cores decode whatever has been read,
whichever file that is, and the one that completes a batch encodes it. So a slow file keeps a core
idle only when all that may be ahead of it is done. Threads, not processes: Pillow, numpy and
onnxruntime release the interpreter's lock, and pixels need no copying between threads.

Memory, beyond what encoders and whoever takes the results use, is at most, of each worker:
`FILES` bytes of files that were read and not decoded, `PIXELS` bytes of images being decoded, and
`AHEAD` chunks of squashed images or latents. Files and images that are larger than the sum over the
workers are read and decoded one at a time.
"""

import hashlib
import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TypeAlias

import numpy as np
from PIL import Image as Pillow

from originid.encoders.base import Encoder
from originid.errors import ImageError
from originid.images.decode import LIMITS, Limits, decode, lossless_file, read_bytes
from originid.system.parallel import MemoryBudget, Reservation, Threads, available_cores
from originid.types import Failure, Image, Latents

CHUNK = 48  # images yielded together, for whoever searches or stores them together
BATCH = 16  # images encoded together: more would leave the processor's caches
AHEAD = 4  # chunks for each worker between the first that is not done and the last begun; 38 MB
FILES = 32_000_000  # for each worker: what a 12-megapixel camera writes in 5 to 10 photos
PIXELS = 256_000_000  # for each worker: 12 megapixels of any usual kind, 50 of most
READERS = 8  # threads that wait for the disk


ImageLike: TypeAlias = str | os.PathLike[str] | bytes | Image | Pillow.Image
"""What stands for an image: a path, the bytes of a file, a uint8 RGB array (h, w, 3), or an image
of Pillow."""


@dataclass(frozen=True)
class Source:
    """An image to read: a file, or bytes that stand in for one."""

    name: str
    data: bytes | None = None
    mtime_ns: int = 0

    @classmethod
    def of(cls, image: ImageLike, name: str) -> "Source":
        """The source of whatever stands for an image.

        Args:
            image: see `ImageLike`. It gets the latent that its file would get.
            name: what the image is called where it is not a path.

        Raises:
            InputError: an array of another type or shape, or something else.
        """
        if isinstance(image, str | os.PathLike):
            return cls(os.fspath(image))
        if isinstance(image, bytes):
            return cls(name, image)
        return cls(name, lossless_file(image))


def is_one_image(images: object) -> bool:
    """Whether something is one image, as `ImageLike` says, and not several."""
    if isinstance(images, np.ndarray):
        return images.ndim == 3
    return isinstance(images, str | os.PathLike | bytes | Pillow.Image | Source)


def as_sources(images: "ImageLike | Source | Iterable[ImageLike | Source]") -> "Iterator[Source]":
    """The sources of one image or of several; what is no path is called ``image 1`` and so on.

    Raises:
        InputError: an array of another type or shape, or something that is no image.
    """
    several: Iterable[ImageLike | Source]
    several = [images] if is_one_image(images) else images  # type: ignore[list-item, assignment]
    for number, image in enumerate(several, start=1):
        yield image if isinstance(image, Source) else Source.of(image, f"image {number}")


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
) -> Generator[list[Entry], None, None]:
    """Encode images in chunks, in the order of the sources.

    An exception of ``encoder`` or ``known`` is raised in place of its chunk. Closing the generator
    waits for the image or batch that each worker is at, and not for reading.

    Args:
        sources: what to read. Bytes that they bring are not part of the bound on memory: those of
            ``AHEAD`` chunks for each worker may be held.
        encoder: applied to batches of the images; from several threads at once.
        known: whether content with this SHA-256 is `Known`; called from the threads.
        workers: number of threads that decode and encode; by default one per core.
        limits: what is refused.

    Yields:
        For each chunk a list with one entry per source: `Encoded`, `Known`, or `Failure` for a
        file that is not a usable image.
    """
    workers = workers or available_cores()
    line = _WorkerPools(encoder, known, limits, workers)
    iterator = iter(sources)
    pending: deque[list[_Batch]] = deque()
    try:
        while chunk := list(islice(iterator, CHUNK)):
            pending.append(line.begin(chunk))
            while pending and (len(pending) == AHEAD * workers or _done(pending[0])):
                yield _entries(pending.popleft())
        while pending:
            yield _entries(pending.popleft())
    finally:
        line.stop()


@dataclass(frozen=True)
class _Decoded:
    source: Source
    sha256: bytes
    bytes: int
    width: int
    height: int
    image: Image


@dataclass
class _Read:
    source: Source
    sha256: bytes
    data: list[bytes]  # taken out by whoever decodes it, so that it does not live on in a queue
    share: Reservation  # of the room for files, held until then


_Found: TypeAlias = _Decoded | Known | Failure


class _Batch:
    """Sources that are encoded together, and what has become of each so far."""

    def __init__(self, sources: list[Source]) -> None:
        self.sources = sources
        self.found: list[_Found | None] = [None] * len(sources)
        self.entries: Future[list[Entry]] = Future()
        self._missing = len(sources)
        self._lock = threading.Lock()

    def put(self, place: int, found: _Found) -> bool:
        """Note what has become of a source; return whether it was the last."""
        with self._lock:
            self.found[place] = found
            self._missing -= 1
            return self._missing == 0

    def fail(self, error: BaseException) -> None:
        """Let the first of some errors be raised in place of the entries."""
        with self._lock:
            if not self.entries.done():
                self.entries.set_exception(error)


def _done(chunk: list[_Batch]) -> bool:
    return all(batch.entries.done() for batch in chunk)


def _entries(chunk: list[_Batch]) -> list[Entry]:
    return [entry for batch in chunk for entry in batch.entries.result()]


class _WorkerPools:
    """The threads and the room that one call of `encode_sources` has."""

    def __init__(
        self, encoder: Encoder, known: Callable[[bytes], bool], limits: Limits, workers: int
    ) -> None:
        self._encoder, self._known, self._limits = encoder, known, limits
        self._readers = Threads(READERS, "originid-read")
        self._workers = Threads(workers, "originid-encode")
        self._files, self._pixels = MemoryBudget(FILES * workers), MemoryBudget(PIXELS * workers)

    def begin(self, chunk: list[Source]) -> list[_Batch]:
        """Have some sources read, decoded and encoded."""
        batches = [_Batch(chunk[i : i + BATCH]) for i in range(0, len(chunk), BATCH)]
        for batch in batches:
            for place in range(len(batch.sources)):
                self._readers.call(partial(self._guard, batch, self._read, place))
        return batches

    def stop(self) -> None:
        """Give up what is not done."""
        self._files.close()
        self._pixels.close()
        self._readers.stop(wait=False)
        # An encoder that runs while the interpreter ends could crash it.
        self._workers.stop(wait=True)

    def _guard(
        self, batch: _Batch, step: Callable[..., None], place: int, *arguments: object
    ) -> None:
        try:
            step(batch, place, *arguments)
        except BaseException as error:  # raised again by whoever waits for the batch
            batch.fail(error)

    def _read(self, batch: _Batch, place: int) -> None:
        read = _read(batch.sources[place], Reservation(self._files), self._known, self._limits)
        self._workers.call(partial(self._guard, batch, self._decode, place, read))

    def _decode(self, batch: _Batch, place: int, read: _Read | Known | Failure) -> None:
        found = (
            _decode(read, Reservation(self._pixels), self._encoder.size, self._limits)
            if isinstance(read, _Read)
            else read
        )
        if batch.put(place, found):
            batch.entries.set_result(
                _encode([entry for entry in batch.found if entry], self._encoder)
            )


def _read(
    source: Source, share: Reservation, known: Callable[[bytes], bool], limits: Limits
) -> _Read | Known | Failure:
    try:
        data = source.data
        if data is None:
            data = read_bytes(source.name, limits, share.take)
        sha256 = hashlib.sha256(data).digest()
        if not known(sha256):
            return _Read(source, sha256, [data], share)
    except ImageError as error:
        share.free()
        return Failure(source.name, error.reason)
    share.free()
    return Known(source, sha256, len(data))


def _decode(read: _Read, share: Reservation, size: int, limits: Limits) -> _Decoded | Failure:
    count = len(read.data[0])
    try:
        decoded = decode(read.data.pop(), size, limits, share.take)
    except ImageError as error:
        return Failure(read.source.name, error.reason)
    finally:
        share.free()
        read.share.free()
    return _Decoded(read.source, read.sha256, count, decoded.width, decoded.height, decoded.image)


def _encode(found: list[_Found], encoder: Encoder) -> list[Entry]:
    decoded = [entry for entry in found if isinstance(entry, _Decoded)]
    latents = encoder.encode(np.stack([entry.image for entry in decoded])) if decoded else ()
    encoded = iter(
        [_encoded(entry, latent) for entry, latent in zip(decoded, latents, strict=True)]
    )
    return [next(encoded) if isinstance(entry, _Decoded) else entry for entry in found]


def _encoded(entry: _Decoded, latent: Latents) -> Encoded | Failure:
    if not np.isfinite(latent).all():
        return Failure(entry.source.name, "the encoder gave no finite latent")
    contrast = _contrast(entry.image)
    return Encoded(
        entry.source, entry.sha256, entry.bytes, entry.width, entry.height, contrast, latent
    )


def _contrast(image: Image) -> float:
    """The largest standard deviation of a colour, within 1e-4; 17 times as fast as `numpy.std`."""
    height, width = image.shape[:2]
    rows = image.reshape(height, width * 3).astype(np.float32)
    means = rows.mean(axis=0).reshape(width, 3).mean(axis=0)
    rows -= np.tile(means, width)
    squares = np.einsum("yx,yx->x", rows, rows).reshape(width, 3).mean(axis=0) / height
    return float(np.sqrt(squares.max()))
