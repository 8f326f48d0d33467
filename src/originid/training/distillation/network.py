"""The student: a small convolutional network from an image to a latent."""

import torch
from torch import nn

from originid.encoders import Shape
from originid.training.distillation.settings import Distillation

STRIDE = 4  # of the first convolution, so that the next ones cost a sixteenth
REDUCTION = 8  # the image's side divided by the latent's


class Block(nn.Module):  # type: ignore[misc]
    """Two 3 x 3 convolutions beside the identity. A new block is only the identity.

    Args:
        channels: The number of channels of the input and of the output.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        # A fresh block changes nothing, so that a deep network begins as a shallow one.
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Transform a feature map, and keep its shape.

        Args:
            x: The feature map: floats of shape (n, channels, h, w).
        """
        return torch.relu(x + self.second(torch.relu(self.first(x))))


class Student(nn.Module):  # type: ignore[misc]
    """A network from images, uint8 (n, s, s, 3), to latents (n, C, s / 8, s / 8).

    It has no normalisation layers and only ReLU, so that it stays accurate in eight bits.

    Args:
        shape: The shape (C, H, W) of the latent.
        settings: The settings, whose channels and blocks are used.
    """

    def __init__(self, shape: Shape, settings: Distillation) -> None:
        super().__init__()
        self.shape = shape
        fine, coarse = settings.fine, settings.coarse
        self.stem = nn.Conv2d(3, fine, 2 * STRIDE, stride=STRIDE, padding=STRIDE // 2)
        self.fine = nn.Sequential(*(Block(fine) for _ in range(settings.fine_blocks)))
        self.down = nn.Conv2d(fine, coarse, 3, stride=REDUCTION // STRIDE, padding=1)
        self.coarse = nn.Sequential(*(Block(coarse) for _ in range(settings.coarse_blocks)))
        self.head = nn.Conv2d(coarse, shape[0], 3, padding=1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Encode images.

        Args:
            images: uint8 of shape (n, s, s, 3).

        Returns:
            Latents, floats of shape (n, C, s / 8, s / 8).
        """
        x = images.permute(0, 3, 1, 2).to(self.head.weight.dtype) / 255
        x = self.fine(torch.relu(self.stem(x)))
        x = self.coarse(torch.relu(self.down(x)))
        latents: torch.Tensor = self.head(x)
        return latents
