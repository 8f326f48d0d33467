"""Stores of latents: training and evaluation read latents by row number, from memory or disk."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from originid.types import Latents, Rows


class Store(Protocol):
    """Latents that are read by row number, from memory or from disk."""

    @property
    def latent_dim(self) -> int:
        """The number of components of a latent."""
        ...

    def take(self, rows: Rows) -> Latents:
        """Read some latents.

        Args:
            rows: the numbers of the rows, int64 of shape (k,), in any order; they may repeat.

        Returns:
            The latents of these rows, in the same order, float32 of shape (k, latent_dim).
        """
        ...


@dataclass(frozen=True, eq=False)
class ArrayStore:
    """A store of latents that are in an array or a memory map.

    Args:
        values: the latents, float32 or float16 of shape (n, latent_dim).
    """

    values: NDArray[Any]

    @property
    def latent_dim(self) -> int:
        """The number of components of a latent."""
        return int(self.values.shape[1])

    def take(self, rows: Rows) -> Latents:
        """Read some latents, as `Store.take` says."""
        return np.asarray(self.values[rows], np.float32)


@dataclass(frozen=True, eq=False)
class ChangedStore:
    """A store that computes its latents from those of another store whenever they are read.

    Args:
        store: the other store.
        change: a function from latents of shape (k, d) to latents of shape (k, latent_dim), both
            float32.
        latent_dim: the number of components of a latent that the function returns.
    """

    store: Store
    change: Callable[[Latents], Latents]
    latent_dim: int

    def take(self, rows: Rows) -> Latents:
        """Read and change some latents, as `Store.take` says."""
        return self.change(self.store.take(rows))


@dataclass(frozen=True, eq=False)
class Selection:
    """A store that consists of some rows of another store.

    Args:
        store: the other store.
        rows: the numbers of these rows in the other store, int64 of shape (n,). Row i here is row
            ``rows[i]`` there.
    """

    store: Store
    rows: Rows

    @property
    def latent_dim(self) -> int:
        """The number of components of a latent."""
        return self.store.latent_dim

    def take(self, rows: Rows) -> Latents:
        """Read some latents, as `Store.take` says."""
        return self.store.take(self.rows[rows])
