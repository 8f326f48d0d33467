"""Turns files into latents: reading, decoding and encoding overlap, in bounded memory.

A few threads read and hash the files. Other threads, one for each core, are the workers: they
decode any file that has been read, in whatever order the files arrive. The worker that decodes the
last image of a batch encodes that batch. Files after a slow file are therefore worked on while it
is read, and a core is idle only once this read-ahead is used up. Threads are used, not processes,
because Pillow, numpy and onnxruntime release the interpreter's lock, and threads need not copy
pixels to one another.

For each worker the memory holds at most `FILES` bytes of files that were read and are not decoded
yet, `PIXELS` bytes of images that are being decoded, and `AHEAD` chunks of squashed images or
latents. The encoder and the caller need memory of their own. A file or an image that is larger
than the budget of all workers together is read or decoded alone.
"""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TypeAlias

import numpy as np

from originid.details.features import Features
from originid.encoders.base import Encoder, latents_of
from originid.images.limits import LIMITS, Limits
from originid.images.thumbnails import thumbnails
from originid.latents.contents import Content, FindContent, encode_cuts
from originid.latents.read_files import Decoded, Known, Looks, Read, decode_read, read_source
from originid.latents.sources import Source
from originid.system.parallel import MemoryBudget, Reservation, Threads, workers_or_cores
from originid.types import NOT_DESCRIBED, Description, Failure, Image, JpegFile, Latents, Manifest

CHUNK = 48  # images yielded together, so that a caller can search or store them together
BATCH = 16  # images encoded together; more of them would not fit into the caches of a processor
AHEAD = 4  # chunks for each worker from the first unfinished one to the last begun one: 38 MB
FILES = 32_000_000  # bytes for each worker: 5 to 10 photos of a 12-megapixel camera
PIXELS = 256_000_000  # bytes for each worker: 12 megapixels of any common mode, 50 of most modes
READERS = 8  # threads, which mostly wait for a disk or a network


@dataclass(frozen=True)
class Encoded:
    """A readable image and its latent.

    Args:
        source: what was read.
        sha256: the SHA-256 of the file, 32 bytes.
        bytes: the size of the file in bytes.
        width: the width of the whole image in pixels.
        height: the height of the whole image in pixels.
        thumbnail: the squashed image at 64 x 64 pixels, uint8 of shape (64, 64, 3).
        latent: float32 of shape (latent_dim,).
        content: what a frame holds, if it was looked for and the image is framed.
        features: its local features, if they were asked for.
        note: what a person should know of the file, as `Decoded` says; empty for nearly all files.
        description: what the file says of the image.
        thumbnail_jpeg: a small picture, the bytes of a JPEG file, if it was asked for.
        manifest: its content credentials, if they were asked for, and it carries sound ones.
    """

    source: Source
    sha256: bytes
    bytes: int
    width: int
    height: int
    thumbnail: Image
    latent: Latents
    content: Content | None = None
    features: Features | None = None
    note: str = ""
    description: Description = NOT_DESCRIBED
    thumbnail_jpeg: JpegFile | None = None
    manifest: Manifest | None = None


Entry = Encoded | Known | Failure
"""What one source becomes."""


def encode_sources(
    sources: Iterable[Source],
    encoder: Encoder,
    known: Callable[[bytes], bool] = lambda sha256: False,
    workers: int | None = None,
    limits: Limits = LIMITS,
    find_content: FindContent | None = None,
    details: bool = False,
    thumbnails: bool = False,
    credentials: bool = False,
    readers: int = READERS,
) -> Generator[list[Entry], None, None]:
    """Encode images in chunks, in the order of the sources.

    If ``encoder`` or ``known`` raises an exception, it is raised in place of the chunk. Closing the
    generator waits until each worker has finished its image or batch, and not for the disk.

    Args:
        sources: the images to read. If they bring bytes with them, these are not counted in the
            bound on memory: the bytes of ``AHEAD`` chunks for each worker may be held.
        encoder: the encoder of the images; several threads call it at the same time.
        known: a function that tells whether the content with this SHA-256 is `Known`; the threads
            that read call it.
        workers: the number of threads that decode and encode; by default one for each core.
        limits: the limits above which a file is refused.
        find_content: a function that finds what a frame holds; None does not look for it.
        details: whether local features are found as well: some 15 ms of a core for each image.
        thumbnails: whether a small picture is made as well: the image is decoded again for it.
        credentials: whether the content credentials of files that carry some are read as well:
            some 150 ms of a core for each such file, as a process is started for it.
        readers: the number of threads that read. Each takes some of the others' time, as Python
            runs one at a time.

    Yields:
        For each chunk a list with one entry for each source: `Encoded`, `Known`, or `Failure` if
        the file is not a usable image.

    Raises:
        InputError: the number of workers is none, or the encoder gives latents of another shape.
    """
    workers = workers_or_cores(workers)
    looks = Looks(encoder.size, limits, find_content, details, thumbnails, credentials)
    pools = _WorkerPools(encoder, known, looks, workers, readers)
    iterator = iter(sources)
    pending: deque[list[_Batch]] = deque()
    try:
        while chunk := list(islice(iterator, CHUNK)):
            pending.append(pools.begin(chunk))
            while pending and (
                len(pending) == AHEAD * workers or all(batch.entries.done() for batch in pending[0])
            ):
                yield _entries(pending.popleft())
        while pending:
            yield _entries(pending.popleft())
    finally:
        pools.stop()


