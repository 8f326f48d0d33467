"""One file on its way to a latent: its bytes, then its pixels and what else is asked for."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from originid.details.features import Features, features_of_file
from originid.errors import ImageError
from originid.images.captions import read_description
from originid.images.carried_manifest import NO_MANIFEST, read_manifest
from originid.images.decode import decode, read_bytes
from originid.images.limits import Limits
from originid.images.preview import small_jpeg
from originid.latents.contents import Cut, FindContent, cut_content
from originid.latents.sources import Source
from originid.system.parallel import Reservation
from originid.types import NOT_DESCRIBED, Description, Failure, Image, JpegFile, Manifest


@dataclass(frozen=True)
class Known:
    """A file whose content is known already, so that it needs no latent.

    Args:
        source: what was read.
        sha256: the SHA-256 of the file, 32 bytes.
        bytes: the size of the file in bytes.
    """

    source: Source
    sha256: bytes
    bytes: int


@dataclass(frozen=True)
class Decoded:
    """A file after it was decoded; the fields are those of `Encoded`, the image is squashed."""

    source: Source
    sha256: bytes
    bytes: int
    width: int
    height: int
    image: Image
    content: Cut | None
    features: Features | None
    note: str = ""
    description: Description = NOT_DESCRIBED
    thumbnail_jpeg: JpegFile | None = None
    manifest: Manifest | None = None


@dataclass(frozen=True)
class Looks:
    """What is taken from each file: the side of the squashed image, limits, and what is optional.

    The fields are as in `encode_sources` of `encode_files`.
    """

    size: int
    limits: Limits
    find_content: FindContent | None
    details: bool
    thumbnails: bool
    credentials: bool


@dataclass
class Read:
    """A file whose bytes are in memory."""

    source: Source
    sha256: bytes
    data: list[bytes]  # decoding takes the bytes out, or the queue of calls would keep them
    reservation: Reservation  # of the budget for files; it is given back after decoding


def read_source(
    source: Source, reservation: Reservation, known: Callable[[bytes], bool], limits: Limits
) -> Read | Known | Failure:
    """Read and hash a file.

    Args:
        source: the file, or bytes.
        reservation: of the memory that its bytes take; `decode_read` gives it back.
        known: a function that tells whether the content with a SHA-256 need not be decoded.
        limits: the limits above which a file is refused.
    """
    try:
        data = source.data
        if data is None:
            read = source.read or partial(read_bytes, source.name)
            data = read(limits, reservation.take)
        sha256 = hashlib.sha256(data).digest()
        if not known(sha256):
            return Read(source, sha256, [data], reservation)
    except ImageError as error:
        reservation.free()
        return Failure(source.name, error.reason)
    reservation.free()
    return Known(source, sha256, len(data))


def decode_read(read: Read, reservation: Reservation, looks: Looks) -> Decoded | Failure:
    """Decode a file that was read, and take from it what is asked for.

    Args:
        read: the file; its bytes are given up.
        reservation: of the memory that its pixels take.
        looks: what is asked for.
    """
    data = read.data.pop()
    try:
        decoded = decode(data, looks.size, looks.limits, reservation.take)
        shape = decoded.width, decoded.height
        find = looks.find_content
        content = cut_content(data, decoded.image, looks.limits, find) if find else None
        features = features_of_file(data, *shape) if looks.details else None
        thumbnail = small_jpeg(data, *shape) if looks.thumbnails else None
        carried = read_manifest(data) if looks.credentials else NO_MANIFEST
        description = read.source.description.over(read_description(data))
        count = len(data)
    except ImageError as error:
        return Failure(read.source.name, error.reason)
    finally:
        del data  # before others may take its place
        reservation.free()
        read.reservation.free()
    return Decoded(
        read.source,
        read.sha256,
        count,
        *shape,
        decoded.image,
        content,
        features,
        "; ".join(filter(None, (decoded.note, carried.note))),
        description,
        thumbnail,
        carried.manifest,
    )
