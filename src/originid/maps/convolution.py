"""The map as one convolution, for the paper's Table 7."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from originid.maps.base import Block, Tensors, check_shapes, in_parts
from originid.types import Floats32, Json, Latents


@dataclass(frozen=True)
class ConvolutionMap:
    """A convolution over a latent of one (C, H, W) block, its output flattened.

    The paper does not say which; ours takes squares of 5, every 4th, with 2 zeros around the
    block, and has no bias.

    Args:
        shape: (C, H, W) of the latent.
        mean: float32 of shape (latent_dim,), subtracted first.
        weight: float32 of shape (channels, C, 5, 5).
    """

    shape: Block
    mean: Floats32
    weight: Floats32
    kind: ClassVar[str] = "convolution"
    side: ClassVar[int] = 5
    stride: ClassVar[int] = 4
    padding: ClassVar[int] = 2

    @property
    def latent_dim(self) -> int:
        """Components that it takes."""
        c, h, w = self.shape
        return c * h * w

    @property
    def dim(self) -> int:
        """Components that it gives."""
        return len(self.weight) * self.places(self.shape)

    @classmethod
    def places(cls, shape: Block) -> int:
        """At how many places of a block the convolution is computed."""
        return ((shape[1] - 1) // cls.stride + 1) * ((shape[2] - 1) // cls.stride + 1)

    def apply(self, latents: Latents) -> Floats32:
        """Map latents as `Map.apply` says."""
        return in_parts(self._apply, latents, self.dim)

    def _apply(self, latents: Latents) -> Floats32:
        n, p = len(latents), self.padding
        blocks = (latents - self.mean).reshape(n, *self.shape)
        blocks = np.pad(blocks, ((0, 0), (0, 0), (p, p), (p, p)))
        windows = sliding_window_view(blocks, (self.side, self.side), axis=(2, 3))
        windows = windows[:, :, :: self.stride, :: self.stride]
        out = np.tensordot(windows, self.weight, axes=((1, 4, 5), (1, 2, 3)))
        return np.asarray(out.transpose(0, 3, 1, 2).reshape(n, -1), np.float32)

    def pack(self) -> tuple[Tensors, Json]:
        """The two arrays, and the block's shape."""
        return {"mean": self.mean, "weight": self.weight}, {"shape": self.shape}

    @classmethod
    def unpack(cls, tensors: Tensors, header: Json) -> "ConvolutionMap":
        """Make a map of what `pack` gave."""
        c, h, w = (int(size) for size in header["shape"])
        map = cls((c, h, w), **tensors)
        wanted = {"mean": (c * h * w,), "weight": (len(map.weight), c, cls.side, cls.side)}
        check_shapes(tensors, wanted)
        return map
