"""The interface that every encoder implements."""

from typing import Protocol

import numpy as np

from originid.errors import InputError
from originid.types import Image, Latents

Shape = tuple[int, int, int]
"""The channels, height and width (C, H, W) of a block of a latent."""


class Encoder(Protocol):
    """A function from square images of one size to latents.

    A latent is the concatenation of one or more blocks, each flattened from (C, H, W).

    Example:
        >>> import math
        >>> from dataclasses import dataclass
        >>> @dataclass(frozen=True)
        ... class Brightness:
        ...     spec: str = "python:mymodule:Brightness"
        ...     size: int = 1
        ...     shapes: tuple[tuple[int, int, int], ...] = ((1, 1, 1),)
        ...     cutoffs: tuple[float, ...] = (math.inf,)
        ...     identity: str = "brightness-1"
        ...     def encode(self, images):
        ...         return images.mean(axis=3, dtype="float32").reshape(len(images), 1)
        >>> encoder: Encoder = Brightness()
    """

    @property
    def spec(self) -> str:
        """The text that names the encoder on the command line and in files."""
        ...

    @property
    def size(self) -> int:
        """The side, in pixels, of the square images that the encoder takes.

        When encoders are joined, all of them get images of the largest size. An encoder should
        therefore accept images whose side is a multiple of its own size; one that does not can be
        joined only to encoders that are not larger.
        """
        ...

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The shape (C, H, W) of each block."""
        ...

    @property
    def cutoffs(self) -> tuple[float, ...]:
        """For each block the frequency from which on a map should ignore the block.

        It is a radial frequency of the 2-D DCT of the block, in half periods per side; infinity
        means that all frequencies are useful.
        """
        ...

    @property
    def identity(self) -> str:
        """A text that changes whenever the latents would. A model's fingerprint contains it."""
        ...

    def encode(self, images: Image) -> Latents:
        """Encode images.

        Args:
            images: uint8 RGB of shape (n, size, size, 3), with n >= 1.

        Returns:
            The latents, float32 of shape (n, latent_dim). A latent does not depend on the other
            images of the batch, up to a difference of 1e-4 of its length.
        """
        ...


def latent_dim(shapes: tuple[Shape, ...]) -> int:
    """Return the number of components of a latent.

    Args:
        shapes: the shape (C, H, W) of each block of the latent.
    """
    return sum(c * h * w for c, h, w in shapes)


def latents_of(encoder: Encoder, images: Image) -> Latents:
    """Encode images, and refuse latents that are not those which the encoder says it makes.

    An encoder of the user's own may return anything. Latents of another width would be stored and
    read again as other numbers.

    Args:
        encoder: any encoder.
        images: as for `Encoder.encode`.

    Returns:
        Latents of shape (n, latent_dim).

    Raises:
        InputError: they have another shape.
    """
    latents = np.asarray(encoder.encode(images))
    expected = len(images), latent_dim(encoder.shapes)
    if latents.size != expected[0] * expected[1] or latents.shape[:1] != expected[:1]:
        raise InputError(
            f"encoder {encoder.spec} gave an array of shape {latents.shape} for {len(images)} "
            f"{'image' if len(images) == 1 else 'images'}",
            f"expected {expected}: a latent of each image, as long as its blocks are together",
            "correct what its encode returns, or its shapes",
        )
    return latents.reshape(expected)
