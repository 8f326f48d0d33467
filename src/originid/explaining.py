"""From a match in a collection to the evidence for it: what `explain` needs is fetched."""

from dataclasses import dataclass

import numpy as np

from originid.answer import Match
from originid.collection.collection import Collection
from originid.collection.trusted_folders import how_to_trust
from originid.errors import ImageError, InputError
from originid.escalation.escalation import picture_of
from originid.explain.evidence import Evidence, explain_pair
from originid.latents.encode_files import Encoded, encode_sources
from originid.latents.sources import Source
from originid.system.addresses import is_address, location_of, whereabouts
from originid.system.text import shell_command
from originid.types import Image, Vectors, Verdict
from originid.verdict.cohort import COPY

STRANGERS = 256  # references that stand for strangers: 8 MB of cells


@dataclass(frozen=True)
class Found:
    """A match that is to be explained.

    Args:
        query: what was searched for.
        match: one of its matches.
        verdict: the answer for the query, or None if it was only compared.
    """

    query: Source
    match: Match
    verdict: Verdict | None = None


def explain_match(collection: Collection, found: Found) -> Evidence:
    """Say where a query and a reference of a collection agree.

    Raises:
        InputError: the reference is not in the collection, its file may not be opened (see
            `originid.collection.trusted_folders`), or that or the query's cannot be read.
    """
    match = found.match
    row = collection.database.at(location_of(match.reference))
    if row is None:
        raise InputError(
            f"{match.reference} is not in the collection {collection.place}",
            "expected the path of a reference",
            "give its path as find prints it: "
            f"{shell_command('find', 'QUERY', '--in', collection.place)}",
        )
    if is_address(row.location):
        told = "has no file here" if row.width else "is known by its fingerprint only"
        raise InputError(
            f"{row.location} {told}: its picture is {whereabouts(row.location)}",
            "expected a reference whose file is here",
            "take the picture from there, and look at it beside the query",
        )
    if not collection.database.trusts(row.location):
        raise InputError(
            f"the file of {match.reference} may not be opened: this account never indexed its"
            " folder, as in a collection that somebody else made",
            "expected a reference in a folder that you trust",
            f"if you know the collection, {how_to_trust(collection.place, row.location)}",
        )
    what = "the reference's file"
    todo = "put it back, or index the picture again where it lies now"
    reference = _read(collection, Source(row.location), what, todo)
    query = _read(collection, found.query, "the query", "name another file")
    strangers = strangers_of(collection, reference)
    name, verdict = found.query.name, found.verdict
    return explain_pair(query, reference, match, collection.model, strangers, name, verdict)


def strangers_of(collection: Collection, reference: Image) -> Vectors:
    """Vectors (m, dim) of references drawn at random, without copies of one; m <= `STRANGERS`.

    Args:
        collection: what they are drawn from.
        reference: the picture whose copies are left out, uint8 RGB (h, w, 3).
    """
    vectors = collection.strangers().first(STRANGERS).vectors
    vector = collection.model.encode(reference)[0]
    return np.asarray(vectors[vectors @ vector <= COPY], np.float32)


def _read(collection: Collection, source: Source, what: str, todo: str) -> Image:
    """The picture of a file, in its own shape.

    Raises:
        ImageError: it cannot be read.
    """
    (chunk,) = encode_sources([source], collection.model.encoder)
    (entry,) = chunk
    if isinstance(entry, Encoded):
        return picture_of(entry)
    reason = getattr(entry, "reason", "it cannot be read")
    raise ImageError(f"{what} {source.name}: {reason}", "expected an image that can be read", todo)
