"""The interface that every index implements."""

from collections.abc import Callable
from typing import Protocol

from originid.index.codec import Codes
from originid.types import Ids, Scores, Vectors

Fetch = Callable[[Ids], tuple[Ids, Codes]]
"""Reads stored vectors: sorted ids (n,) in; out those of them that exist, sorted, and their codes.

An id may be gone because another process removed it after the index last heard of it.
"""


class Index(Protocol):
    """Finds the references whose vectors are nearest to a query's by cosine.

    It takes vectors in the form in which they are stored, so that an index made with the
    collection and one made again from it are the same.
    """

    def __len__(self) -> int: ...

    def add(self, ids: Ids, codes: Codes) -> None:
        """Add references.

        Args:
            ids: int64 of shape (n,), non-negative, none of them in the index.
            codes: uint8 of shape (n, bytes), from `Codec.encode`.

        Raises:
            InputError: shapes or types are wrong, or an id is negative, given twice or known.
        """
        ...

    def remove(self, ids: Ids) -> None:
        """Remove references; ids that are not in the index are ignored."""
        ...

    def search(self, queries: Vectors, k: int) -> tuple[Scores, Ids]:
        """Return the best k references of each query, best first.

        Args:
            queries: float of shape (q, dim), finite; their length does not matter.
            k: at least 1.

        Returns:
            Scores and ids, both of shape (q, k). Equal scores come in the order of ids. Where
            fewer than k references exist, the id is -1 and the score -inf.

        Raises:
            InputError: as `Codec.encode`, or k is below 1.
        """
        ...
