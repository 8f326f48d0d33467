"""A ResNet of bottlenecks with the parameter names of torchvision."""

import torch
from torch import nn

from originid.encoders.public.networks.weights import Weights, below, count, load


class Bottleneck(nn.Module):  # type: ignore[misc]
    """Three convolutions, of sizes 1, 3 and 1, to whose output the input is added.

    Args:
        weights: the weights of the block by name, which tell its sizes.
        stride: the stride of the 3 x 3 convolution, 1 or 2.
    """

    def __init__(self, weights: Weights, stride: int) -> None:
        super().__init__()
        inner, inputs = weights["conv1.weight"].shape[:2]
        outputs = len(weights["conv3.weight"])
        self.conv1 = nn.Conv2d(inputs, inner, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = nn.Sequential()
        if "downsample.0.weight" in weights:
            convolution = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.downsample = nn.Sequential(convolution, nn.BatchNorm2d(outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply the block.

        Args:
            x: features of shape (n, inputs, h, w).

        Returns:
            Features of shape (n, outputs, ceil(h / stride), ceil(w / stride)).
        """
        y = torch.relu(self.bn1(self.conv1(x)))
        y = torch.relu(self.bn2(self.conv2(y)))
        return torch.relu(self.bn3(self.conv3(y)) + self.downsample(x))


class ResNet(nn.Module):  # type: ignore[misc]
    """A ResNet of bottlenecks whose output is the average of its last feature map.

    Args:
        weights: the weights by name: ``conv1``, ``bn1``, and ``layer1`` to ``layer4``.
        last_stride: the stride of the last stage; 1 gives it twice the usual resolution.
        power: the power of the generalised mean that averages; 1 is the plain mean.

    Raises:
        KeyError: if a weight is missing or has another shape.
    """

    def __init__(self, weights: Weights, last_stride: int = 2, power: float = 1) -> None:
        super().__init__()
        self.power = power
        channels = len(weights["conv1.weight"])
        self.conv1 = nn.Conv2d(3, channels, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        for stage, stride in enumerate((1, 2, 2, last_stride), start=1):
            blocks = (
                Bottleneck(below(weights, f"layer{stage}.{i}."), stride if i == 0 else 1)
                for i in range(count(weights, f"layer{stage}."))
            )
            self.add_module(f"layer{stage}", nn.Sequential(*blocks))
        load(self, weights)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Compute latents.

        Args:
            x: normalised images of shape (n, 3, s, s), of any side s.

        Returns:
            The latents, of shape (n, channels).
        """
        x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
        if self.power == 1:
            return x.mean(dim=(2, 3))
        return x.clamp(min=1e-6).pow(self.power).mean(dim=(2, 3)).pow(1 / self.power)
