"""How often a server's search finds the best: measured on a collection's own vectors."""

from dataclasses import dataclass

import numpy as np

from originid.collection.collection import Collection
from originid.index.sign_codes import cosines_between
from originid.verdict.cohort import keys

QUERIES = 64
BLOCK = 4096  # vectors compared at a time: 12 MB of codes


@dataclass(frozen=True)
class Recall:
    """How often the search of a server finds what a comparison with all vectors finds.

    Args:
        queries: references that were searched for.
        found: those of which the nearest other vector came first.
    """

    queries: int
    found: int


def measured_recall(collection: Collection) -> Recall | None:
    """Search for some references, and compare their nearest other vectors with all that are stored.

    All vectors are read. None is given for a collection that is searched on this machine, whose
    index is measured by a benchmark.

    Args:
        collection: what is searched.
    """
    if not collection.is_searched_elsewhere:
        return None
    database, codec = collection.database, collection.codec
    ids = database.ids()
    sample = np.sort(ids[np.argsort(keys(ids), kind="stable")][:QUERIES])
    sample, codes = database.codes(sample)
    if len(ids) < 2 or not len(sample):
        return Recall(0, 0)
    units = codec.units(codes)
    best = np.full(len(sample), -np.inf, np.float32)
    last = 0
    while len((block := database.codes_after(last, BLOCK))[0]):
        cosines = cosines_between(units, codec.units(block[1]))
        cosines[sample[:, None] == block[0]] = -np.inf
        best = np.maximum(best, cosines.max(axis=1))
        last = int(block[0][-1])
    scores, found = collection.index().search(codec.decode(codes), 2)
    others = np.where(found[:, 0] == sample, scores[:, 1], scores[:, 0])
    return Recall(len(sample), int((others > best - 1e-4).sum()))
