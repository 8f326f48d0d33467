"""The interface between a collection and what searches it: `Index`, and `OpenIndex` to get one.

A collection uses nothing else, so that another index comes in by implementing these two. A server
that searches where the vectors are stored is a `Searcher`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np

from originid.errors import InputError
from originid.index.codec import Codes
from originid.types import Ids, Scores, Vectors

Fetch = Callable[[Ids], tuple[Ids, Codes]]
"""Reads stored vectors: it takes sorted ids (n,), and returns those that exist, sorted, with codes.

An id may be gone because another process removed it after the index last heard of it.
"""


class Searcher(Protocol):
    """Finds the references whose vectors are nearest to a query's by cosine.

    As text, one on a server says what it is and how it searches.
    """

    def __len__(self) -> int:
        """How many references can be found."""
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


class Index(Searcher, Protocol):
    """A searcher on this machine, which is told what is stored.

    It takes vectors in the form in which they are stored, so that an index made with the
    collection and one made again from it are the same. The collection is the source of truth: it
    tells the index what was added and removed, and makes it again when the two disagree.
    """

    history: str
    """A text that says what was added, which `keep` keeps too; empty where nothing was kept."""

    @property
    def last_id(self) -> int:
        """The largest id that was ever added; -1 before the first.

        A collection adds what it stored after this id.
        """
        ...

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

    def clear(self) -> None:
        """Forget all references, as if none had ever been added; the history becomes empty."""
        ...

    def keep(self) -> None:
        """Keep on disk what would be slow to make again, for the next opening, and the history.

        An index that holds nothing of that kind does nothing. What was kept before is replaced as a
        whole or not at all, whatever ends the process.

        Raises:
            OSError: the disk refuses.
        """
        ...


OpenIndex = Callable[[Path, int, Fetch], Index]
"""Opens the index of a collection, given its folder, the number of components of its vectors, and
what reads stored vectors.

The index holds what was kept before. Where nothing was kept, or what was kept cannot be used, it is
empty; the collection fills it.
"""


def check_added(ids: Ids, codes: Codes, size: int) -> None:
    """Check what `Index.add` is given, as every index does.

    Args:
        ids: int64 of shape (n,), non-negative, each once.
        codes: uint8 of shape (n, size).
        size: bytes of a code.

    Raises:
        InputError: a shape or a type is wrong, or an id is negative or given twice.
    """
    if ids.ndim != 1 or ids.dtype != np.int64:
        raise InputError(
            f"ids of type {ids.dtype}, shape {ids.shape}",
            "expected int64 of shape (n,)",
            "use the ids of the collection",
        )
    if codes.dtype != np.uint8 or codes.shape != (len(ids), size):
        raise InputError(
            f"codes of type {codes.dtype}, shape {codes.shape}",
            f"expected uint8 of shape ({len(ids)}, {size})",
            "encode vectors with the codec of the index",
        )
    values, counts = np.unique(ids, return_counts=True)
    if len(ids) and (values[0] < 0 or counts.max() > 1):
        raise InputError(
            f"id {values[0]}" if values[0] < 0 else f"id {values[np.argmax(counts)]} given twice",
            "expected ids of 0 or more, each once",
            "use the ids of the collection",
        )


def refuse_known(known: Ids) -> None:
    """Raise InputError if any of the ids that were to be added, ``known`` (n,), is in the index."""
    if len(known):
        raise InputError(
            f"id {known[0]} is in the index",
            "expected ids that are not",
            "remove it first, or give the reference another id",
        )
