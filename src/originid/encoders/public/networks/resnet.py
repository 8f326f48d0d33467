"""A ResNet of bottlenecks with the parameter names of torchvision."""

import torch
from torch import nn

from originid.encoders.public.networks.weights import Weights, below, count, load


class Bottleneck(nn.Module):  # type: ignore[misc]
    """1 x 1, 3 x 3 with the stride, 1 x 1, beside a shortcut."""

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
        """(n, inputs, h, w) to (n, outputs, h / stride, w / stride)."""
        y = torch.relu(self.bn1(self.conv1(x)))
        y = torch.relu(self.bn2(self.conv2(y)))
        return torch.relu(self.bn3(self.conv3(y)) + self.downsample(x))


class ResNet(nn.Module):  # type: ignore[misc]
    """The feature map of the last stage, averaged to (n, channels), of images (n, 3, s, s).

    Args:
        weights: ``conv1``, ``bn1``, ``layer1`` to ``layer4``.
        last_stride: 1 keeps the last stage at twice the usual resolution.
        power: of a generalised mean; 1 is the plain one.
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
        """Images (n, 3, s, s), of any side."""
        x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
        if self.power == 1:
            return x.mean(dim=(2, 3))
        return x.clamp(min=1e-6).pow(self.power).mean(dim=(2, 3)).pow(1 / self.power)
