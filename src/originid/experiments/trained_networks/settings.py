"""The settings of a trained network, and presets of them in two sizes."""

import math
from dataclasses import dataclass, replace
from typing import Any

from originid.training.settings import (
    Checked,
    Range,
    at_least,
    below_one,
    one_of,
    positive,
)

NETWORKS = ("vit", "resnet")
MATCHERS = ("cosine", "qaconv", "transmatcher")
LOSSES = ("cosface", "softmax", "circle", "pairs")
STEM = 4  # the side of the image, divided by that of the map after a ResNet's first layers
STAGES = 4  # the most stages that a ResNet has


@dataclass(frozen=True)
class NetworkSettings(Checked):
    """The settings of a network and of its training.

    Args:
        method: the name of the method in a table.
        network: the backbone: ``vit``, or ``resnet`` with IBN-a blocks.
        matcher: what compares two images: ``cosine`` compares two vectors, ``qaconv`` and
            ``transmatcher`` compare two feature maps.
        loss: the loss: ``cosface``, ``softmax`` or ``circle`` for vectors, ``pairs`` for feature
            maps.
        side: the side of the square images, in pixels, a multiple of `reduction`.
        width: the number of channels of a ViT's tokens, or of a ResNet's first stage. Each further
            stage of a ResNet has twice as many.
        depth: the number of blocks of each stage. A ViT has one stage, a ResNet up to 4.
        patch: the side of a ViT's patches, in pixels.
        heads: the number of attention heads of a ViT and of TransMatcher.
        bottleneck: True if a ResNet has the bottleneck blocks of ResNet-50, which have 4 times as
            many output channels; False if it has basic blocks.
        neck: the number of channels of a feature map that is compared.
        layers: the number of layers of TransMatcher, each an encoder and a decoder.
        hidden: the number of channels inside of TransMatcher's feed-forward networks.
        scale: s of CosFace or gamma of Circle, above 0; the other losses have none.
        margin: the margin of CosFace, of Circle, or of the triplets of ``pairs``, at least 0;
            softmax has none.
        origins_per_batch: P, the number of classes in a batch, at least 2.
        images_per_origin: K, the number of images of each class in a batch, at least 2.
        steps: the number of steps of gradient descent.
        graph_steps: the number of steps after which QAConv-GS finds anew which classes are similar
            and share batches. With 0 the classes of a batch are drawn at random.
        rate: the highest learning rate of Adam. It falls along half a cosine to 0.
        warmup: the number of steps in which the learning rate rises from 0.
        ema: the largest decay of the moving average of the weights, in [0, 1). The average is the
            trained network.
        flip: True if half of the training images, drawn at random, are mirrored.
        imagenet_colours: True if pixels are scaled by the mean and the deviation of ImageNet, as
            published weights may need it; False if they are scaled to [-1, 1].
        weights: the file of the backbone's first weights, as `load_backbone` reads it. If it is
            empty, they are random.
        seed: the seed of the first weights, the batches and the mirroring, at least 0.

    Raises:
        InputError: a value is out of its range.
    """

    method: str = "ViT + CosFace"
    network: str = "vit"
    matcher: str = "cosine"
    loss: str = "cosface"
    side: int = 64
    width: int = 64
    depth: tuple[int, ...] = (4,)
    patch: int = 8
    heads: int = 4
    bottleneck: bool = False
    neck: int = 32
    layers: int = 2
    hidden: int = 64
    scale: float = 16.0
    margin: float = 0.35
    origins_per_batch: int = 32
    images_per_origin: int = 2
    steps: int = 200
    graph_steps: int = 0
    rate: float = 2e-3
    warmup: int = 30
    ema: float = 0.98
    flip: bool = False
    imagenet_colours: bool = False
    weights: str = ""
    seed: int = 0

    def ranges(self) -> dict[str, tuple[bool, str]]:
        """Return for each value whether it is in its range, and what is expected; see `Checked`."""
        return {**self._shapes(), **self._training()}

    def _shapes(self) -> dict[str, Range]:
        vit = self.network == "vit"
        attends = vit or self.matcher == "transmatcher"
        channels = self.width if vit else self.neck
        step = max(1, self.reduction)
        stages = 1 if vit else STAGES
        return {
            "network": one_of(self.network, NETWORKS),
            "matcher": one_of(self.matcher, MATCHERS),
            "width": at_least(self.width, 1),
            "patch": at_least(self.patch, 1),
            "neck": at_least(self.neck, 1),
            "layers": at_least(self.layers, 1),
            "hidden": at_least(self.hidden, 1),
            "depth": (
                1 <= len(self.depth) <= stages and min(self.depth, default=0) >= 1,
                f"1 to {stages} numbers, each at least 1",
            ),
            "side": (self.side >= step and self.side % step == 0, f"a multiple of {step}"),
            "heads": (
                self.heads >= 1 and not (attends and channels % self.heads),
                f"a divisor of {channels}",
            ),
        }

    def _training(self) -> dict[str, Range]:
        losses = LOSSES[:3] if self.matcher == "cosine" else LOSSES[3:]
        return {
            "loss": (self.loss in losses, f"one of {', '.join(losses)} for {self.matcher}"),
            "scale": positive(self.scale),
            "margin": (0 <= self.margin < math.inf, "a number, at least 0"),
            "origins_per_batch": at_least(self.origins_per_batch, 2),
            "images_per_origin": at_least(self.images_per_origin, 2),
            "steps": at_least(self.steps, 0),
            "graph_steps": (
                self.graph_steps == 0 or (self.graph_steps > 0 and self.loss == "pairs"),
                "0, or for the loss pairs a number of steps",
            ),
            "rate": positive(self.rate),
            "warmup": at_least(self.warmup, 0),
            "ema": below_one(self.ema),
            "seed": at_least(self.seed, 0),
        }

    @property
    def reduction(self) -> int:
        """The side of the image, divided by the side of the backbone's feature map."""
        return self.patch if self.network == "vit" else int(STEM * 2 ** (len(self.depth) - 1))

    @property
    def places(self) -> int:
        """The number of positions of a feature map."""
        return (self.side // self.reduction) ** 2

    def rate_at(self, step: int) -> float:
        """Return the learning rate of a step; steps are counted from 0."""
        warm = min(1.0, (step + 1) / max(1, self.warmup))
        return self.rate * warm * 0.5 * (1 + math.cos(math.pi * step / self.steps))


_VIT = NetworkSettings()
_IBN = replace(_VIT, method="IBN-Net", network="resnet", width=32, depth=(1, 1, 1), rate=1e-3)
_QACONV = replace(
    _IBN,
    method="QAConv-GS",
    matcher="qaconv",
    loss="pairs",
    depth=(1, 1),
    margin=16.0,
    origins_per_batch=16,
    images_per_origin=2,
    steps=180,
    graph_steps=60,
)
PRESETS: dict[str, NetworkSettings] = {
    "vit-circle": replace(_VIT, method="ViT + Circle", loss="circle", scale=64.0, margin=0.25),
    "vit-softmax": replace(_VIT, method="ViT + SoftMax", loss="softmax"),
    "vit-cosface": _VIT,
    "ibn-net": _IBN,
    "qaconv-gs": _QACONV,
    # Its cost grows with the square of the number of positions, so it has a stage more.
    "transmatcher": replace(
        _QACONV, method="TransMatcher", matcher="transmatcher", depth=(1, 1, 1)
    ),
}
"""The settings of each network, for about a thousand pairs on a CPU."""

_SCHEDULE: dict[str, Any] = {
    "side": 224,
    "origins_per_batch": 128,
    "images_per_origin": 4,
    "steps": 50_000,
    "rate": 3.5e-4,
    "warmup": 10_000,
    "ema": 0.9999,
}
_VIT_B: dict[str, Any] = {"width": 768, "depth": (12,), "patch": 16, "heads": 12, **_SCHEDULE}
_RESNET_50: dict[str, Any] = {
    "width": 64,
    "depth": (3, 4, 6, 3),
    "bottleneck": True,
    "imagenet_colours": True,
    **_SCHEDULE,
}
# These networks end after the third stage. Their batches are small, because
# every two images are compared: memory grows with the square of the batch.
_PAIRWISE: dict[str, Any] = {
    **_RESNET_50,
    "depth": (3, 4, 6),
    "origins_per_batch": 32,
    "graph_steps": 2_000,
}
PAPER: dict[str, NetworkSettings] = {
    "vit-circle": replace(PRESETS["vit-circle"], **_VIT_B),
    "vit-softmax": replace(PRESETS["vit-softmax"], **_VIT_B),
    "vit-cosface": replace(_VIT, scale=64.0, **_VIT_B),
    "ibn-net": replace(_IBN, scale=64.0, **_RESNET_50),
    "qaconv-gs": replace(_QACONV, neck=128, **_PAIRWISE),
    "transmatcher": replace(
        PRESETS["transmatcher"], neck=512, layers=3, heads=1, hidden=2048, **_PAIRWISE
    ),
}
"""The settings of each network at the paper's size, for a GPU.

Networks, losses, batches and steps are those of the paper, of its code, and of the papers of
QAConv-GS and TransMatcher, as far as they say. The paper's networks begin from weights that were
trained on ImageNet; these begin from random ones unless ``weights`` names a file.
"""
