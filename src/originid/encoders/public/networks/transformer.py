"""A vision transformer with the parameter names of timm."""

import torch
from torch import nn
from torch.nn import functional

from originid.encoders.public.networks.weights import Weights, count, load


class Attention(nn.Module):  # type: ignore[misc]
    """Multi-head self-attention, with one matrix for the queries, keys and values.

    Args:
        width: the number of components of a token.
        heads: the number of heads, which must divide the width.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Mix the tokens of each image, and keep their shape.

        Args:
            x: tokens of shape (n, tokens, width).
        """
        n, tokens, width = x.shape
        qkv = self.qkv(x).reshape(n, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(*qkv)
        return self.proj(mixed.transpose(1, 2).reshape(n, tokens, width))


class Mlp(nn.Module):  # type: ignore[misc]
    """Two linear layers with a GELU between them.

    Args:
        width: the number of components of a token.
        inner: the number of components between the layers.
    """

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, inner)
        self.fc2 = nn.Linear(inner, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply both layers to each token, and keep the shape.

        Args:
            x: tokens of shape (n, tokens, width).
        """
        return self.fc2(functional.gelu(self.fc1(x)))


class Block(nn.Module):  # type: ignore[misc]
    """Attention and an MLP. Each comes after a layer norm, and its input is added to its output.

    Args:
        width: the number of components of a token.
        heads: the number of heads, which must divide the width.
        inner: the number of components inside the MLP.
    """

    def __init__(self, width: int, heads: int, inner: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = Mlp(width, inner)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply the block, and keep the shape.

        Args:
            x: tokens of shape (n, tokens, width).
        """
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class VisionTransformer(nn.Module):  # type: ignore[misc]
    """A vision transformer whose output is the class token after the last norm.

    The first layer of AnyPattern has 9 channels, because it takes three images: a query, and two
    that are an example of a copy. Here the query stands for all three.

    Args:
        weights: the weights by name: ``patch_embed.proj``, ``cls_token``, ``pos_embed``,
            ``blocks.*`` and ``norm``. If the checkpoint has them, there are also ``pattern_token``,
            a last token, and ``pos_embed_1``, its position.

    Raises:
        KeyError: if a weight is missing or has another shape.
    """

    def __init__(self, weights: Weights) -> None:
        super().__init__()
        width, channels, patch, _ = weights["patch_embed.proj.weight"].shape
        # The weights do not tell the number of heads. A head usually has 64 components, but the
        # small models of MoCo v3 and SLIP, of width 384, have 12 heads.
        heads = 12 if width == 384 else max(1, width // 64)
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
        """Compute latents.

        Args:
            x: normalised images of shape (n, 3, s, s), of the side s that ``pos_embed`` is for.

        Returns:
            The latents, of shape (n, width).
        """
        patches = self.patch_embed["proj"](x.repeat(1, self.images, 1, 1)).flatten(2).mT
        tokens = [self.cls_token.expand(len(x), -1, -1), patches]
        positions = self.pos_embed
        if hasattr(self, "pattern_token"):
            tokens.append(self.pattern_token.expand(len(x), -1, -1))
            positions = torch.cat([positions, self.pos_embed_1], dim=1)
        return self.norm(self.blocks(torch.cat(tokens, dim=1) + positions))[:, 0]
