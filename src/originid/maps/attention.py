"""The map as multi-head attention, for the paper's Table 7."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from originid.maps.base import Block, Tensors, check_shapes, in_batches
from originid.maps.limits import MOST_PAIRS, read_block
from originid.types import Floats32, Json, Latents


@dataclass(frozen=True)
class AttentionMap:
    """Self-attention among square patches of the latent, followed by a matrix W.

    The paper says only "multi-head attention". Here the latent, a block of shape (C, H, W), is cut
    into square patches. Each patch is a token of C * patch^2 components, its width. The queries,
    keys and values of the attention are linear functions of a token. The output of the attention is
    added to the tokens, and W is applied to all tokens side by side.

    Args:
        shape: the shape (C, H, W) of the latent.
        patch: the side of a patch, at least 1; it must divide H and W.
        heads: the number of heads, at least 1; it must divide the width of a token.
        mean: float32 of shape (latent_dim,), which is subtracted from the latent first.
        inward: float32 of shape (3 * width, width); its rows give the queries, then the keys, then
            the values.
        inward_bias: float32 of shape (3 * width,), which is added to them.
        outward: float32 of shape (width, width), which is applied to the outputs of all heads side
            by side.
        outward_bias: float32 of shape (width,), which is added to the result.
        matrix: the matrix W, float32 of shape (dim, latent_dim); its columns stand for one token
            after the other.
    """

    shape: Block
    patch: int
    heads: int
    mean: Floats32
    inward: Floats32
    inward_bias: Floats32
    outward: Floats32
    outward_bias: Floats32
    matrix: Floats32
    kind: ClassVar[str] = "attention"

    @property
    def latent_dim(self) -> int:
        """The number of components of a latent."""
        return int(self.matrix.shape[1])

    @property
    def dim(self) -> int:
        """The number of components of a vector."""
        return int(self.matrix.shape[0])

    @property
    def width(self) -> int:
        """The number of components of a token."""
        return self.shape[0] * self.patch**2

    def apply(self, latents: Latents) -> Floats32:
        """Map latents to vectors, as `Map.apply` says."""
        return in_batches(self._apply, latents, self.dim)

    def _apply(self, latents: Latents) -> Floats32:
        n, (c, h, w), p = len(latents), self.shape, self.patch
        # (n, C, rows of patches, row in a patch, columns of patches, column in a patch)
        blocks = (latents - self.mean).reshape(n, c, h // p, p, w // p, p)
        tokens = blocks.transpose(0, 2, 4, 1, 3, 5).reshape(n, -1, self.width)
        inward = tokens @ self.inward.T + self.inward_bias
        # (3, n, heads, tokens, width of a head)
        inward = inward.reshape(n, -1, 3, self.heads, self.width // self.heads)
        query, key, value = inward.transpose(2, 0, 3, 1, 4)
        logits = query @ key.swapaxes(2, 3) * np.float32(query.shape[-1] ** -0.5)
        # Without the largest logit subtracted, the exponential could overflow.
        attention = np.exp(logits - logits.max(axis=-1, keepdims=True))
        attention /= attention.sum(axis=-1, keepdims=True)
        heads = (attention @ value).swapaxes(1, 2).reshape(tokens.shape)
        tokens = tokens + heads @ self.outward.T + self.outward_bias
        return np.asarray(tokens.reshape(n, -1) @ self.matrix.T, np.float32)

    def pack(self) -> tuple[Tensors, Json]:
        """Return the arrays, and how the latent is cut into patches and heads."""
        names = ("mean", "inward", "inward_bias", "outward", "outward_bias", "matrix")
        special = {"shape": self.shape, "patch": self.patch, "heads": self.heads}
        return {name: getattr(self, name) for name in names}, special

    @classmethod
    def unpack(cls, tensors: Tensors, header: Json) -> "AttentionMap":
        """Make a map from what `pack` returned, as `Map.unpack` says."""
        c, h, w = read_block(header["shape"])
        map = cls((c, h, w), int(header["patch"]), int(header["heads"]), **tensors)
        width = map.width
        if min(map.patch, map.heads) < 1 or h % map.patch or w % map.patch or width % map.heads:
            raise ValueError(f"patch {map.patch} and {map.heads} heads of a latent {map.shape}")
        pairs = map.heads * ((h // map.patch) * (w // map.patch)) ** 2
        if pairs > MOST_PAIRS:
            raise ValueError(f"{pairs:,} pairs of patches in all heads, expected {MOST_PAIRS:,}")
        wanted = {
            "mean": (c * h * w,),
            "inward": (3 * width, width),
            "inward_bias": (3 * width,),
            "outward": (width, width),
            "outward_bias": (width,),
            "matrix": (len(map.matrix), c * h * w),
        }
        check_shapes(tensors, wanted)
        return map
