"""How a collection stores vectors: as whole codes, or, if it is compact, as little but their signs.

A compact collection stores some thousand whole codes too: those of the references that may be
members of the cohort, by which it learns how alike strangers are. They stand for queries, and a
query is known as a whole: by its signs alone it would err more.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from originid.errors import CollectionError
from originid.index import Codec, Codes
from originid.verdict.cohort import may_become_member

META, SIGNS = "vectors", "signs"  # what a compact collection says of itself
NOTHING = "None"  # what `Store.meta` tells of one that says nothing


@dataclass(frozen=True)
class KeptCodes:
    """What is stored of a code, and how it is read.

    Args:
        codec: of the collection.
        compact: whether of most vectors nothing but the signs of the components is stored.
    """

    codec: Codec
    compact: bool = False

    @classmethod
    def said(cls, codec: Codec, said: str) -> "KeptCodes":
        """As a collection says of itself.

        Args:
            codec: of the collection.
            said: what it says under `META`.

        Raises:
            CollectionError: it says something unknown.
        """
        if said not in (NOTHING, SIGNS):
            raise CollectionError(
                f"a collection that stores vectors as {said!r}",
                f"expected {SIGNS!r}, or nothing about it",
                "use the version of originid that made it",
            )
        return cls(codec, said == SIGNS)

    @property
    def sizes(self) -> tuple[int, ...]:
        """The bytes that may be stored of a code."""
        return (self.codec.size, self._signs_size) if self.compact else (self.codec.size,)

    def stored(self, key: int, code: bytes) -> bytes:
        """What is stored of the code of the vector with an id."""
        if not self.compact or may_become_member(key):
            return code
        whole = np.frombuffer(code, np.uint8)[np.newaxis]
        return self.codec.bits(whole, self.codec.dim).tobytes()

    def read(self, stored: Sequence[bytes]) -> Codes:
        """Codes (n, bytes) of what is stored of n vectors, each of one of the `sizes`."""
        if not self.compact:
            return np.frombuffer(b"".join(stored), np.uint8).reshape(-1, self.codec.size)
        codes = np.empty((len(stored), self.codec.size), np.uint8)
        lengths = np.array([len(each) for each in stored], np.int64)
        for size in self.sizes:
            rows = np.flatnonzero(lengths == size)
            data = np.frombuffer(b"".join(stored[row] for row in rows.tolist()), np.uint8)
            some = data.reshape(len(rows), size)
            codes[rows] = some if size == self.codec.size else self.codec.of_bits(some)
        return codes

    @property
    def _signs_size(self) -> int:
        return -(-self.codec.dim // 8)
