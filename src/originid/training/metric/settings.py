"""What metric learning can be told, and the settings known by name."""

import math
from dataclasses import dataclass, replace

from originid.training.settings import POSITIVE, SEED, WHOLE, Checked

HIDDEN: dict[str, tuple[int, ...]] = {
    "mlp-2": (1,),
    "mlp-3": (1, 1),
    "mlp-4": (1, 2, 1),
    "mlp-5": (1, 2, 2, 1),
    "mlp-6": (1, 1, 2, 1, 1),
    "mlp-7": (1, 1, 2, 2, 1, 1),
}
"""Widths of the hidden layers of the paper's MLPs (Figure 9), in latent dimensions."""
TRANSFORMS = ("linear", *HIDDEN, "convolution", "attention")
LOSSES = ("cosface", "softmax", "circle")
STARTS = ("random", "closed-form")


@dataclass(frozen=True)
class MetricLearning(Checked):
    """Settings of metric learning; the defaults are the paper's and its code's.

    Args:
        transform: ``linear`` is the paper's W; ``mlp-2`` to ``mlp-7``, ``convolution`` and
            ``attention`` are those of its Table 7 and Figure 9.
        loss: ``cosface``, ``softmax`` (a linear classifier) or ``circle``.
        dim: components of a vector; a convolution gives about as many. None is all: as many as a
            latent has, or, from a closed form, the coefficients that it keeps.
        scale: s of CosFace, gamma of Circle; softmax has none.
        margin: m of CosFace and of Circle; softmax has none.
        sampled_classes: how many classes a step compares with, those of the batch among them;
            None is all of them.
        origins_per_batch: P, classes in a batch, over all processes.
        images_per_origin: K, rows of each.
        epochs: 0 returns the start.
        steps_per_epoch: batches in an epoch.
        rate: of Adam, at its peak.
        warmup: epochs in which the rate rises from a hundredth of its peak.
        hold: epoch at which the rate begins to fall along half a cosine.
        ema: largest decay of the moving average that becomes the map.
        seed: of the first values and of the batches.
        centre: whether the caller passes the mean of natural images to be subtracted.
        start: whether the caller passes a map fitted in closed form as the first value.
    """

    transform: str = "linear"
    loss: str = "cosface"
    dim: int | None = 512
    scale: float = 64.0
    margin: float = 0.35
    sampled_classes: int | None = None
    origins_per_batch: int = 128
    images_per_origin: int = 4
    epochs: int = 25
    steps_per_epoch: int = 2000
    rate: float = 3.5e-4
    warmup: int = 5
    hold: int = 10
    ema: float = 0.9999
    seed: int = 0
    centre: bool = False
    start: str = "random"

    def ranges(self) -> dict[str, tuple[bool, str]]:
        """See `Checked`."""
        sampled = self.sampled_classes
        return {
            "transform": (self.transform in TRANSFORMS, f"one of {', '.join(TRANSFORMS)}"),
            "loss": (self.loss in LOSSES, f"one of {', '.join(LOSSES)}"),
            "dim": (self.dim is None or self.dim >= 1, f"null or {WHOLE}"),
            "scale": (0 < self.scale < math.inf, POSITIVE),
            "margin": (0 <= self.margin < 1, "a number in [0, 1)"),
            "sampled_classes": (sampled is None or sampled >= 2, "null or a number, at least 2"),
            "origins_per_batch": (self.origins_per_batch >= 2, "a whole number, at least 2"),
            "images_per_origin": (self.images_per_origin >= 1, WHOLE),
            "epochs": (self.epochs >= 0, "a whole number, at least 0"),
            "steps_per_epoch": (self.steps_per_epoch >= 1, WHOLE),
            "rate": (0 < self.rate < math.inf, POSITIVE),
            "warmup": (self.warmup >= 0, "a whole number, at least 0"),
            "hold": (self.hold >= self.warmup, "at least as many epochs as warmup"),
            "ema": (0 <= self.ema < 1, "a number in [0, 1)"),
            "seed": (self.seed >= 0, SEED),
            "start": (self.start in STARTS, f"one of {', '.join(STARTS)}"),
        }

    def rate_at(self, epoch: int) -> float:
        """The rate in an epoch, counted from 0: it rises, holds, and falls along a cosine."""
        if epoch < self.warmup:
            return self.rate * (0.99 * epoch / self.warmup + 0.01)
        if epoch < self.hold:
            return self.rate
        fallen = (epoch - self.hold) / (self.epochs - self.hold)
        return self.rate * 0.5 * (math.cos(math.pi * fallen) + 1)


# For a few hundred to a few thousand pairs on a CPU.
_SMALL = MetricLearning(
    scale=8.0,
    origins_per_batch=64,
    images_per_origin=2,
    epochs=8,
    steps_per_epoch=25,
    warmup=1,
    hold=3,
    ema=0.99,
    centre=True,
)
PRESETS: dict[str, MetricLearning] = {
    "paper": MetricLearning(),
    "cosface": _SMALL,
    "softmax": replace(_SMALL, loss="softmax"),
    "circle": replace(_SMALL, loss="circle", scale=64.0, margin=0.25),
    **{name: replace(_SMALL, transform=name, rate=1e-4) for name in HIDDEN},
    "convolution": replace(_SMALL, transform="convolution"),
    "attention": replace(_SMALL, transform="attention", rate=3e-4),
    "full+cosface": replace(_SMALL, start="closed-form", dim=None, rate=1e-4),
}
"""Settings by name. ``paper`` is the official recipe, for 100,000 origins of 21 images each."""
