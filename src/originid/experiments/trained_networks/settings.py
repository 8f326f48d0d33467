"""What a trained network can be told, and the settings known by name."""

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
    warmed_cosine,
)

NETWORKS = ("vit", "resnet")
MATCHERS = ("cosine", "qaconv", "transmatcher")
LOSSES = ("cosface", "softmax", "circle", "pairs")
STEM = 4  # a ResNet's side after its first layers is the image's over this
STAGES = 4  # of a ResNet, at most


@dataclass(frozen=True)
class NetworkSettings(Checked):
    """Settings of a network and its training.

    Args:
        method: its name in a table.
        network: ``vit`` or ``resnet`` (with IBN-a blocks).
        matcher: what compares two images: ``cosine`` of two vectors, or ``qaconv`` or
            ``transmatcher`` of two feature maps.
        loss: ``cosface``, ``softmax`` or ``circle`` for vectors, ``pairs`` for feature maps.
        side: of the square images, in pixels.
        width: channels of a ViT's tokens, or of a ResNet's first stage; doubled at each further.
        depth: blocks of each stage; a ViT has one stage.
        patch: side of a ViT's patches, in pixels.
        heads: of attention, in a ViT and in TransMatcher's encoder.
        bottleneck: whether a ResNet's blocks are ResNet-50's, with 4 times as many outputs.
        neck: channels of a feature map.
        layers: pairs of encoder and decoder of TransMatcher.
        hidden: width of TransMatcher's feed-forward layers.
        scale: s of CosFace, gamma of Circle; the others have none.
        margin: of CosFace, of Circle, or of the triplets of ``pairs``; softmax has none.
        origins_per_batch: P, classes in a batch.
        images_per_origin: K, images of each.
        steps: of gradient descent.
        graph_steps: steps after which QAConv-GS's graph of similar classes is made anew, whose
            neighbours then share batches; 0 draws the classes of a batch at random.
        rate: of Adam, at its peak; it falls along half a cosine to 0.
        warmup: steps in which the rate rises.
        ema: largest decay of the moving average that becomes the network.
        flip: whether a training image is mirrored half of the time.
        imagenet_colours: whether pixels are scaled by the mean and deviation of ImageNet's, as
            published weights may want it, or to [-1, 1].
        weights: file of first values of the backbone, as `load_backbone` reads; empty: random.
        seed: of the first values, the batches and the flips.
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

    def ranges(self) -> dict[str, Range]:
        """See `Checked`."""
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
        """The image's side over that of the backbone's feature map."""
        return self.patch if self.network == "vit" else int(STEM * 2 ** (len(self.depth) - 1))

    @property
    def places(self) -> int:
        """Positions of a feature map."""
        return (self.side // self.reduction) ** 2

    def rate_at(self, step: int) -> float:
        """The rate of a step, counted from 0."""
        return warmed_cosine(self.rate, step, self.steps, self.warmup)


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
    # Positions count by their square, and layers and heads besides.
    "transmatcher": replace(
        _QACONV, method="TransMatcher", matcher="transmatcher", depth=(1, 1, 1)
    ),
}
"""Settings by name, for about a thousand pairs on a CPU."""

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
# These end after the third stage, and their batches hold pairs: memory is for their square.
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
"""The same at the paper's size, for a GPU.

Networks, losses, batches and steps are those of the paper, its code, and the papers of QAConv-GS
and TransMatcher, as far as they say. The paper's begin from ImageNet: see ``weights``.
"""
