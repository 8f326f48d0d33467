"""Judging what is learned: cross-validated, or learned from the training pairs of a data set."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from originid.encoders import Encoder
from originid.evaluation.attacks import parse_attack
from originid.evaluation.metrics import hits
from originid.evaluation.protocol import (
    Protocol,
    Ranking,
    Truth,
    assign_folds,
    find_truth,
    join_folds,
    list_references,
    rank,
)
from originid.evaluation.report import summarise
from originid.evaluation.run import Material, attack_queries, outside_fold
from originid.experiments.bench import Bench, Fitted
from originid.maps import Map, unit_length
from originid.training.fitting import Settings, fit_map, read_map_settings
from originid.types import Json, Pair

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]
COLUMNS = ("training", "family", "paradigm", "cell")


class Trial:
    """How a material is divided: what is judged, fold by fold, and what may be learned for it.

    Args:
        bench: of the experiment.
        material: from ``bench.material``.
        seen: learn only from the generator that training may see. Origins are then kept apart by
            their groups, as sources often have one generator; else by source.
        upper: divide as for ``seen``, but learn from every generator.
    """

    def __init__(self, bench: Bench, material: Material, seen: bool, upper: bool = False) -> None:
        data, pairs = bench.dataset, material.pairs
        by = [name for name in COLUMNS if name in pairs[0].fields]
        self.protocol = Protocol(by=tuple(by), seed=bench.inputs.seed)
        if data.train is None:
            fold_by = "origin_group" if seen and "origin_group" in pairs[0].fields else "source"
            self.folds = assign_folds(pairs, fold_by, self.protocol.folds)
        else:
            taught = {(pair.origin, pair.query) for pair in data.train}
            self.folds = np.array([-((p.origin, p.query) in taught) for p in pairs], np.int64)
        self.judged = np.flatnonzero(self.folds >= 0)
        self.tested = [pairs[row] for row in self.judged]
        named = {path for pair in pairs for path in (pair.origin, pair.query)}
        photos = [path for path in material.references if path not in named]
        self.references = list_references(self.tested, photos)
        self.material = material
        self.truth = find_truth(self.tested, self.references)
        known = np.array([pair.fields["training"] == "seen" for pair in pairs])
        self.allowed = known if seen and not upper else np.ones(len(pairs), bool)

    def rank(self, rank_fold: Callable[[int, Rows, Mask, Truth], Ranking]) -> Ranking:
        """Rank ``references`` for the queries of ``tested``, fold by fold.

        Args:
            rank_fold: takes the fold, the rows of its pairs, which pairs are outside it, and its
                truth.
        """
        folds = self.folds[self.judged]
        rankings = []
        for fold in range(folds.max() + 1):
            truth = self.truth.take(np.flatnonzero(folds == fold))
            inside = self.judged[folds == fold]
            rankings.append(rank_fold(fold, inside, self.folds != fold, truth))
        return join_folds(rankings, folds)

    def report(self, ranking: Ranking) -> Json:
        """What ``originid evaluate --json`` gives, and ``acc_of_group``, in [0, 1]."""
        skipped = self.material.skipped
        report = summarise(ranking, self.tested, self.references, self.protocol, skipped).to_json()
        return {**report, "acc_of_group": _acc_of_group(self.tested, ranking)}


def _acc_of_group(pairs: Sequence[Pair], ranking: Ranking) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for pair, hit in zip(pairs, hits(ranking.ranks, 1), strict=True):
        found.setdefault(pair.group, []).append(float(hit))
    return {group: sum(each) / len(each) for group, each in found.items()}


def judge_map(
    bench: Bench,
    spec: str,
    map: str,
    seen: bool = False,
    dim: int | None = None,
    attack: str = "",
    few: bool = False,
    pooled: bool = False,
    upper: bool = False,
) -> Json:
    """Judge an encoder and a way to fit maps.

    Args:
        bench: of the experiment.
        spec: of the encoder.
        map: as of ``originid train --map``.
        seen: see `Trial`.
        dim: of a vector; None leaves what the settings say.
        attack: on the queries, NAME:LEVEL.
        few: among ``inputs.images`` photos only.
        pooled: on latents of half the side, the mean of 2 x 2 places.
        upper: divided as for ``seen``, but learned from every generator: the upper bound.

    Returns:
        What ``originid evaluate --json`` gives, with ``fit_seconds`` for a fold.
    """
    settings = {
        "data": bench.dataset.name,
        "encoder": spec,
        "map": map,
        "seen": seen,
        "dim": dim,
        "attack": attack,
    }
    settings |= {"few": few, "pooled": pooled, "upper": upper}

    def compute() -> Json:
        encoder, material = bench.material(spec, few)
        if attack:
            cache = bench.cache(encoder)
            parsed = parse_attack(attack)
            material = attack_queries(material, encoder, parsed, bench.progress, cache)
        if pooled:
            encoder, material = pool(encoder, material)
        trial = Trial(bench, material, seen, upper)
        # Attacks change what is asked, not what is learned, unless some file cannot be attacked.
        queries = tuple(pair.query for pair in material.pairs)
        maps = bench.maps((spec, map, seen, dim, few, pooled, upper, queries))
        ranking, seconds = rank_by_map(trial, encoder, read_map_settings(map, dim), maps)
        return {**trial.report(ranking), "fit_seconds": seconds}

    value: Json = bench.part("map", settings, compute)
    return value


def rank_by_map(
    trial: Trial, encoder: Encoder, settings: Settings | None, maps: list[Fitted] | None = None
) -> tuple[Ranking, float]:
    """Rank by a map that is fitted for each fold; also the mean seconds of a fit.

    Args:
        trial: what is ranked.
        encoder: what made its latents.
        settings: of the fits.
        maps: of the folds in their order, where they are known; those that are missing are fitted
            and added.
    """
    material = trial.material
    fitted = [] if maps is None else maps

    def rank_fold(fold: int, inside: Rows, outside: Mask, truth: Truth) -> Ranking:
        if fold == len(fitted):
            examples = outside_fold(material, outside, trial.allowed)
            start = time.perf_counter()
            map = fit_map(examples, encoder, settings)
            fitted.append((map, time.perf_counter() - start))
        map = fitted[fold][0]
        queries = material.queries(inside)
        references = material.take(trial.references)
        return rank(vectors_of(map, queries), vectors_of(map, references), truth)

    return trial.rank(rank_fold), float(np.mean([seconds for _, seconds in fitted]))


def vectors_of(map: Map, latents: NDArray[np.float32]) -> NDArray[np.float32]:
    """Latents to vectors of unit length."""
    return unit_length(map.apply(latents))


class Pooled:
    """An encoder with latents of half the side; what learns from them costs a sixteenth."""

    def __init__(self, encoder: Encoder) -> None:
        self.spec, self.size = encoder.spec, encoder.size
        self.identity = f"pooled:{encoder.identity}"
        self.shapes = tuple((c, h // 2, w // 2) for c, h, w in encoder.shapes)
        self.cutoffs = tuple(min(cut, h) for cut, (_, h, _) in zip(
            encoder.cutoffs, self.shapes, strict=True))  # fmt: skip
        self._encoder = encoder

    def encode(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Encode as `Encoder.encode` says."""
        return self.pool(self._encoder.encode(images))

    def pool(self, latents: NDArray[np.float32]) -> NDArray[np.float32]:
        """Mean of 2 x 2 places of each block, (n, latent_dim) to a quarter of that."""
        parts, start = [], 0
        for c, h, w in self._encoder.shapes:
            stop = start + c * h * w
            block = latents[:, start:stop].reshape(-1, c, h // 2, 2, w // 2, 2)
            parts.append(block.mean(axis=(3, 5)).reshape(len(latents), -1))
            start = stop
        return np.ascontiguousarray(np.concatenate(parts, axis=1), np.float32)


def pool(encoder: Encoder, material: Material) -> tuple[Encoder, Material]:
    """An encoder and what it made, on latents of half the side."""
    small = Pooled(encoder)
    attacked = {path: small.pool(row[None])[0] for path, row in material.attacked.items()}
    return small, replace(material, values=small.pool(material.values), attacked=attacked)
