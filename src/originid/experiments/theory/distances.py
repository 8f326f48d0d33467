"""Theorem 1 (Section 4.1): how much nearer a map brings a query to its origin.

The theorem says that some W makes ``E(g) W = E(o) W`` (equation 1), where E is the encoder, o the
origin and g the query. W = 0 does that too, and is useless. So the distance from the origin is
given in units of the distance from strangers under the same map. A stranger is an image that is
not the query's origin.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from originid.encoders import Encoder
from originid.evaluation.encoded_pairs import EncodedPairs
from originid.evaluation.fold_split import FoldSplit
from originid.evaluation.folds import assign_folds
from originid.evaluation.metrics import bootstrap_interval, macro_average
from originid.maps import Map
from originid.training.closed_form import ClosedForm
from originid.training.fitting import NoMap, fit_map
from originid.types import Floats64, Latents


@dataclass(frozen=True)
class Distances:
    """How far each query is from its origin and from strangers. The arrays are float64 (q,).

    Args:
        relative: |W (g - o)|^2 divided by the mean of |W (g - s)|^2 over all queries g and
            strangers s; at least 0. A stranger has 1 on average.
        pair_cosines: the cosine of the query with its origin, in [-1, 1].
        stranger_cosines: the mean cosine of the query with strangers, in [-1, 1].
        separation: the cosine with the origin less the mean cosine with strangers, in standard
            deviations of the cosines with strangers.
        groups: the origin group of each query, q of them.
    """

    relative: Floats64
    pair_cosines: Floats64
    stranger_cosines: Floats64
    separation: Floats64
    groups: tuple[str, ...]

    def averages(self) -> tuple[float, ...]:
        """Return the macro average over the groups of each array, in the order of the fields."""
        values = (self.relative, self.pair_cosines, self.stranger_cosines, self.separation)
        return tuple(macro_average(each, self.groups) for each in values)

    def interval(self) -> tuple[float, float]:
        """Return the 95 % interval of the macro average of ``relative``, by resampling groups."""
        return bootstrap_interval(self.relative, self.groups)


def measure(
    map: Map,
    origins: Latents,
    queries: Latents,
    groups: Sequence[str],
    others: Latents,
    other_groups: Sequence[str],
) -> Distances:
    """Measure the distances of queries under a map.

    Args:
        map: the map. For "no map" it is one that only subtracts the mean.
        origins: the latents of the pairs' origins, float32 (q, latent_dim).
        queries: the latents of the pairs' queries, float32 (q, latent_dim).
        groups: the origin groups of the pairs, q of them.
        others: the latents of further images, float32 (r, latent_dim). Those of another group
            than a query's are the query's strangers.
        other_groups: the groups of the further images, r of them.
    """
    o, g, s = (map.apply(latents).astype(np.float64) for latents in (origins, queries, others))
    stranger = np.array(groups)[:, None] != np.array(other_groups)[None, :]
    differences = ((g - o) ** 2).sum(axis=1)
    # |g - s|^2 = |g|^2 + |s|^2 - 2 g s, which needs no array of shape (q, r, dim).
    squared = (g**2).sum(1)[:, None] + (s**2).sum(1)[None, :] - 2 * g @ s.T
    counts = np.maximum(stranger.sum(axis=1), 1)  # a query without strangers must not divide by 0
    mean_squared = macro_average((squared * stranger).sum(axis=1) / counts, groups)
    o, g, s = (x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-300) for x in (o, g, s))
    pair_cosines, cosines = (g * o).sum(axis=1), g @ s.T
    mean = (cosines * stranger).sum(axis=1) / counts
    spread = np.sqrt((((cosines - mean[:, None]) ** 2) * stranger).sum(axis=1) / counts)
    return Distances(
        differences / mean_squared,
        pair_cosines,
        mean,
        (pair_cosines - mean) / np.maximum(spread, 1e-300),
        tuple(groups),
    )


def cross_validate(
    encoded: EncodedPairs, encoder: Encoder, settings: ClosedForm | NoMap, folds: int = 4
) -> Distances:
    """Measure the distance of each pair under a map that was learned from pairs of other sources.

    Args:
        encoded: the pairs, the references and their latents.
        encoder: the encoder that made the latents.
        settings: the settings by which the map is learned. `NoMap` only subtracts the
            mean of the references.
        folds: the number of folds, at least 2. No source, origin group or file is in two folds.

    Raises:
        InputError: the manifest has no column ``source``, or too few different sources.
    """
    fold_of = assign_folds(encoded.pairs, folds=folds)
    split = FoldSplit(encoded, fold_of, encoded.references)
    parts = []
    for fold in range(folds):
        inside = np.flatnonzero(fold_of == fold)
        map = fit_map(split.examples(fold_of != fold), encoder, settings)
        parts.append(measure_rows(map, encoded, inside.tolist()))
    return Distances(
        np.concatenate([part.relative for part in parts]),
        np.concatenate([part.pair_cosines for part in parts]),
        np.concatenate([part.stranger_cosines for part in parts]),
        np.concatenate([part.separation for part in parts]),
        tuple(group for part in parts for group in part.groups),
    )


def measure_rows(map: Map, encoded: EncodedPairs, rows: Sequence[int]) -> Distances:
    """Measure the distances of some of the pairs; strangers are all references of other groups.

    Args:
        map: the map.
        encoded: the pairs, the references and their latents.
        rows: the numbers of the pairs that are measured, from 0.
    """
    group_of = {pair.origin: pair.group for pair in encoded.pairs}
    pairs = [encoded.pairs[row] for row in rows]
    return measure(
        map,
        encoded.take(pair.origin for pair in pairs),
        encoded.take(pair.query for pair in pairs),
        [pair.group for pair in pairs],
        encoded.take(encoded.references),
        [group_of.get(path, "") for path in encoded.references],
    )
