"""The map as one convolution, for the paper's Table 7."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from originid.maps.base import Block, Tensors, check_shapes, in_batches
from originid.maps.limits import read_block
from originid.types import Floats32, Json, Latents


@dataclass(frozen=True)
class ConvolutionMap:
    """One convolution over the latent, whose output is flattened.

    The paper does not describe its convolution. This one has a 5 x 5 kernel, a stride of 4, two
    zeros of padding on each side, and no bias.

    Args:
        shape: the shape (C, H, W) of the latent.
        mean: float32 of shape (latent_dim,), which is subtracted from the latent first.
        weight: the kernel, float32 of shape (channels, C, 5, 5).
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
        """The number of components of a latent."""
        c, h, w = self.shape
        return c * h * w

    @property
    def dim(self) -> int:
        """The number of components of a vector."""
        return len(self.weight) * self.places(self.shape)

    @classmethod
    def places(cls, shape: Block) -> int:
        """Return at how many places of a latent the kernel is applied.

        Args:
            shape: the shape (C, H, W) of the latent.
        """
        return ((shape[1] - 1) // cls.stride + 1) * ((shape[2] - 1) // cls.stride + 1)

    def apply(self, latents: Latents) -> Floats32:
        """Map latents to vectors, as `Map.apply` says."""
        return in_batches(self._apply, latents, self.dim)

    def _apply(self, latents: Latents) -> Floats32:
        n, p = len(latents), self.padding
        blocks = (latents - self.mean).reshape(n, *self.shape)
        blocks = np.pad(blocks, ((0, 0), (0, 0), (p, p), (p, p)))
        # A view of (n, C, h, w, 5, 5) that copies nothing; the product sums over C and the kernel.
        windows = sliding_window_view(blocks, (self.side, self.side), axis=(2, 3))
        windows = windows[:, :, :: self.stride, :: self.stride]
        out = np.tensordot(windows, self.weight, axes=((1, 4, 5), (1, 2, 3)))
        return np.asarray(out.transpose(0, 3, 1, 2).reshape(n, -1), np.float32)

    def pack(self) -> tuple[Tensors, Json]:
        """Return the two arrays, and the shape of the latent."""
        return {"mean": self.mean, "weight": self.weight}, {"shape": self.shape}

    @classmethod
    def unpack(cls, tensors: Tensors, header: Json) -> "ConvolutionMap":
        """Make a map from what `pack` returned, as `Map.unpack` says."""
        c, h, w = read_block(header["shape"])
        map = cls((c, h, w), **tensors)
        wanted = {"mean": (c * h * w,), "weight": (len(map.weight), c, cls.side, cls.side)}
        check_shapes(tensors, wanted)
        return map
