"""The low frequencies of a collection's vectors: what a shortlist for views and places is made of.

They are made from the stored vectors, wherever these came from, and kept in a file that may be
lost: 63 bytes a reference in memory and on disk, 14 microseconds of a core to make.
"""

from pathlib import Path

import numpy as np

from originid.collection.kept_signs import KeptSigns
from originid.index import VERSION, Codec, Codes
from originid.maps import Map
from originid.types import Ids, Vectors
from originid.views.normalise import USUAL, Strangers, moments
from originid.views.places import refuse_other
from originid.views.shortlist import best_estimates, low_frequencies

FILE = "shortlist.bin"  # in the folder of a collection
OF_ONE = 4  # one part in so many of a shortlist may come from a single vector of the query


class LowFrequencies(KeptSigns):
    """The signs of the low frequencies of all references, which follow what is stored.

    Args:
        map: of the model, a `DctMap`.
        codec: of the collection.
        file: where they are kept.

    Raises:
        ModelError: another map, or one that keeps no low frequency.
    """

    def __init__(self, map: Map, codec: Codec, file: Path) -> None:
        self._components = low_frequencies(refuse_other(map))
        self._codec = codec
        header = {"code": VERSION, "dim": codec.dim, "of": "low frequencies"}
        super().__init__(len(self._components), file, header)

    def add(self, ids: Ids, codes: Codes) -> None:
        """Add references, as `Index.add`."""
        positive = self._codec.decode(codes)[:, self._components] > 0
        self._scan.add(ids, np.packbits(positive, axis=1, bitorder="little"))

    def shortlist(self, vectors: Vectors, strangers: Strangers, count: int) -> Ids:
        """The references that are most like any of a query's vectors, ascending.

        Args:
            vectors: of a query's looks, (v, dim), unit length.
            strangers: references drawn at random.
            count: how many at most.
        """
        if len(self) <= count:
            return self._scan.all_ids()
        queries = np.ascontiguousarray(vectors[:, self._components])
        of_each = min(len(self), max(count // OF_ONE, min(count, 100)))
        estimates, ids = self._scan.search(queries, of_each)
        # An estimate adds up components of one sign or the other: strangers' vary by its length.
        usual = np.linalg.norm(queries, axis=1, keepdims=True) * np.float32(USUAL)
        mean, deviation = moments(queries @ strangers.signs[:, self._components].T, usual)
        return best_estimates(estimates, ids, mean, deviation, count)
