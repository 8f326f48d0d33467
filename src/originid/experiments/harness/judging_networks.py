"""The networks that the paper trains to compare with, judged as maps are (Tables 3 and 10)."""

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
from originid.experiments.harness.cells import Judgement
from originid.experiments.harness.context import PACKAGED, ExperimentContext
from originid.experiments.harness.judging import judgement_of, split_folds
from originid.experiments.trained_networks.settings import NetworkSettings
from originid.images.decode import decode, read_bytes
from originid.system.parallel import available_cores, map_ordered
from originid.system.storage import storage_errors
from originid.types import Image, Ints, Json, Mask, Pair, Scores

if TYPE_CHECKING:
    from originid.experiments.trained_networks.features import TrainedNetwork

QUERIES = 64  # queries that are matched at once with all references
HELD = 2**31  # bytes of images that memory may hold; the files of more are read when needed


def judge_network(context: ExperimentContext, name: str) -> Judgement:
    """Train a network on the generator that training may see, fold by fold, and judge it.

    The result of each fold is kept in the folder, because a fold can take hours.

    Args:
        context: the data, the scale and the results that are kept.
        name: the name of the network, a key of `PRESETS`.

    Returns:
        The judgement, and in it the mean costs: ``fit_seconds`` for a fold, ``extract_seconds``
        for an image and ``match_seconds`` for a pair of a query and a reference.

    Raises:
        InputError: the data cannot be used, or there are too few pairs to learn from.
        ExtraError: torch or pytorch-metric-learning are not installed.
    """
    split = split_folds(context, context.encoded_pairs(PACKAGED)[1], seen=True)
    settings = replace(context.inputs.scale.network(name), seed=context.inputs.seed)
    costs: list[dict[str, float]] = []

    def rank_fold(fold: int, inside: Ints, outside: Mask, truth: Truth) -> Ranking:
        """Rank the references for the queries of a fold; see `RankFold`."""
        value = context.cached(
            "network",
            {"network": name, "fold": fold},
            lambda: _rank_fold(context, split, settings, (inside, outside, truth)),
        )
        costs.append(value["costs"])
        return _from_json(value["ranking"])

    judgement = judgement_of(context, split, split.rank(rank_fold))
    return {**judgement, **{key: float(np.mean([each[key] for each in costs])) for key in costs[0]}}


def _rank_fold(
    context: ExperimentContext,
    split: FoldSplit,
    settings: NetworkSettings,
    fold: tuple[Ints, Mask, Truth],
) -> Json:
    """Train a network for one fold, and return the ranking of its queries and the costs."""
    from originid.experiments.trained_networks.fit import fit_network  # imports torch: seconds

    inside, outside, truth = fold
    pairs = [split.encoded.pairs[row] for row in np.flatnonzero(split.trainable(outside))]
    taught = class_numbers(pairs)
    asked = [split.encoded.pairs[row].query for row in inside]
    images, references, queries = (
        ResizedImages.open(paths, settings.side)
        for paths in (list(taught), split.references, asked)
    )
    # Files are decoded as they are needed, so the costs contain that where images are many.
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
    """Give a file for features at the paper's scale, and delete it afterwards; else give None.

    A million feature maps of QAConv-GS have 100 GB, which memory does not hold.
    """
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
    """Return the images that are learned from, and the number of each image's class, from 0.

    An origin and its edits are one class.

    Args:
        pairs: the pairs that are learned from.
    """
    number: dict[str, int] = {}
    classes: dict[Path, int] = {}
    for pair in pairs:
        classes[pair.origin] = number.setdefault(pair.group, len(number))
        classes[pair.query] = number[pair.group]
    return classes


@dataclass(frozen=True)
class ResizedImages:
    """Image files that stand for an array, uint8 (n, side, side, 3), and are read when needed.

    They are squashed to a square, as images are for encoders.

    Args:
        paths: the image files, n of them.
        side: the side of the square images, in pixels.
    """

    paths: Sequence[Path]
    side: int

    @classmethod
    def open(cls, paths: Sequence[Path], side: int) -> "Image | ResizedImages":
        """Return the images as an array if they have at most `HELD` bytes, else as files.

        Args:
            paths: the image files, n of them.
            side: the side of the square images, in pixels.

        Raises:
            ImageError: a file cannot be read.
        """
        files = cls(paths, side)
        return files[:] if math.prod(files.shape) <= HELD else files

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array, (n, side, side, 3)."""
        return len(self.paths), self.side, self.side, 3

    @property
    def dtype(self) -> np.dtype[np.uint8]:
        """The dtype of the array, uint8."""
        return np.dtype(np.uint8)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, rows: "slice | NDArray[np.int64]", /) -> Image:
        """Read some of the images.

        Args:
            rows: a slice, or the numbers of the rows, int64 (k,).

        Returns:
            uint8 (k, side, side, 3).

        Raises:
            ImageError: a file cannot be read.
        """
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
    """Return a ranking as lists of numbers.

    Null stands for a number that is not finite, which JSON does not have: the score of a reference
    that does not exist (-inf), and an unknown probability (NaN).
    """
    return {
        name: [float(v) if np.isfinite(v) else None for v in getattr(ranking, name).tolist()]
        for name in FIELDS
    }


def _from_json(value: Json) -> Ranking:
    missing = {"p": np.nan}  # null is NaN in this field, and -inf in the others
    return Ranking(
        *(
            np.array([missing.get(name, -np.inf) if v is None else v for v in value[name]], dtype)
            for name, dtype in zip(FIELDS, TYPES, strict=True)
        )
    )
