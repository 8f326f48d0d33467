"""A vision transformer with the parameter names of timm."""

import torch
from torch import nn
from torch.nn import functional

from originid.encoders.public.networks.weights import Weights, count, load


class Attention(nn.Module):  # type: ignore[misc]
    """Self-attention with one matrix for queries, keys and values."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, tokens, width) to the same."""
        n, tokens, width = x.shape
        qkv = self.qkv(x).reshape(n, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(*qkv)
        return self.proj(mixed.transpose(1, 2).reshape(n, tokens, width))


class Mlp(nn.Module):  # type: ignore[misc]
    """Two layers with GELU between them."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, inner)
        self.fc2 = nn.Linear(inner, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, tokens, width) to the same."""
        return self.fc2(functional.gelu(self.fc1(x)))


class Block(nn.Module):  # type: ignore[misc]
    """Attention and MLP, each after a layer norm and beside a shortcut."""

    def __init__(self, width: int, heads: int, inner: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = Mlp(width, inner)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, tokens, width) to the same."""
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class VisionTransformer(nn.Module):  # type: ignore[misc]
    """The class token after the last norm, (n, width), of images (n, 3, s, s).

    A first layer with 9 channels takes three images, as AnyPattern's does: a query and an example
    of how it may have been copied. Without an example the query stands for all three.

    Args:
        weights: ``patch_embed.proj``, ``cls_token``, ``pos_embed``, ``blocks.*``, ``norm``; and
            ``pattern_token`` with ``pos_embed_1``, a last token, where the checkpoint has them.
    """

    def __init__(self, weights: Weights) -> None:
        super().__init__()
        width, channels, patch, _ = weights["patch_embed.proj.weight"].shape
        heads = 12 if width == 384 else max(1, width // 64)  # MoCo v3's and SLIP's small has 12
        self.images = channels // 3
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(channels, width, patch, patch)})
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(weights["pos_embed"].shape))
        if "pattern_token" in weights:
            self.pattern_token = nn.Parameter(torch.zeros(1, 1, width))
            self.pos_embed_1 = nn.Parameter(torch.zeros(1, 1, width))
        inner = len(weights["blocks.0.mlp.fc1.bias"])
        depth = count(weights, "blocks.")
        self.blocks = nn.Sequential(*(Block(width, heads, inner) for _ in range(depth)))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        load(self, weights)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Images (n, 3, s, s), of the side that the position embedding is for."""
        patches = self.patch_embed["proj"](x.repeat(1, self.images, 1, 1)).flatten(2).mT
        tokens = [self.cls_token.expand(len(x), -1, -1), patches]
        positions = self.pos_embed
        if hasattr(self, "pattern_token"):
            tokens.append(self.pattern_token.expand(len(x), -1, -1))
            positions = torch.cat([positions, self.pos_embed_1], dim=1)
        return self.norm(self.blocks(torch.cat(tokens, dim=1) + positions))[:, 0]
