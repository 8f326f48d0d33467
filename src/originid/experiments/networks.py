"""The trained networks that the paper compares with, judged as maps are."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from originid.evaluation.material import Material
from originid.evaluation.metrics import Ints
from originid.evaluation.protocol import Ranking, Truth, rank_scores
from originid.evaluation.trial import Mask, Trial
from originid.experiments.bench import PACKAGED, Bench
from originid.experiments.judging import divide, report_of
from originid.images import decode, read_bytes
from originid.parallel import available_cores, map_ordered
from originid.training.networks.settings import PRESETS, NetworkSettings
from originid.types import Image, Json, Scores

if TYPE_CHECKING:
    from originid.training.networks.fit import TrainedNetwork

QUERIES = 64  # matched at once with all references


def judge_network(bench: Bench, name: str) -> Json:
    """Train a preset on the generator that training may see, fold by fold, and judge it.

    Each fold is a part of its own.

    Returns:
        What ``originid evaluate --json`` gives, with ``fit_seconds`` for a fold,
        ``extract_seconds`` for an image and ``match_seconds`` for a pair.
    """
    trial = divide(bench, bench.material(PACKAGED)[1], seen=True)
    settings = PRESETS[name]
    costs: list[dict[str, float]] = []

    def rank_fold(fold: int, inside: Ints, outside: Mask, truth: Truth) -> Ranking:
        value = bench.part(
            "network",
            {"network": name, "fold": fold},
            lambda: _rank_fold(bench, trial, settings, (inside, outside, truth)),
        )
        costs.append(value["costs"])
        return _from_json(value["ranking"])

    report = report_of(bench, trial, trial.rank(rank_fold))
    return {**report, **{key: float(np.mean([each[key] for each in costs])) for key in costs[0]}}


def _rank_fold(
    bench: Bench, trial: Trial, settings: NetworkSettings, fold: tuple[Ints, Mask, Truth]
) -> Json:
    from originid.training.networks.fit import fit_network  # imports torch: seconds

    inside, outside, truth = fold
    material = trial.material
    images = squares(material.rows, settings.side)
    start = time.perf_counter()
    taught, classes = _classes(material, trial.taught(outside))
    network = fit_network(images[taught], classes, settings, bench.progress)
    trained = time.perf_counter()
    rows = [material.rows[path] for path in trial.references]
    references = network.extract(images[rows])
    extracted = time.perf_counter()
    asked = [material.rows[material.pairs[row].query] for row in inside]
    queries = network.extract(images[asked])
    matching = time.perf_counter()
    ranking = rank_scores(_blocks(network, queries, references), truth)
    done = time.perf_counter()
    costs = {
        "fit_seconds": trained - start,
        "extract_seconds": (extracted - trained) / len(rows),
        "match_seconds": (done - matching) / (len(asked) * len(rows)),
    }
    return {"ranking": _to_json(ranking), "costs": costs}


def _blocks(
    network: "TrainedNetwork", queries: NDArray[np.float32], references: NDArray[np.float32]
) -> Iterator[Scores]:
    for start in range(0, len(queries), QUERIES):
        yield network.score(queries[start : start + QUERIES], references)


def _classes(material: Material, taught: Mask) -> tuple[list[int], NDArray[np.int64]]:
    """Ints of the images that are learned from, and their classes: origins with their edits."""
    number: dict[str, int] = {}
    rows: dict[int, int] = {}
    for pair in (material.pairs[row] for row in np.flatnonzero(taught)):
        group = number.setdefault(pair.group, len(number))
        rows[material.rows[pair.origin]] = group
        rows[material.rows[pair.query]] = group
    return list(rows), np.array(list(rows.values()), np.int64)


def squares(rows: Mapping[Path, int], side: int) -> Image:
    """Image files as uint8 (n, side, side, 3), each at its row; squashed as for encoders."""
    images = np.empty((len(rows), side, side, 3), np.uint8)
    decoded = map_ordered(
        lambda path: decode(read_bytes(path), side).image, list(rows), available_cores()
    )
    for row, image in zip(rows.values(), decoded, strict=True):
        images[row] = image
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
