"""How well methods find origins: cross-validated, or with the training pairs of a data set."""

from collections.abc import Sequence

import numpy as np

from originid.evaluation.attacks import parse_attack
from originid.evaluation.encoded_pairs import EncodedPairs, attack_queries
from originid.evaluation.fold_split import FoldSplit, rank_by_map
from originid.evaluation.folds import assign_folds
from originid.evaluation.metrics import hits
from originid.evaluation.protocol import Protocol, Ranking, list_references
from originid.evaluation.report import summarise
from originid.experiments.harness.cells import Judgement
from originid.experiments.harness.context import ExperimentContext
from originid.experiments.harness.pooling import pool
from originid.types import Failure, Pair

COLUMNS = ("training", "family", "paradigm", "cell")
"""The columns of pairs that judgements are broken down by, those that the pairs have."""


def split_folds(
    context: ExperimentContext,
    encoded: EncodedPairs,
    seen: bool,
    upper: bool = False,
    folds: int = Protocol.folds,
) -> FoldSplit:
    """Decide which pairs are judged in what fold, and what may be learned from for it.

    Where the data set has pairs for training, the other pairs are judged in one fold. Else the
    pairs are divided into folds for cross-validation.

    Args:
        context: the data of the experiment.
        encoded: the pairs, the references and their latents, from ``context.encoded_pairs``.
        seen: True if a method may learn only from the generator that training may see. Pairs are
            then divided by origin group, because all pairs of a source often have one generator;
            otherwise they are divided by source.
        upper: True if pairs are divided as for ``seen``, but a method may learn from every
            generator: the upper bound of the paper.
        folds: the number of folds where the data set has no pairs for training. It is 1 for a
            method that learns nothing.

    Raises:
        InputError: the pairs have too few sources or origin groups for the folds.
    """
    data, pairs = context.dataset, encoded.pairs
    if data.train is None:
        fold_by = "origin_group" if seen and "origin_group" in pairs[0].fields else "source"
        fold_of = assign_folds(pairs, fold_by, folds)
    else:
        taught = {(pair.origin, pair.query) for pair in data.train}
        # Fold -1 is learned from and not judged; all other pairs are in fold 0.
        fold_of = np.array([-((p.origin, p.query) in taught) for p in pairs], np.int64)
    named = {path for pair in pairs for path in (pair.origin, pair.query)}
    photos = [path for path in encoded.references if path not in named]
    tested = [pairs[row] for row in np.flatnonzero(fold_of >= 0)]
    known = np.array([pair.fields["training"] == "seen" for pair in pairs])
    allowed = known if seen and not upper else None
    return FoldSplit(encoded, fold_of, list_references(tested, photos), allowed)


def judgement_of(context: ExperimentContext, split: FoldSplit, ranking: Ranking) -> Judgement:
    """Return the judgement of a ranking.

    Args:
        context: the seed of the intervals.
        split: the pairs that were judged, and the references.
        ranking: the ranking of the references for the queries of ``split.tested``.
    """
    by = tuple(name for name in COLUMNS if name in split.encoded.pairs[0].fields)
    protocol = Protocol(by=by, seed=context.inputs.seed)
    skipped = split.encoded.skipped
    report = summarise(ranking, split.tested, split.references, protocol, skipped).to_json()
    return {**report, "acc_of_group": _acc_of_group(split.tested, ranking)}


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
) -> Judgement:
    """Judge an encoder and a way to learn the map; the judgement is kept in the folder.

    Args:
        context: the data, the scale and the results that are kept.
        spec: the specification of the encoder.
        map: the way to learn the map, as ``originid train --map`` takes it.
        seen: True if the map may learn only from the generator that training may see; see
            `split_folds`.
        dim: the number of dimensions of a vector; None leaves it to the settings of the map.
        attack: what degrades the queries, such as ``jpeg:30``; empty for nothing.
        few: True if only ``scale.images`` of the photos are searched.
        pooled: True if latents have half the height and half the width.
        upper: True if the map may learn from every generator; see `split_folds`.

    Raises:
        InputError: the data, the encoder or the map cannot be used.
        ExtraError: the encoder or the map needs a package that is not installed.
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

    def compute() -> Judgement:
        """Learn the maps and judge them."""
        encoder, encoded = context.encoded_pairs(spec, few)
        if attack:
            cache = context.cache(encoder)
            parsed = parse_attack(attack)
            encoded = attack_queries(encoded, encoder, parsed, context.progress, cache)
        if pooled:
            encoder, encoded = pool(encoder, encoded)
        split = split_folds(context, encoded, seen, upper, 1 if map == "raw" else Protocol.folds)
        # An attack changes the queries that are judged, not what a map learns from, so all levels
        # share the maps. The key has the queries, as a file that cannot be attacked is left out.
        queries = tuple(pair.query for pair in encoded.pairs)
        maps = context.fitted_maps((spec, map, seen, dim, few, pooled, upper, queries))
        ranking, seconds = rank_by_map(split, encoder, context.map_settings(map, dim), maps)
        return {**judgement_of(context, split, ranking), "fit_seconds": seconds}

    value: Judgement = context.cached("map", settings, compute)
    context.failures |= dict.fromkeys(Failure(**each) for each in value["skipped"])
    return value
