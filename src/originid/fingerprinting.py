"""Making fingerprints: of images, and of the references of a collection."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from originid.collection.collection import Collection
from originid.index import Codec
from originid.index.fingerprint import Fingerprint, fingerprints
from originid.latents.encode_files import Encoded, encode_sources
from originid.latents.sources import Source
from originid.model import Model
from originid.system.addresses import is_address
from originid.types import NOT_DESCRIBED, Description, Failure
from originid.verdict.information import information

BATCH = 1000  # references whose codes are read together


@dataclass(frozen=True)
class Fingerprinted:
    """A picture and its fingerprint.

    Args:
        name: the path of the picture, as it was given.
        sha256: of its file, as hexadecimal digits.
        fingerprint: of the picture.
        description: what its holder says of it.
    """

    name: str
    sha256: str
    fingerprint: Fingerprint
    description: Description = NOT_DESCRIBED


def of_images(model: Model, sources: Iterable[Source]) -> Iterator[Fingerprinted | Failure]:
    """The fingerprints of images, each the same as of the reference that the image would become.

    Args:
        model: whose vectors they are of.
        sources: the images.

    Yields:
        For each image its fingerprint, or why it could not be read, in order.

    Raises:
        InputError: the model's vectors have too many components.
    """
    codec = Codec(model.dim)
    for chunk in encode_sources(sources, model.encoder):
        encoded = [entry for entry in chunk if isinstance(entry, Encoded)]
        made: Iterator[Fingerprint] = iter(())
        if encoded:
            codes = codec.encode(model.vectors(np.stack([entry.latent for entry in encoded])))
            shares = information(np.stack([entry.thumbnail for entry in encoded]))
            made = iter(fingerprints(codes, codec, model.fingerprint, shares.tolist()))
        for entry in chunk:
            if isinstance(entry, Encoded):
                known = entry.source.name, entry.sha256.hex()
                yield Fingerprinted(*known, next(made), entry.description)
            elif isinstance(entry, Failure):
                yield entry


def of_references(collection: Collection) -> Iterator[Fingerprinted]:
    """The fingerprints of a collection's own references, from what is stored; no file is read.

    References that are themselves known by their fingerprints only are left out: they are others'.

    Args:
        collection: whose references these are.

    Raises:
        InputError: the model's vectors have too many components.
        CollectionError: a stored vector is damaged.
    """
    model, codec, rows = collection.model, collection.codec, collection.references()
    while some := {row.id: row for row in islice(rows, BATCH)}:
        ids, codes = collection.database.codes(np.array(list(some), np.int64))
        known = [some[key] for key in ids.tolist()]
        # A collection of the first version did not measure the information.
        shares = [1.0 if row.information is None else row.information for row in known]
        made = fingerprints(codes, codec, model.fingerprint, shares) if len(ids) else []
        said = collection.database.descriptions([row.id for row in known])
        for row, fingerprint in zip(known, made, strict=True):
            if not is_address(row.location):
                description = said.get(row.id, NOT_DESCRIBED)
                yield Fingerprinted(row.shown, row.sha256.hex(), fingerprint, description)
