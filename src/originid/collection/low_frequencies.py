"""The low frequencies of a collection's vectors: what a shortlist for views and places is made of.

They are made from the stored vectors, wherever these came from, and kept in a file that may be
lost: 63 bytes a reference in memory and on disk, 14 microseconds of a core to make.
"""

from contextlib import suppress
from pathlib import Path

import numpy as np

from originid.index import VERSION, CacheError, Codec, Codes, SignScan
from originid.maps import Map
from originid.types import Ids, Vectors
from originid.views.normalise import USUAL, Strangers, moments
from originid.views.places import refuse_other
from originid.views.shortlist import best_estimates, low_frequencies

FILE = "shortlist.bin"  # in the folder of a collection
OF_ONE = 4  # one part in so many of a shortlist may come from a single vector of the query


class LowFrequencies:
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
        self._file = file
        self._scan = SignScan(len(self._components))

    @classmethod
    def open(cls, map: Map, codec: Codec, file: Path) -> "LowFrequencies":
        """Open what is kept in a file; empty where it cannot be used."""
        opened = cls(map, codec, file)
        with suppress(CacheError):
            opened._scan.load(file, opened._header())
        return opened

    @property
    def last_id(self) -> int:
        """The largest id that was ever added; -1 before the first."""
        return self._scan.last_id

    def __len__(self) -> int:
        return len(self._scan)

    def add(self, ids: Ids, codes: Codes) -> None:
        """Add references, as `Index.add`."""
        positive = self._codec.components(codes, self._components) > 0
        self._scan.add(ids, np.packbits(positive, axis=1, bitorder="little"))

    def remove(self, ids: Ids) -> None:
        """Remove references; ids that are not here are ignored."""
        self._scan.remove(ids)

    def clear(self) -> None:
        """Forget all references."""
        self._scan.clear()

    def keep(self) -> None:
        """Write the signs to the file.

        Raises:
            OSError: the disk refuses.
        """
        self._scan.save(self._file, self._header())

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

    def _header(self) -> dict[str, object]:
        return {"code": VERSION, "dim": self._codec.dim, "of": "low frequencies"}
