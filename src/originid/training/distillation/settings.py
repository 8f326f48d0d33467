"""What distillation can be told."""

import math
from dataclasses import dataclass, fields

from originid.training.settings import Checked


@dataclass(frozen=True)
class Distillation(Checked):
    """Settings of distillation; the defaults made the packaged encoder.

    Args:
        fine: channels at a quarter of the image's side.
        coarse: channels at an eighth of it, the latent's resolution.
        fine_blocks: residual blocks of two convolutions at a quarter of the side.
        coarse_blocks: residual blocks at an eighth.
        crops: views of each image besides the whole; the teacher sees each once.
        map_weight: what an error that the teacher's map keeps counts, against 1 for an error of
            the whole latent, both relative to the teacher's variance. Without a map only the whole
            counts.
        batch: views in a step.
        epochs: of ``steps_per_epoch`` steps, however many views there are; a checkpoint each.
        steps_per_epoch: steps in an epoch.
        rate: of Adam, at its peak; it falls along half a cosine to 0.
        warmup: steps in which the rate rises.
        ema: decay of the moving average that becomes the encoder.
        seed: of the first values, the crops and the order.
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

    def ranges(self) -> dict[str, tuple[bool, str]]:
        """See `Checked`."""
        least = {"warmup": 0, "crops": 0, "fine_blocks": 0, "coarse_blocks": 0, "seed": 0}
        whole = {each.name: least.get(each.name, 1) for each in fields(self) if each.type is int}
        return {
            **{name: (getattr(self, name) >= n, f"at least {n}") for name, n in whole.items()},
            "rate": (0 < self.rate < 1, "a number in (0, 1)"),
            "ema": (0 <= self.ema < 1, "a number in [0, 1)"),
            "map_weight": (0 <= self.map_weight < math.inf, "a number, at least 0"),
        }

    @property
    def steps(self) -> int:
        """Steps in all."""
        return self.epochs * self.steps_per_epoch
