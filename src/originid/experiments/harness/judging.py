"""Judging what is learned: cross-validated, or learned from the training pairs of a data set."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from originid.encoders import Encoder, latent_dim
from originid.evaluation.attacks import parse_attack
from originid.evaluation.encoded_pairs import EncodedPairs, attack_queries
from originid.evaluation.fold_split import FoldSplit, rank_by_map
from originid.evaluation.folds import assign_folds
from originid.evaluation.metrics import hits
from originid.evaluation.protocol import Protocol, Ranking, list_references
from originid.evaluation.report import summarise
from originid.experiments.harness.context import ExperimentContext
from originid.latents.stores import ChangedStore
from originid.types import Failure, Json, Pair

COLUMNS = ("training", "family", "paradigm", "cell")


def divide(
    context: ExperimentContext,
    material: EncodedPairs,
    seen: bool,
    upper: bool = False,
    folds: int = Protocol.folds,
) -> FoldSplit:
    """What is judged, fold by fold, and what may be learned for it.

    Args:
        context: of the experiment.
        material: from ``context.material``.
        seen: learn only from the generator that training may see. Origins are then kept apart by
            their groups, as sources often have one generator; else by source.
        upper: divide as for ``seen``, but learn from every generator.
        folds: where the data have no training part; 1 for what learns nothing.
    """
    data, pairs = context.dataset, material.pairs
    if data.train is None:
        fold_by = "origin_group" if seen and "origin_group" in pairs[0].fields else "source"
        fold_of = assign_folds(pairs, fold_by, folds)
    else:
        taught = {(pair.origin, pair.query) for pair in data.train}
        fold_of = np.array([-((p.origin, p.query) in taught) for p in pairs], np.int64)
    named = {path for pair in pairs for path in (pair.origin, pair.query)}
    photos = [path for path in material.references if path not in named]
    tested = [pairs[row] for row in np.flatnonzero(fold_of >= 0)]
    known = np.array([pair.fields["training"] == "seen" for pair in pairs])
    allowed = known if seen and not upper else None
    return FoldSplit(material, fold_of, list_references(tested, photos), allowed)


def report_of(context: ExperimentContext, trial: FoldSplit, ranking: Ranking) -> Json:
    """What ``originid evaluate --json`` gives, and ``acc_of_group``, in [0, 1]."""
    by = tuple(name for name in COLUMNS if name in trial.encoded.pairs[0].fields)
    protocol = Protocol(by=by, seed=context.inputs.seed)
    skipped = trial.encoded.skipped
    report = summarise(ranking, trial.tested, trial.references, protocol, skipped).to_json()
    return {**report, "acc_of_group": _acc_of_group(trial.tested, ranking)}


def _acc_of_group(pairs: Sequence[Pair], ranking: Ranking) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for pair, hit in zip(pairs, hits(ranking.ranks, 1), strict=True):
        found.setdefault(pair.group, []).append(float(hit))
    return {group: sum(each) / len(each) for group, each in found.items()}


def judge_map(
    context: ExperimentContext,
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
        context: of the experiment.
        spec: of the encoder.
        map: as of ``originid train --map``.
        seen: see `divide`.
        dim: of a vector; None leaves what the settings say.
        attack: on the queries, NAME:LEVEL.
        few: among ``scale.images`` photos only.
        pooled: on latents of half the side, the mean of 2 x 2 places.
        upper: divided as for ``seen``, but learned from every generator: the upper bound.

    Returns:
        What ``originid evaluate --json`` gives, with ``fit_seconds`` for a fold.
    """
    settings = {
        "data": context.dataset.name,
        "encoder": spec,
        "map": map,
        "seen": seen,
        "dim": dim,
        "attack": attack,
    }
    settings |= {"few": few, "pooled": pooled, "upper": upper}

    def compute() -> Json:
        encoder, material = context.material(spec, few)
        if attack:
            cache = context.cache(encoder)
            parsed = parse_attack(attack)
            material = attack_queries(material, encoder, parsed, context.progress, cache)
        if pooled:
            encoder, material = pool(encoder, material)
        trial = divide(context, material, seen, upper, 1 if map == "raw" else Protocol.folds)
        # Attacks change what is asked, not what is learned, unless some file cannot be attacked.
        queries = tuple(pair.query for pair in material.pairs)
        maps = context.maps((spec, map, seen, dim, few, pooled, upper, queries))
        ranking, seconds = rank_by_map(trial, encoder, context.map_settings(map, dim), maps)
        return {**report_of(context, trial, ranking), "fit_seconds": seconds}

    value: Json = context.cached("map", settings, compute)
    context.failures |= dict.fromkeys(Failure(**each) for each in value["skipped"])
    return value


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


def pool(encoder: Encoder, material: EncodedPairs) -> tuple[Encoder, EncodedPairs]:
    """An encoder and what it made, on latents of half the side."""
    small = Pooled(encoder)
    attacked = {path: small.pool(row[None])[0] for path, row in material.attacked.items()}
    store = ChangedStore(material.store, small.pool, latent_dim(small.shapes))
    return small, replace(material, store=store, attacked=attacked)