_Found: TypeAlias = Decoded | Known | Failure


class _Batch:
    """Sources that are encoded together, and what each of them has become so far."""

    def __init__(self, sources: list[Source]) -> None:
        self.sources = sources
        self.found: list[_Found | None] = [None] * len(sources)
        self.entries: Future[list[Entry]] = Future()
        self._missing = len(sources)
        self._lock = threading.Lock()

    def put(self, place: int, found: _Found) -> bool:
        """Store what a source has become, and return whether it was the last of the batch.

        Args:
            place: the place of the source in the batch, from 0.
            found: what the source has become.
        """
        with self._lock:
            self.found[place] = found
            self._missing -= 1
            return self._missing == 0

    def fail(self, error: BaseException) -> None:
        """Let an error be raised in place of the entries; of several errors the first counts."""
        with self._lock:
            if not self.entries.done():
                self.entries.set_exception(error)


def _entries(chunk: list[_Batch]) -> list[Entry]:
    return [entry for batch in chunk for entry in batch.entries.result()]


class _WorkerPools:
    """The threads and the memory budgets of one call of `encode_sources`."""

    def __init__(
        self,
        encoder: Encoder,
        known: Callable[[bytes], bool],
        looks: Looks,
        workers: int,
        readers: int,
    ) -> None:
        self._encoder, self._known, self._looks = encoder, known, looks
        self._readers = Threads(readers, "originid-read")
        self._workers = Threads(workers, "originid-encode")
        self._files, self._pixels = MemoryBudget(FILES * workers), MemoryBudget(PIXELS * workers)

    def begin(self, chunk: list[Source]) -> list[_Batch]:
        """Let the threads read, decode and encode a chunk of sources, and return at once.

        Args:
            chunk: the sources.

        Returns:
            The batches of the chunk, whose ``entries`` are there when they are done.
        """
        batches = [_Batch(chunk[i : i + BATCH]) for i in range(0, len(chunk), BATCH)]
        for batch in batches:
            for place in range(len(batch.sources)):
                self._readers.call(partial(self._guard, batch, self._read, place))
        return batches

    def stop(self) -> None:
        """Drop the work that has not begun, and wait for the encoder."""
        self._files.close()
        self._pixels.close()
        self._readers.stop(wait=False)
        # The interpreter can crash if it ends while an encoder still runs in a thread.
        self._workers.stop(wait=True)

    def _guard(
        self, batch: _Batch, step: Callable[..., None], place: int, *arguments: object
    ) -> None:
        try:
            step(batch, place, *arguments)
        except BaseException as error:  # raised again by whoever waits for the batch
            batch.fail(error)

    def _read(self, batch: _Batch, place: int) -> None:
        read = read_source(
            batch.sources[place], Reservation(self._files), self._known, self._looks.limits
        )
        self._workers.call(partial(self._guard, batch, self._decode, place, read))

    def _decode(self, batch: _Batch, place: int, read: Read | Known | Failure) -> None:
        found: Read | _Found = read
        if isinstance(found, Read):
            pixels = Reservation(self._pixels)
            found = decode_read(found, pixels, self._looks)
        if batch.put(place, found):
            batch.entries.set_result(
                _encode([entry for entry in batch.found if entry], self._encoder)
            )


def _encode(found: list[_Found], encoder: Encoder) -> list[Entry]:
    decoded = [entry for entry in found if isinstance(entry, Decoded)]
    encoded: Iterator[Encoded | Failure] = iter(())
    if decoded:
        images = np.stack([entry.image for entry in decoded])
        contents = encode_cuts([entry.content for entry in decoded], encoder)
        encoded = map(_encoded, decoded, thumbnails(images), latents_of(encoder, images), contents)
    return [next(encoded) if isinstance(entry, Decoded) else entry for entry in found]


def _encoded(
    entry: Decoded, thumbnail: Image, latent: Latents, content: Content | None
) -> Encoded | Failure:
    if not np.isfinite(latent).all():
        return Failure(entry.source.name, "the encoder gave no finite latent")
    size = entry.width, entry.height
    known = entry.source, entry.sha256, entry.bytes, *size
    extras = entry.features, entry.note, entry.description, entry.thumbnail_jpeg, entry.manifest
    return Encoded(*known, thumbnail, latent, content, *extras)
