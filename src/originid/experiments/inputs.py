"""What a person gives to an experiment: the data, the VAEs to compare, the scale and the seed."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from originid.datasets import absolute_name
from originid.encoders.public import refuse_unknown
from originid.errors import InputError
from originid.experiments.scale import SCALES, Scale
from originid.types import Json


@dataclass(frozen=True)
class ExperimentInputs:
    """What an experiment may use. A folder of reports holds reports of one `ExperimentInputs`.

    Args:
        data: the name of a data set, as `open_dataset` takes it. It is empty when ``pairs`` and
            ``references`` are given instead.
        vaes: folders or Hugging Face ids of autoencoders. The first one stands for the VAE of the
            paper.
        pairs: the manifest of pairs (CSV), or None.
        references: the folder of photos that are searched beside the origins, or None.
        scale: how large the experiments are; `SCALES` has a small one and the paper's.
        seed: the seed of everything that is drawn at random, a whole number, at least 0.
        baselines: for the names of public models the file, folder or hub id of their weights. They
            add rows to tables, so that a folder of reports may get more of them later.

    Raises:
        InputError: a data set is given beside pairs or references, or there is no such model.
    """

    data: str = ""
    vaes: tuple[str, ...] = ()
    pairs: Path | None = None
    references: Path | None = None
    scale: Scale = SCALES["small"]
    seed: int = 0
    baselines: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.baselines:
            refuse_unknown(name)
        if self.data and (self.pairs or self.references):
            raise InputError(
                f"data set {self.data} beside pairs or references",
                "expected either a data set, or pairs and references of your own",
                "leave out one of them",
            )

    def to_json(self) -> Json:
        """Return the inputs as a JSON object.

        Files and folders are whole paths, so that the same inputs give the same JSON in whatever
        folder the command is started.
        """
        paths = {"pairs": self.pairs, "references": self.references}
        whole = {name: path and os.path.realpath(path) for name, path in paths.items()}
        vaes = [os.path.realpath(vae) if os.path.isdir(vae) else vae for vae in self.vaes]
        data = self.data and absolute_name(self.data)
        inputs = {**asdict(self), **whole, "vaes": vaes, "data": data}
        del inputs["baselines"]
        return inputs
