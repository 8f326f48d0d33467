"""How large the experiments are: small ones for a laptop, or as large as those of the paper."""

import os
from dataclasses import dataclass, replace

from originid.errors import InputError
from originid.experiments.trained_networks.settings import PAPER, PRESETS, NetworkSettings
from originid.system.text import closest
from originid.training.fitting import Settings
from originid.training.metric.settings import MetricLearning
from originid.training.settings import Checked, at_least, read_settings


@dataclass(frozen=True)
class Scale(Checked):
    """How large the experiments are.

    Args:
        paper: True if everything that is learned by gradient descent has the sizes and schedules
            of the paper, which need a GPU and 100,000 origins; False if it has small ones, which
            are for two cores and a thousand pairs.
        images: how many photos are used where several VAEs are compared (Tables 4 and 5), and
            where the small generators edit photos (Table 8, Figure 2); at least 1. They are
            spread evenly over the folder.
        most_rank: the largest rank of W by CosFace in Figure 8, at least 1.
        pooled: True if Figure 9 takes latents of half the height and half the width. The widest
            layers then have a sixteenth of the weights.
        vit: the file that a ViT takes its first weights from, with the names of the package timm.
            If it is empty, the first weights are random.
        resnet: the file that a ResNet with IBN-a takes its first weights from, with the names
            that the authors of IBN-Net use. If it is empty, the first weights are random.

    Raises:
        InputError: a value is out of its range, or a file does not exist.
    """

    paper: bool = False
    images: int = 200
    most_rank: int = 1024
    pooled: bool = True
    vit: str = ""
    resnet: str = ""

    def ranges(self) -> dict[str, tuple[bool, str]]:
        """Return for each value whether it is in its range, and what is expected; see `Checked`."""
        return {
            "images": at_least(self.images, 1),
            "most_rank": at_least(self.most_rank, 1),
            "vit": (not self.vit or os.path.isfile(self.vit), "a file"),
            "resnet": (not self.resnet or os.path.isfile(self.resnet), "a file"),
        }

    def network(self, name: str) -> NetworkSettings:
        """Return the settings of a network that is trained from pairs, at this scale.

        Args:
            name: the name of the network, a key of `PRESETS`.
        """
        settings = (PAPER if self.paper else PRESETS)[name]
        weights = {"vit": self.vit, "resnet": self.resnet}[settings.network]
        return replace(settings, weights=weights)

    def map(self, settings: Settings) -> Settings:
        """Return the settings by which a map is learned at this scale.

        Args:
            settings: the settings of the small scale.

        Returns:
            The same settings, or for metric learning at the paper's scale those of the paper: of
            ``settings`` only the values in `KEPT` remain.
        """
        if not self.paper or not isinstance(settings, MetricLearning):
            return settings
        return MetricLearning(**{name: getattr(settings, name) for name in KEPT})


KEPT = ("transform", "loss", "dim", "margin", "seed", "start")
"""The settings of metric learning that stay as they are when all others become the paper's."""

SCALES = {
    "small": Scale(),
    "paper": Scale(paper=True, images=100_000, most_rank=4096, pooled=False),
}
"""The scales by name. ``paper`` has the number of images of Table 4 and the ranks of Figure 8."""


def scale_name(scale: Scale) -> str:
    """Return the name of a scale, or ``SCALE.json`` for a scale that was read from a file."""
    return next((name for name, each in SCALES.items() if each == scale), "SCALE.json")


def read_scale(text: str) -> Scale:
    """Return the scale that a text names.

    Args:
        text: a key of `SCALES`, or the path of a JSON file such as
            ``{"preset": "paper", "vit": "vit.pth"}``.

    Raises:
        InputError: the text names no scale and no usable file, or the file has an unknown key or
            a value out of its range.
    """
    if text in SCALES:
        return SCALES[text]
    if not text.endswith(".json"):
        raise InputError(
            f"scale {text!r}",
            f"expected {', '.join(SCALES)}, or a .json file",
            closest(text, SCALES, "choose one of these"),
        )
    return read_settings(text, SCALES)
