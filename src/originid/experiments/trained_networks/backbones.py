"""Backbones, which make features of images: a vision transformer, and a ResNet with IBN-a."""

import torch
from torch import nn

from originid.experiments.trained_networks.settings import STEM, NetworkSettings

EXPANSION = 4  # output channels of a bottleneck block, divided by its inner channels
IBN_STAGES = 3  # the first three stages have instance norm (Pan et al. 2018, IBN-a)


class Ibn(nn.Module):  # type: ignore[misc]
    """Instance norm of the first half of the channels, batch norm of the other half.

    Args:
        channels: the number of channels, at least 2.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.half = channels // 2
        self.instance = nn.InstanceNorm2d(self.half, affine=True)
        self.batch = nn.BatchNorm2d(channels - self.half)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise feature maps, float32 (n, channels, h, w); the shape stays the same."""
        first, second = x[:, : self.half], x[:, self.half :]
        return torch.cat([self.instance(first), self.batch(second)], dim=1)


class Residual(nn.Module):  # type: ignore[misc]
    """A residual block (He et al. 2016), whose first norm may be an `Ibn`.

    Args:
        inputs: the number of input channels.
        inner: the number of channels inside of the block.
        stride: the stride of the block, in pixels of its input.
        ibn: True if the first norm is an `Ibn`, False if it is a batch norm.
        bottleneck: True for a bottleneck of three convolutions, False for a basic block of two.
    """

    def __init__(self, inputs: int, inner: int, stride: int, ibn: bool, bottleneck: bool) -> None:
        super().__init__()
        norm = Ibn(inner) if ibn else nn.BatchNorm2d(inner)
        self.outputs = inner * (EXPANSION if bottleneck else 1)
        if bottleneck:
            layers = [
                *_convolution(inputs, inner, 1, 1, norm),
                nn.ReLU(),
                *_convolution(inner, inner, 3, stride),
                nn.ReLU(),
                *_convolution(inner, self.outputs, 1, 1),
            ]
        else:
            layers = [
                *_convolution(inputs, inner, 3, stride, norm),
                nn.ReLU(),
                *_convolution(inner, inner, 3, 1),
            ]
        self.body = nn.Sequential(*layers)
        same = stride == 1 and inputs == self.outputs
        self.skip = nn.Sequential(*([] if same else _convolution(inputs, self.outputs, 1, stride)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map float32 (n, inputs, h, w) to float32 (n, outputs, h / stride, w / stride)."""
        return torch.relu(self.body(x) + self.skip(x))


def _convolution(
    inputs: int, outputs: int, side: int, stride: int, norm: nn.Module | None = None
) -> list[nn.Module]:
    """Return a convolution without bias and its norm, by default a batch norm."""
    layer = nn.Conv2d(inputs, outputs, side, stride, side // 2, bias=False)
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return [layer, norm or nn.BatchNorm2d(outputs)]


class ResNet(nn.Module):  # type: ignore[misc]
    """A ResNet without its classifier. With blocks (3, 4, 6, 3) of bottlenecks it is ResNet-50.

    Args:
        settings: the settings of the network.
    """

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        width = settings.width
        layers = [*_convolution(3, width, 7, STEM // 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
        self.channels = width
        self.depth = settings.depth
        for stage, blocks in enumerate(settings.depth):
            for i in range(blocks):
                block = Residual(
                    self.channels,
                    width * 2**stage,
                    stride=2 if stage and not i else 1,
                    ibn=stage < IBN_STAGES,
                    bottleneck=settings.bottleneck,
                )
                layers.append(block)
                self.channels = block.outputs
        self.layers = nn.Sequential(*layers)

    def maps(self, images: torch.Tensor) -> torch.Tensor:
        """Map images, float32 (n, 3, side, side), to feature maps, float32 (n, channels, h, w)."""
        maps: torch.Tensor = self.layers(images)
        return maps

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map images, float32 (n, 3, side, side), to vectors, float32 (n, channels).

        A vector is the mean over the positions of the feature map.
        """
        return self.maps(images).mean(dim=(2, 3))


class Vit(nn.Module):  # type: ignore[misc]
    """A vision transformer without its classifier (Dosovitskiy et al. 2021).

    Args:
        settings: the settings of the network.
    """

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        self.channels = width = settings.width
        self.patches = nn.Conv2d(3, width, settings.patch, settings.patch)
        self.first = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.zeros(1, 1 + settings.places, width))
        nn.init.trunc_normal_(self.positions, std=0.02)
        self.blocks = nn.Sequential(
            *(
                encoder_layer(width, settings.heads, 4 * width, before=True)
                for _ in range(settings.depth[0])
            )
        )
        self.norm = nn.LayerNorm(width)

    def _tokens(self, images: torch.Tensor) -> torch.Tensor:
        patches = self.patches(images).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.first.expand(len(images), -1, -1), patches], dim=1)
        normed: torch.Tensor = self.norm(self.blocks(tokens + self.positions))
        return normed

    def maps(self, images: torch.Tensor) -> torch.Tensor:
        """Map images, float32 (n, 3, side, side), to feature maps, float32 (n, channels, h, w).

        A feature map consists of the tokens of the patches.
        """
        side = images.shape[-1] // self.patches.stride[0]
        return self._tokens(images)[:, 1:].transpose(1, 2).unflatten(2, (side, side))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map images, float32 (n, 3, side, side), to vectors, float32 (n, channels).

        A vector is the class token.
        """
        return self._tokens(images)[:, 0]


def encoder_layer(width: int, heads: int, hidden: int, before: bool) -> nn.Module:
    """Return a layer of self-attention and a feed-forward network, for tokens (n, tokens, width).

    Args:
        width: the number of channels of a token.
        heads: the number of attention heads, a divisor of the width.
        hidden: the number of channels inside of the feed-forward network.
        before: True for norms before each part and GELU, as in a ViT; False for norms after each
            part and ReLU, as in TransMatcher.
    """
    return nn.TransformerEncoderLayer(
        width,
        heads,
        hidden,
        dropout=0.0,
        activation="gelu" if before else "relu",
        batch_first=True,
        norm_first=before,
    )


def make_backbone(settings: NetworkSettings) -> ResNet | Vit:
    """Return a backbone whose first weights are drawn from torch's global generator.

    Args:
        settings: the settings of the network.
    """
    return Vit(settings) if settings.network == "vit" else ResNet(settings)
