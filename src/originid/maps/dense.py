"""The map as the paper has it: one dense matrix."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from originid.maps.base import Tensors
from originid.types import Floats32, Json, Latents


@dataclass(frozen=True)
class DenseMap:
    """``W (x - mean)``.

    Args:
        matrix: float32 of shape (dim, latent_dim).
        mean: float32 of shape (latent_dim,).
    """

    matrix: Floats32
    mean: Floats32
    kind: ClassVar[str] = "dense"

    @property
    def latent_dim(self) -> int:
        """Components that it takes."""
        return int(self.matrix.shape[1])

    @property
    def dim(self) -> int:
        """Components that it gives."""
        return int(self.matrix.shape[0])

    def apply(self, latents: Latents) -> Floats32:
        """Map latents as `Map.apply` says."""
        return np.asarray((latents - self.mean) @ self.matrix.T, np.float32)

    def pack(self) -> tuple[Tensors, Json]:
        """The two arrays."""
        return {"matrix": self.matrix, "mean": self.mean}, {}

    @classmethod
    def unpack(cls, tensors: Tensors, header: Json) -> "DenseMap":
        """Make a map of what `pack` gave."""
        dense_map = cls(**tensors)
        if dense_map.matrix.ndim != 2 or dense_map.mean.shape != (dense_map.latent_dim,):
            raise ValueError(f"matrix {dense_map.matrix.shape}, mean {dense_map.mean.shape}")
        return dense_map
