"""The map as multi-head attention, for the paper's Table 7."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from originid.maps.base import Block, Tensors, check_shapes, in_parts
from originid.types import Floats32, Json, Latents


@dataclass(frozen=True)
class AttentionMap:
    """Self-attention among square patches of the latent, added to them, then ``W x``.

    The paper says no more than multi-head attention. Here a token is a patch of the (C, H, W)
    block; queries, keys and values are linear in it, and W sees all tokens side by side.

    Args:
        shape: (C, H, W) of the latent.
        patch: side of a patch; it divides H and W.
        heads: it divides the width of a token, C * patch^2.
        mean: float32 of shape (latent_dim,), subtracted first.
        inward: float32 of shape (3 * width, width); the rows give queries, keys, values.
        inward_bias: float32 of shape (3 * width,).
        outward: float32 of shape (width, width), applied to the heads' outputs side by side.
        outward_bias: float32 of shape (width,).
        matrix: W, float32 of shape (dim, latent_dim); a token after the other.
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
        """Components that it takes."""
        return int(self.matrix.shape[1])

    @property
    def dim(self) -> int:
        """Components that it gives."""
        return int(self.matrix.shape[0])

    @property
    def width(self) -> int:
        """Components of a token."""
        return self.shape[0] * self.patch**2

    def apply(self, latents: Latents) -> Floats32:
        """Map latents as `Map.apply` says."""
        return in_parts(self._apply, latents, self.dim)

    def _apply(self, latents: Latents) -> Floats32:
        n, (c, h, w), p = len(latents), self.shape, self.patch
        blocks = (latents - self.mean).reshape(n, c, h // p, p, w // p, p)
        tokens = blocks.transpose(0, 2, 4, 1, 3, 5).reshape(n, -1, self.width)
        inward = tokens @ self.inward.T + self.inward_bias
        # (3, n, heads, tokens, width of a head)
        inward = inward.reshape(n, -1, 3, self.heads, self.width // self.heads)
        query, key, value = inward.transpose(2, 0, 3, 1, 4)
        logits = query @ key.swapaxes(2, 3) * np.float32(query.shape[-1] ** -0.5)
        attention = np.exp(logits - logits.max(axis=-1, keepdims=True))
        attention /= attention.sum(axis=-1, keepdims=True)
        heads = (attention @ value).swapaxes(1, 2).reshape(tokens.shape)
        tokens = tokens + heads @ self.outward.T + self.outward_bias
        return np.asarray(tokens.reshape(n, -1) @ self.matrix.T, np.float32)

    def pack(self) -> tuple[Tensors, Json]:
        """The arrays, and how the latent is cut."""
        names = ("mean", "inward", "inward_bias", "outward", "outward_bias", "matrix")
        special = {"shape": self.shape, "patch": self.patch, "heads": self.heads}
        return {name: getattr(self, name) for name in names}, special

    @classmethod
    def unpack(cls, tensors: Tensors, header: Json) -> "AttentionMap":
        """Make a map of what `pack` gave."""
        c, h, w = (int(size) for size in header["shape"])
        map = cls((c, h, w), int(header["patch"]), int(header["heads"]), **tensors)
        width = map.width
        if min(map.patch, map.heads) < 1 or h % map.patch or w % map.patch or width % map.heads:
            raise ValueError(f"patch {map.patch} and {map.heads} heads of a latent {map.shape}")
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
