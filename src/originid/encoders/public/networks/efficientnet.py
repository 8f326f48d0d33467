"""EfficientNets as TensorFlow made them, with the parameter names of timm."""

import math
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

from originid.encoders.public.networks.weights import Weights, below, count, load

STRIDES = (1, 2, 2, 2, 1, 2, 1)
"""The strides of the seven stages, which are the same in version 2 and in Lite."""
Activation = Callable[[torch.Tensor], torch.Tensor]


class SameConvolution(nn.Conv2d):  # type: ignore[misc]
    """A convolution with TensorFlow's padding.

    With a stride of 2, TensorFlow pads the right and the bottom more than the left and the top.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pad and convolve.

        Args:
            x: features of shape (n, inputs, h, w).

        Returns:
            Features of shape (n, outputs, ceil(h / stride), ceil(w / stride)).
        """
        pads = []
        for side in (x.shape[3], x.shape[2]):
            steps = math.ceil(side / self.stride[0])
            total = max((steps - 1) * self.stride[0] + self.kernel_size[0] - side, 0)
            pads += [total // 2, total - total // 2]
        return super().forward(functional.pad(x, pads))


class SqueezeExcite(nn.Module):  # type: ignore[misc]
    """Multiplies each channel by a factor in (0, 1) that depends on the means of all channels.

    Args:
        weights: the weights of the layer by name, which tell its sizes.
        activation: the function between its two convolutions.
    """

    def __init__(self, weights: Weights, activation: Activation) -> None:
        super().__init__()
        inner, channels = weights["conv_reduce.weight"].shape[:2]
        self.conv_reduce = nn.Conv2d(channels, inner, 1)
        self.conv_expand = nn.Conv2d(inner, channels, 1)
        self.activation = activation

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Weight the channels of features (n, channels, h, w), and keep their shape.

        Args:
            x: features of shape (n, channels, h, w).
        """
        inner = self.activation(self.conv_reduce(x.mean(dim=(2, 3), keepdim=True)))
        return x * self.conv_expand(inner).sigmoid()


class Block(nn.Module):  # type: ignore[misc]
    """A few convolutions, each with a norm, and a shortcut if input and output have one shape.

    The weights tell which of the `ORDERS` of convolutions the block has. An activation follows
    every convolution but the last; it follows a single one too.

    Args:
        weights: the weights of the block by name.
        stride: the stride of the convolution that looks at neighbours, 1 or 2.
        activation: the activation.

    Raises:
        KeyError: if the weights fit none of the orders.
    """

    ORDERS = (
        (("conv", "bn1"),),
        (("conv_exp", "bn1"), ("conv_pwl", "bn2")),
        (("conv_pw", "bn1"), ("conv_dw", "bn2"), ("conv_pwl", "bn3")),
        (("conv_dw", "bn2"), ("conv_pwl", "bn3")),
    )

    def __init__(self, weights: Weights, stride: int, activation: Activation) -> None:
        super().__init__()
        present = {name.split(".")[0] for name in weights}
        fits = [order for order in self.ORDERS if {c for c, _ in order} <= present]
        if not fits:
            raise KeyError("conv_pwl.weight")
        self.order = fits[0]
        self.activation = activation
        spatial = next(c for c in ("conv_dw", "conv_exp", "conv") if c in present)
        for convolution, norm in self.order:
            outputs, inputs, side, _ = weights[f"{convolution}.weight"].shape
            groups = outputs if convolution == "conv_dw" else 1
            step = stride if convolution == spatial else 1
            layer = SameConvolution(inputs * groups, outputs, side, step, groups=groups, bias=False)
            self.add_module(convolution, layer)
            self.add_module(norm, nn.BatchNorm2d(outputs, eps=1e-3))
        first, last = (getattr(self, self.order[i][0]) for i in (0, -1))
        self.shortcut = stride == 1 and first.in_channels == last.out_channels
        if "se" in present:
            self.se = SqueezeExcite(below(weights, "se."), activation)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply the block.

        Args:
            x: features of shape (n, inputs, h, w).

        Returns:
            Features of shape (n, outputs, ceil(h / stride), ceil(w / stride)).
        """
        y = x
        for i, (convolution, norm) in enumerate(self.order):
            if i == len(self.order) - 1 and hasattr(self, "se"):
                y = self.se(y)
            y = getattr(self, norm)(getattr(self, convolution)(y))
            if i < len(self.order) - 1 or i == 0:
                y = self.activation(y)
        return x + y if self.shortcut else y


class EfficientNet(nn.Module):  # type: ignore[misc]
    """An EfficientNet whose output is the average of its last feature map.

    Args:
        weights: the weights by name: ``conv_stem``, ``bn1`` and ``blocks.*``, and also
            ``conv_head`` and ``bn2`` if the checkpoint has them.
        activation: the activation: SiLU in version 2, ReLU6 in Lite.

    Raises:
        KeyError: if a weight is missing or has another shape.
    """

    def __init__(self, weights: Weights, activation: Activation = functional.silu) -> None:
        super().__init__()
        self.activation = activation
        channels = len(weights["conv_stem.weight"])
        self.conv_stem = SameConvolution(3, channels, 3, 2, bias=False)
        self.bn1 = nn.BatchNorm2d(channels, eps=1e-3)
        stages = [
            nn.Sequential(
                *(
                    Block(below(weights, f"blocks.{s}.{i}."), stride if i == 0 else 1, activation)
                    for i in range(count(weights, f"blocks.{s}."))
                )
            )
            for s, stride in enumerate(STRIDES)
        ]
        self.blocks = nn.Sequential(*stages)
        if "conv_head.weight" in weights:
            outputs, inputs = weights["conv_head.weight"].shape[:2]
            self.conv_head = nn.Conv2d(inputs, outputs, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(outputs, eps=1e-3)
        load(self, weights)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Compute latents.

        Args:
            x: normalised images of shape (n, 3, s, s), of any side s.

        Returns:
            The latents, of shape (n, channels).
        """
        x = self.blocks(self.activation(self.bn1(self.conv_stem(x))))
        if hasattr(self, "conv_head"):
            x = self.activation(self.bn2(self.conv_head(x)))
        return x.mean(dim=(2, 3))
