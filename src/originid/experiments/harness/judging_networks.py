"""The trained networks that the paper compares with, judged as maps are."""

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from originid.evaluation.fold_split import FoldSplit
from originid.evaluation.protocol import Ranking, Truth, rank_scores
from originid.experiments.harness.context import PACKAGED, ExperimentContext
from originid.experiments.harness.judging import divide, report_of
from originid.experiments.trained_networks.settings import NetworkSettings
from originid.images.decode import decode, read_bytes
from originid.system.parallel import available_cores, map_ordered
from originid.system.storage import storage_errors
from originid.types import Image, Ints, Json, Mask, Pair, Scores

if TYPE_CHECKING:
    from originid.experiments.trained_networks.fit import TrainedNetwork

QUERIES = 64  # matched at once with all references
HELD = 2**31  # bytes of images; more are read as they are needed


def judge_network(context: ExperimentContext, name: str) -> Json:
    """Train a preset on the generator that training may see, fold by fold, and judge it.

    Each fold is a part of its own.

    Returns:
        What ``originid evaluate --json`` gives, with ``fit_seconds`` for a fold,
        ``extract_seconds`` for an image and ``match_seconds`` for a pair.
    """
    trial = divide(context, context.material(PACKAGED)[1], seen=True)
    settings = replace(context.inputs.scale.network(name), seed=context.inputs.seed)
    costs: list[dict[str, float]] = []

    def rank_fold(fold: int, inside: Ints, outside: Mask, truth: Truth) -> Ranking:
        value = context.cached(
            "network",
            {"network": name, "fold": fold},
            lambda: _rank_fold(context, trial, settings, (inside, outside, truth)),
        )
        costs.append(value["costs"])
        return _from_json(value["ranking"])

    report = report_of(context, trial, trial.rank(rank_fold))
    return {**report, **{key: float(np.mean([each[key] for each in costs])) for key in costs[0]}}


def _rank_fold(
    context: ExperimentContext,
    trial: FoldSplit,
    settings: NetworkSettings,
    fold: tuple[Ints, Mask, Truth],
) -> Json:
    from originid.experiments.trained_networks.fit import fit_network  # imports torch: seconds

    inside, outside, truth = fold
    pairs = [trial.material.pairs[row] for row in np.flatnonzero(trial.trainable(outside))]
    taught = class_numbers(pairs)
    asked = [trial.material.pairs[row].query for row in inside]
    images, references, queries = (
        ResizedImages.open(paths, settings.side)
        for paths in (list(taught), trial.references, asked)
    )
    start = time.perf_counter()
    classes = np.array(list(taught.values()), np.int64)
    network = fit_network(images, classes, settings, context.progress)
    trained = time.perf_counter()
    with _scratch(context) as file:
        found = network.extract(references, file)
        extracted = time.perf_counter()
        sought = network.extract(queries)
        matching = time.perf_counter()
        ranking = rank_scores(_blocks(network, sought, found), truth)
        done = time.perf_counter()
    costs = {
        "fit_seconds": trained - start,
        "extract_seconds": (extracted - trained) / len(references),
        "match_seconds": (done - matching) / (len(queries) * len(references)),
    }
    return {"ranking": _to_json(ranking), "costs": costs}


@contextmanager
def _scratch(context: ExperimentContext) -> Iterator[Path | None]:
    """A file for features at the paper's scale, where memory does not hold them."""
    if context.folder is None or not context.inputs.scale.paper:
        yield None
        return
    file = context.folder / "features.npy"
    with storage_errors(file):
        file.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield file
    finally:
        file.unlink(missing_ok=True)


def _blocks(
    network: "TrainedNetwork", queries: NDArray[np.float32], references: NDArray[np.float32]
) -> Iterator[Scores]:
    for start in range(0, len(queries), QUERIES):
        yield network.score(queries[start : start + QUERIES], references)


def class_numbers(pairs: Iterable[Pair]) -> dict[Path, int]:
    """The images that are learned from, and their classes: origins with their edits."""
    number: dict[str, int] = {}
    classes: dict[Path, int] = {}
    for pair in pairs:
        classes[pair.origin] = number.setdefault(pair.group, len(number))
        classes[pair.query] = number[pair.group]
    return classes


@dataclass(frozen=True)
class ResizedImages:
    """Image files as uint8 (n, side, side, 3), decoded as rows are taken; squashed as for encoders.

    Args:
        paths: of image files.
        side: in pixels.
    """

    paths: Sequence[Path]
    side: int

    @classmethod
    def open(cls, paths: Sequence[Path], side: int) -> "Image | ResizedImages":
        """The images: in memory if they are at most `HELD` bytes."""
        files = cls(paths, side)
        return files[:] if math.prod(files.shape) <= HELD else files

    @property
    def shape(self) -> tuple[int, ...]:
        """That of the array they stand for."""
        return len(self.paths), self.side, self.side, 3

    @property
    def dtype(self) -> np.dtype[np.uint8]:
        """Of the array they stand for."""
        return np.dtype(np.uint8)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, rows: "slice | NDArray[np.int64]", /) -> Image:
        """Images of a slice or of an array of rows, (k, side, side, 3)."""
        chosen = np.arange(len(self.paths))[rows]
        images = np.empty((len(chosen), *self.shape[1:]), np.uint8)
        paths = [self.paths[row] for row in chosen.tolist()]
        decoded = map_ordered(
            lambda path: decode(read_bytes(path), self.side).image, paths, available_cores()
        )
        for place, image in enumerate(decoded):
            images[place] = image
        return images


FIELDS = ("ranks", "origins", "origin_scores", "strangers", "stranger_scores", "p")
TYPES = (np.int64, np.int64, np.float32, np.int64, np.float32, np.float64)


def _to_json(ranking: Ranking) -> Json:
    """Arrays as lists; null for what is not finite: a score of nothing, an unknown probability."""
    return {
        name: [float(v) if np.isfinite(v) else None for v in getattr(ranking, name).tolist()]
        for name in FIELDS
    }


def _from_json(value: Json) -> Ranking:
    missing = {"p": np.nan}
    return Ranking(
        *(
            np.array([missing.get(name, -np.inf) if v is None else v for v in value[name]], dtype)
            for name, dtype in zip(FIELDS, TYPES, strict=True)
        )
    )
