"""The interface that every encoder implements."""

from typing import Protocol

from originid.types import Image, Latents

Shape = tuple[int, int, int]
"""Channels, height and width of a latent."""


class Encoder(Protocol):
    """Turns images of one fixed size into latents.

    ``spec`` is the text that names the encoder on the command line. ``size`` is the side in
    pixels of the square images it takes; joined to an encoder with a larger size it is given that
    one's images, so it must take multiples of its own, or be joined to none larger. ``shapes`` are
    the (C, H, W) blocks whose flattened concatenation is the latent. ``cutoffs`` are, for each
    block, the radial frequency of its 2-D DCT from which on a map should ignore it, in half
    periods per side. ``identity`` changes whenever the latents would: it is part of a model's
    fingerprint.

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
        """The text that names it."""
        ...

    @property
    def size(self) -> int:
        """Side of the images, in pixels; if another's is larger and a multiple, joins take that."""
        ...

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """(C, H, W) of each block."""
        ...

    @property
    def cutoffs(self) -> tuple[float, ...]:
        """Useful bandwidth of each block."""
        ...

    @property
    def identity(self) -> str:
        """Changes whenever latents would."""
        ...

    def encode(self, images: Image) -> Latents:
        """Encode images.

        Args:
            images: uint8 RGB of shape (n, size, size, 3), n >= 1.

        Returns:
            float32 of shape (n, latent_dim). A row does not depend on the other images of the
            batch, up to 1e-4 of its length.
        """
        ...


def latent_dim(shapes: tuple[Shape, ...]) -> int:
    """Number of components of a latent made of these blocks."""
    return sum(c * h * w for c, h, w in shapes)
