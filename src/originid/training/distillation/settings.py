"""The settings of distillation."""

import math
from dataclasses import dataclass, fields

from originid.training.settings import Checked, Range, at_least, below_one


@dataclass(frozen=True)
class Distillation(Checked):
    """The settings of distillation. The packaged encoder was made with the defaults.

    Args:
        fine: The number of channels at a quarter of the image's side.
        coarse: The number of channels at an eighth of the side, which is the latent's resolution.
        fine_blocks: The number of residual blocks, of two convolutions each, at a quarter of the
            side.
        coarse_blocks: The number of residual blocks at an eighth of the side.
        crops: The number of random crops of each image that are learned from besides the whole
            image. The teacher encodes each crop once.
        map_weight: The weight of errors that the teacher's map keeps. Errors of the whole latent
            have the weight 1, and both are relative to the teacher's variance. Without a map only
            the whole latent counts.
        batch: The number of views in a step.
        epochs: The number of epochs. A checkpoint is written after each.
        steps_per_epoch: The number of steps in an epoch, which does not depend on how many views
            there are.
        rate: The learning rate of Adam at its peak, in (0, 1). It falls along half a cosine to 0.
        warmup: The number of steps in which the rate rises.
        ema: The largest decay of the moving average that becomes the encoder, in [0, 1).
        seed: The seed of the first values, of the crops and of the order of the views.

    Raises:
        InputError: A value has another type or is out of its range.
    """

    fine: int = 32
    coarse: int = 64
    fine_blocks: int = 1
    coarse_blocks: int = 4
    crops: int = 0
    map_weight: float = 4.0
    batch: int = 8
    epochs: int = 50
    steps_per_epoch: int = 200
    rate: float = 2e-3
    warmup: int = 200
    ema: float = 0.998
    seed: int = 0

    def ranges(self) -> dict[str, Range]:
        """Return the range of each value, as `Checked` needs it."""
        least = {"warmup": 0, "crops": 0, "fine_blocks": 0, "coarse_blocks": 0, "seed": 0}
        whole = {each.name: least.get(each.name, 1) for each in fields(self) if each.type is int}
        return {
            **{name: at_least(getattr(self, name), n) for name, n in whole.items()},
            "rate": (0 < self.rate < 1, "a number in (0, 1)"),
            "ema": below_one(self.ema),
            "map_weight": (0 <= self.map_weight < math.inf, "a number, at least 0"),
        }

    @property
    def steps(self) -> int:
        """The number of steps of all epochs together."""
        return self.epochs * self.steps_per_epoch
