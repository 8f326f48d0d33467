"""The interface that every map implements, and what several maps share."""

from collections.abc import Callable
from typing import Any, ClassVar, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from originid.errors import InputError
from originid.types import Floats32, Json, Latents

Tensors = dict[str, NDArray[Any]]
"""The arrays of a map by name, as its file stores them."""
Block = tuple[int, int, int]
"""The channels, height and width (C, H, W) of a latent."""
BATCH = 256  # latents; attention among 256 tokens with 8 heads then takes 0.5 GB


class Map(Protocol):
    """A function from latents to vectors that are not yet scaled to unit length.

    The paper's map is one matrix W (section 4). The class attribute ``kind`` is the name of the
    form of map in files.
    """

    kind: ClassVar[str]

    @property
    def latent_dim(self) -> int:
        """The number of components of a latent."""
        ...

    @property
    def dim(self) -> int:
        """The number of components of a vector."""
        ...

    def apply(self, latents: Latents) -> Floats32:
        """Map latents to vectors.

        Args:
            latents: the latents, float32 of shape (n, latent_dim).

        Returns:
            The vectors, float32 of shape (n, dim), which are not scaled to unit length.
        """
        ...

    def pack(self) -> tuple[Tensors, Json]:
        """Return what a file must hold so that `unpack` can make the map again.

        Returns:
            The arrays of the map by name, and its other settings as JSON values by name.
        """
        ...

    @classmethod
    def unpack(cls, tensors: Tensors, header: Json) -> "Map":
        """Make a map from what `pack` returned.

        Args:
            tensors: the arrays of the map by name, all float32.
            header: the other settings; it may have further keys.

        Raises:
            KeyError: if an array or a setting is missing.
            TypeError: if a setting has the wrong type, or there is an array too many.
            ValueError: if shapes or settings do not fit each other.
        """
        ...


class LatentTensor(Protocol):
    """A tensor of torch, by the methods that are used of it; torch itself need not be installed."""

    def detach(self) -> Any:
        """Return the numbers without their history."""
        ...

    def cpu(self) -> Any:
        """Return the numbers in the memory of the processor."""
        ...


LatentsLike: TypeAlias = NDArray[Any] | LatentTensor
"""Latents as an array of any numbers, or as a tensor of torch on any device."""


def as_latents(latents: LatentsLike, latent_dim: int) -> Latents:
    """Bring latents into the shape that maps take.

    Args:
        latents: of shape (n, latent_dim) or (n, C, H, W); or one latent (C, H, W) or (latent_dim,).
        latent_dim: the number of components of a latent.

    Returns:
        float32 of shape (n, latent_dim), n = 1 for one latent.

    Raises:
        InputError: the shape is another one.
    """
    if hasattr(latents, "detach"):
        latents = latents.detach().cpu().float().numpy()
    numbers = np.asarray(latents, np.float32)
    if numbers.size == latent_dim and numbers.ndim in (1, 3):
        numbers = numbers[None]
    rows = numbers.reshape(len(numbers), -1) if numbers.ndim > 1 else numbers
    if rows.ndim != 2 or rows.shape[1] != latent_dim:
        raise InputError(
            f"latents of shape {numbers.shape}",
            f"expected (n, {latent_dim}), or (n, C, H, W) with C x H x W = {latent_dim}",
            "encode images with the encoder of this model",
        )
    return rows


def unit_length(vectors: Floats32) -> Floats32:
    """Scale vectors to unit length.

    Args:
        vectors: float32 of shape (n, dim).

    Returns:
        float32 of shape (n, dim); a row of zeros stays zero.
    """
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    # The floor keeps a row of zeros from becoming NaN.
    return np.asarray(vectors / np.maximum(norms, 1e-12), np.float32)


def in_batches(function: Callable[[Latents], Floats32], latents: Latents, dim: int) -> Floats32:
    """Apply a function to `BATCH` latents at a time, because it needs much memory in between.

    Args:
        function: a function from latents (b, latent_dim) to float32 of shape (b, dim).
        latents: float32 of shape (n, latent_dim).
        dim: the number of components of a result.

    Returns:
        The results, float32 of shape (n, dim).
    """
    out = np.empty((len(latents), dim), np.float32)
    for start in range(0, len(latents), BATCH):
        out[start : start + BATCH] = function(latents[start : start + BATCH])
    return out


def check_shapes(tensors: Tensors, wanted: dict[str, tuple[int, ...]]) -> None:
    """Check the shapes of arrays.

    Args:
        tensors: arrays by name.
        wanted: the expected shape of each by its name.

    Raises:
        KeyError: if an array is missing.
        ValueError: if an array has another shape; the error says both shapes.
    """
    for name, shape in wanted.items():
        if tensors[name].shape != shape:
            raise ValueError(f"{name}: shape {tensors[name].shape}, expected {shape}")
