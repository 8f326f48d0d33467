"""What an experiment takes: the data, the encoders to compare, its size and its seed."""

import os
from dataclasses import asdict, dataclass
from pathlib import Path

from originid.datasets import absolute_name
from originid.errors import InputError
from originid.experiments.scale import SCALES, Scale
from originid.types import Json


@dataclass(frozen=True)
class Inputs:
    """What an experiment may use.

    Args:
        data: a data set, as `open_dataset` takes it; empty for ``pairs`` and ``references``.
        vaes: folders or hub ids of autoencoders; the first stands for the paper's.
        pairs: manifest of pairs.
        references: folder of photos.
        scale: see `Scale`.
        seed: of all that is drawn.
    """

    data: str = ""
    vaes: tuple[str, ...] = ()
    pairs: Path | None = None
    references: Path | None = None
    scale: Scale = SCALES["small"]
    seed: int = 0

    def __post_init__(self) -> None:
        if self.data and (self.pairs or self.references):
            raise InputError(
                f"data set {self.data} beside pairs or references",
                "expected either a data set, or pairs and references of your own",
                "leave out one of them",
            )

    def to_json(self) -> Json:
        """As JSON, files and folders as whole paths."""
        paths = {"pairs": self.pairs, "references": self.references}
        whole = {name: path and os.path.realpath(path) for name, path in paths.items()}
        vaes = [os.path.realpath(vae) if os.path.isdir(vae) else vae for vae in self.vaes]
        data = self.data and absolute_name(self.data)
        return {**asdict(self), **whole, "vaes": vaes, "data": data}
