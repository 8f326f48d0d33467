"""Several encoders side by side."""

from dataclasses import dataclass

import numpy as np

from originid.encoders.base import Encoder, Shape
from originid.errors import InputError
from originid.types import Image, Latents


@dataclass(frozen=True)
class JoinedEncoder:
    """Concatenates the latents of its parts, in order."""

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
        """The texts of the parts, joined by +."""
        return "+".join(part.spec for part in self.parts)

    @property
    def size(self) -> int:
        """Side of the largest images that a part takes; all get these."""
        return max(part.size for part in self.parts)

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The blocks of all parts."""
        return tuple(shape for part in self.parts for shape in part.shapes)

    @property
    def cutoffs(self) -> tuple[float, ...]:
        """The bandwidths of all blocks."""
        return tuple(cutoff for part in self.parts for cutoff in part.cutoffs)

    @property
    def identity(self) -> str:
        """The identities of all parts."""
        return "+".join(part.identity for part in self.parts)

    def encode(self, images: Image) -> Latents:
        """Encode as `Encoder.encode`, side by side."""
        return np.concatenate([part.encode(images) for part in self.parts], axis=1)
