"""The map as the paper has it: one dense matrix."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from originid.maps.base import Tensors
from originid.types import Floats32, Json, Latents


@dataclass(frozen=True)
class DenseMap:
    """The map ``W (x - mean)`` of a latent x (the paper, section 4).

    Args:
        matrix: the matrix W, float32 of shape (dim, latent_dim).
        mean: float32 of shape (latent_dim,), which is subtracted from the latent first; zeros give
            the paper's ``W x``.
    """

    matrix: Floats32
    mean: Floats32
    kind: ClassVar[str] = "dense"

    @property
    def latent_dim(self) -> int:
        """The number of components of a latent."""
        return int(self.matrix.shape[1])

    @property
    def dim(self) -> int:
        """The number of components of a vector."""
        return int(self.matrix.shape[0])

    def apply(self, latents: Latents) -> Floats32:
        """Map latents to vectors, as `Map.apply` says."""
        return np.asarray((latents - self.mean) @ self.matrix.T, np.float32)

    def pack(self) -> tuple[Tensors, Json]:
        """Return the two arrays, and no other settings."""
        return {"matrix": self.matrix, "mean": self.mean}, {}

    @classmethod
    def unpack(cls, tensors: Tensors, header: Json) -> "DenseMap":
        """Make a map from what `pack` returned, as `Map.unpack` says."""
        dense_map = cls(**tensors)
        if dense_map.matrix.ndim != 2 or dense_map.mean.shape != (dense_map.latent_dim,):
            raise ValueError(f"matrix {dense_map.matrix.shape}, mean {dense_map.mean.shape}")
        return dense_map
