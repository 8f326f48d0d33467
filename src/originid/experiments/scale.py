"""How large experiments are: small, for a laptop, or as large as the paper's."""

from dataclasses import dataclass, replace
from pathlib import Path

from originid.errors import InputError
from originid.experiments.trained_networks.settings import PAPER, PRESETS, NetworkSettings
from originid.training.fitting import Settings
from originid.training.metric.settings import MetricLearning
from originid.training.settings import Checked, at_least, read_settings


@dataclass(frozen=True)
class Scale(Checked):
    """The size of experiments.

    Args:
        paper: whether what is learned by gradient descent has the paper's sizes and schedules,
            for a GPU and 100,000 origins, or small ones, for two cores and a thousand pairs.
        images: how many of the photos are used where several VAEs are compared, and edited by the
            small generators, spread over the folder.
        most_rank: of W by CosFace in Figure 8.
        pooled: whether Figure 9 takes latents of half the side, which costs a sixteenth.
        vit: file of first values of a ViT in timm's names; empty begins from random values.
        resnet: file of first values of a ResNet with IBN-a in the names of its authors.
    """

    paper: bool = False
    images: int = 200
    most_rank: int = 1024
    pooled: bool = True
    vit: str = ""
    resnet: str = ""

    def ranges(self) -> dict[str, tuple[bool, str]]:
        """See `Checked`."""
        return {
            "images": at_least(self.images, 1),
            "most_rank": at_least(self.most_rank, 1),
            "vit": (not self.vit or Path(self.vit).is_file(), "a file"),
            "resnet": (not self.resnet or Path(self.resnet).is_file(), "a file"),
        }

    def network(self, name: str) -> NetworkSettings:
        """Settings of a trained network by its name."""
        settings = (PAPER if self.paper else PRESETS)[name]
        weights = {"vit": self.vit, "resnet": self.resnet}[settings.network]
        return replace(settings, weights=weights)

    def map(self, settings: Settings) -> Settings:
        """The settings of a map, as they are or with the paper's schedule."""
        if not self.paper or not isinstance(settings, MetricLearning):
            return settings
        return MetricLearning(**{name: getattr(settings, name) for name in KEPT})


KEPT = ("transform", "loss", "dim", "margin", "seed", "start")
"""What stays of a preset of metric learning when everything else becomes the paper's."""

SCALES = {
    "small": Scale(),
    "paper": Scale(paper=True, images=100_000, most_rank=4096, pooled=False),
}
"""By name. ``paper`` has the images of its Table 4 and the ranks of its Figure 8."""


def scale_name(scale: Scale) -> str:
    """The name of a scale, or what stands for the file that it was read from."""
    return next((name for name, each in SCALES.items() if each == scale), "SCALE.json")


def read_scale(text: str) -> Scale:
    """The scale of a name, or of a JSON file: ``{"preset": "paper", "vit": "vit.pth"}``.

    Raises:
        InputError: neither, an unknown key, or a value out of its range.
    """
    if text in SCALES:
        return SCALES[text]
    if not text.endswith(".json"):
        raise InputError(
            f"scale {text!r}", f"expected {', '.join(SCALES)}, or a .json file", "choose one"
        )
    return read_settings(text, SCALES)
