"""Latents by row: the one way in which training and evaluation read them, from memory or disk."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from originid.types import Latents


class Store(Protocol):
    """Latents by row, in memory or on disk."""

    @property
    def latent_dim(self) -> int:
        """Components of a latent."""
        ...

    def take(self, rows: NDArray[np.int64]) -> Latents:
        """Latents (k, latent_dim) of rows (k,), float32, in the order asked."""
        ...


@dataclass(frozen=True, eq=False)
class ArrayStore:
    """Latents in an array or a memory map.

    Args:
        values: (n, latent_dim), float32 or float16.
    """

    values: NDArray[Any]

    @property
    def latent_dim(self) -> int:
        """Components of a latent."""
        return int(self.values.shape[1])

    def take(self, rows: NDArray[np.int64]) -> Latents:
        """As of `Store`."""
        return np.asarray(self.values[rows], np.float32)


@dataclass(frozen=True, eq=False)
class ChangedStore:
    """Latents that are computed from those of another store as they are taken.

    Args:
        store: where they come from.
        change: latents (k, d) to latents (k, latent_dim).
        latent_dim: components of what it gives.
    """

    store: Store
    change: Callable[[Latents], Latents]
    latent_dim: int

    def take(self, rows: NDArray[np.int64]) -> Latents:
        """As of `Store`."""
        return self.change(self.store.take(rows))


@dataclass(frozen=True, eq=False)
class Selection:
    """Some rows of a store, as a store.

    Args:
        store: where the latents are.
        rows: their rows in it, (n,).
    """

    store: Store
    rows: NDArray[np.int64]

    @property
    def latent_dim(self) -> int:
        """Components of a latent."""
        return self.store.latent_dim

    def take(self, rows: NDArray[np.int64]) -> Latents:
        """As of `Store`."""
        return self.store.take(self.rows[rows])
