"""The settings of metric learning, and the presets that users can name."""

import math
from dataclasses import dataclass, replace

from originid.training.settings import Checked, Range, at_least, below_one, one_of, positive

HIDDEN: dict[str, tuple[int, ...]] = {
    "mlp-2": (1,),
    "mlp-3": (1, 1),
    "mlp-4": (1, 2, 1),
    "mlp-5": (1, 2, 2, 1),
    "mlp-6": (1, 1, 2, 1, 1),
    "mlp-7": (1, 1, 2, 2, 1, 1),
}
"""The widths of the hidden layers of the paper's MLPs (Figure 9), as multiples of latent_dim."""
TRANSFORMS = ("linear", *HIDDEN, "convolution", "attention")
LOSSES = ("cosface", "softmax", "circle")
STARTS = ("random", "closed-form")


@dataclass(frozen=True)
class MetricLearning(Checked):
    """The settings of metric learning. The defaults are those of the paper and its authors' code.

    Args:
        transform: The kind of map that is learned. ``linear`` is the paper's W; ``mlp-2`` to
            ``mlp-7``, ``convolution`` and ``attention`` are those of its Table 7 and Figure 9.
        loss: The loss: ``cosface``, ``softmax`` (a linear classifier) or ``circle``.
        dim: The number of components of a vector. A convolution gives only about as many. None
            takes as many as a latent has or, when the start is a closed form, as many as the
            coefficients that it keeps.
        scale: The scale s of CosFace, or gamma of Circle. Softmax has none.
        margin: The margin m of CosFace or of Circle, in [0, 1). Softmax has none.
        sampled_classes: How many classes a step compares the batch with; the batch's own classes
            are always among them. None compares it with all classes.
        origins_per_batch: The number P of classes in a batch, over all processes together.
        images_per_origin: The number K of rows of each class in a batch.
        epochs: The number of epochs. With 0 the start is returned unchanged.
        steps_per_epoch: The number of batches in an epoch.
        rate: The learning rate of Adam at its peak.
        warmup: The number of epochs in which the rate rises from a hundredth of its peak.
        hold: The epoch at which the rate begins to fall along half a cosine.
        ema: The largest decay of the moving average that becomes the map, in [0, 1).
        seed: The seed of the first values and of the batches.
        centre: Whether the map subtracts the mean of natural images. The caller of `fit_metric`
            computes that mean and passes it.
        start: The first value of the map, ``random`` or ``closed-form``. The caller of
            `fit_metric` fits the closed form and passes it.

    Raises:
        InputError: A value has another type or is out of its range.
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

    def ranges(self) -> dict[str, Range]:
        """Return the range of each value, as `Checked` needs it."""
        sampled = self.sampled_classes
        return {
            "transform": one_of(self.transform, TRANSFORMS),
            "loss": one_of(self.loss, LOSSES),
            "dim": (self.dim is None or self.dim >= 1, "null or a whole number, at least 1"),
            "scale": positive(self.scale),
            "margin": below_one(self.margin),
            "sampled_classes": (
                sampled is None or sampled >= 2,
                "null or a whole number, at least 2",
            ),
            "origins_per_batch": at_least(self.origins_per_batch, 2),
            "images_per_origin": at_least(self.images_per_origin, 1),
            "epochs": at_least(self.epochs, 0),
            "steps_per_epoch": at_least(self.steps_per_epoch, 1),
            "rate": positive(self.rate),
            "warmup": at_least(self.warmup, 0),
            "hold": (self.hold >= self.warmup, "at least as many epochs as warmup"),
            "ema": below_one(self.ema),
            "seed": at_least(self.seed, 0),
            "start": one_of(self.start, STARTS),
        }

    def rate_at(self, epoch: int) -> float:
        """Return the learning rate of an epoch, which rises, stays, and falls along half a cosine.

        Args:
            epoch: The number of the epoch, counted from 0.
        """
        if epoch < self.warmup:
            return self.rate * (0.99 * epoch / self.warmup + 0.01)
        if epoch < self.hold:
            return self.rate
        fallen = (epoch - self.hold) / (self.epochs - self.hold)
        return self.rate * 0.5 * (math.cos(math.pi * fallen) + 1)


# For a few hundred to a few thousand pairs on a CPU: 200 steps of 128 latents, some seconds.
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
"""The settings that users can name. ``paper`` is the recipe of the paper's authors, which is made
for 100,000 origins of 21 images each (the origin and 20 edits)."""
