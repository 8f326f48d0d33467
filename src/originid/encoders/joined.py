"""Several encoders whose latents stand side by side."""

from dataclasses import dataclass

import numpy as np

from originid.encoders.base import Encoder, Shape
from originid.errors import InputError
from originid.types import Image, Latents


@dataclass(frozen=True)
class JoinedEncoder:
    """An encoder whose latent is the concatenation of the latents of several encoders.

    Args:
        parts: the encoders that are joined, in the order of their latents.

    Raises:
        InputError: if the largest image size is not a multiple of every other size.
    """

    parts: tuple[Encoder, ...]

    def __post_init__(self) -> None:
        if any(self.size % part.size for part in self.parts):
            raise InputError(
                f"encoder {self.spec} joins image sizes {sorted(part.size for part in self.parts)}",
                "expected the largest to be a multiple of the others",
                "join other encoders",
            )

    @property
    def spec(self) -> str:
        """The specs of the encoders, joined by ``+``."""
        return "+".join(part.spec for part in self.parts)

    @property
    def size(self) -> int:
        """The largest image size of an encoder, in pixels; all encoders get images of this size."""
        return max(part.size for part in self.parts)

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The shapes of the blocks of all encoders."""
        return tuple(shape for part in self.parts for shape in part.shapes)

    @property
    def cutoffs(self) -> tuple[float, ...]:
        """The cutoffs of all these blocks."""
        return tuple(cutoff for part in self.parts for cutoff in part.cutoffs)

    @property
    def identity(self) -> str:
        """The identities of the encoders, joined by ``+``."""
        return "+".join(part.identity for part in self.parts)

    def encode(self, images: Image) -> Latents:
        """Encode images, as `Encoder.encode` says."""
        return np.concatenate([part.encode(images) for part in self.parts], axis=1)
