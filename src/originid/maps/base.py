"""The interface that every map implements."""

from collections.abc import Callable
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from originid.types import Floats32, Json, Latents

Tensors = dict[str, NDArray[Any]]
"""The arrays of a map by name, as its file has them."""
Block = tuple[int, int, int]
"""Channels, height and width of a latent."""
PART = 256  # rows: attention among 256 tokens with 8 heads is 0.5 GB


class Map(Protocol):
    """A function from latents to vectors that are not yet scaled to unit length.

    The paper's is one matrix W (section 4). ``kind`` names the form in files.
    """

    kind: ClassVar[str]

    @property
    def latent_dim(self) -> int:
        """Components that it takes."""
        ...

    @property
    def dim(self) -> int:
        """Components that it gives."""
        ...

    def apply(self, latents: Latents) -> Floats32:
        """Map latents.

        Args:
            latents: float32 of shape (n, latent_dim).

        Returns:
            float32 of shape (n, dim), not scaled to unit length.
        """
        ...

    def pack(self) -> tuple[Tensors, Json]:
        """The arrays, and what else a file must say to make the map again."""
        ...

    @classmethod
    def unpack(cls, tensors: Tensors, header: Json) -> "Map":
        """Make a map of float32 arrays and a header from `pack`.

        Raises:
            KeyError, TypeError, ValueError: something is missing or does not fit.
        """
        ...


def unit_length(vectors: Floats32) -> Floats32:
    """Scale rows (n, dim) to unit length; a row of zeros stays zero."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-12), np.float32)


def in_parts(function: Callable[[Latents], Floats32], latents: Latents, dim: int) -> Floats32:
    """Apply a function with large intermediate results to `PART` rows at a time."""
    out = np.empty((len(latents), dim), np.float32)
    for start in range(0, len(latents), PART):
        out[start : start + PART] = function(latents[start : start + PART])
    return out


def check_shapes(tensors: Tensors, wanted: dict[str, tuple[int, ...]]) -> None:
    """Raise ValueError unless each array has the shape wanted."""
    for name, shape in wanted.items():
        if tensors[name].shape != shape:
            raise ValueError(f"{name}: shape {tensors[name].shape}, expected {shape}")
