"""The interface that every index implements."""

from typing import Protocol

from originid.types import Ids, Scores, Vectors


class Index(Protocol):
    """Finds the references whose vectors are nearest to a query's by cosine."""

    def __len__(self) -> int: ...

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Add references.

        Args:
            ids: int64 of shape (n,), non-negative, none of them in the index.
            vectors: float32 of shape (n, dim), unit length.
        """
        ...

    def remove(self, ids: Ids) -> None:
        """Remove references; ids that are not in the index are ignored."""
        ...

    def search(self, queries: Vectors, k: int) -> tuple[Scores, Ids]:
        """Return the best k references of each query, best first.

        Args:
            queries: float32 of shape (q, dim), unit length.
            k: at least 1.

        Returns:
            Scores and ids, both of shape (q, k). Equal scores come in the order of ids. Where
            fewer than k references exist, the id is -1 and the score -inf.
        """
        ...
