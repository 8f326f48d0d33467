"""Theorem 1: how much nearer a map brings a query to its origin.

The theorem says that some W makes ``E(g) W = E(o) W``. By itself that is met by W = 0, so the
distance that shrinks is measured in units of that between a query and images which are not its
origin, under the same map.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from originid.encoders import Encoder
from originid.evaluation.encoded_pairs import EncodedPairs
from originid.evaluation.fold_split import FoldSplit
from originid.evaluation.metrics import bootstrap_interval, macro_average
from originid.evaluation.protocol import assign_folds
from originid.maps import Map
from originid.training.closed_form import ClosedForm
from originid.training.fitting import fit_map
from originid.types import Floats64, Latents


@dataclass(frozen=True)
class Distances:
    """What each query is from its origin and from strangers; every array has shape (q,).

    ``relative`` is |W (g - o)|^2 by the mean of |W (g - s)|^2 over all queries and strangers;
    ``pair_cosines`` are with the origin, ``stranger_cosines`` the mean over strangers;
    ``separation`` is their difference in standard deviations of the strangers' cosines.
    """

    relative: Floats64
    pair_cosines: Floats64
    stranger_cosines: Floats64
    separation: Floats64
    groups: tuple[str, ...]

    def averages(self) -> tuple[float, ...]:
        """Macro averages over the groups, in the order of the fields."""
        values = (self.relative, self.pair_cosines, self.stranger_cosines, self.separation)
        return tuple(macro_average(each, self.groups) for each in values)

    def interval(self) -> tuple[float, float]:
        """95 % interval of the macro average of ``relative``, resampling groups."""
        return bootstrap_interval(self.relative, self.groups)


def measure(
    map: Map,
    origins: Latents,
    queries: Latents,
    groups: Sequence[str],
    others: Latents,
    other_groups: Sequence[str],
) -> Distances:
    """Distances under a map.

    Args:
        map: applied to all latents; the identity less a mean stands for no map.
        origins: of the pairs, (q, latent_dim).
        queries: of the pairs, (q, latent_dim).
        groups: of the pairs, q of them.
        others: further images, (r, latent_dim), of which each query's strangers are those
            of another group.
        other_groups: r of them.
    """
    o, g, s = (map.apply(latents).astype(np.float64) for latents in (origins, queries, others))
    stranger = np.array(groups)[:, None] != np.array(other_groups)[None, :]
    differences = ((g - o) ** 2).sum(axis=1)
    squared = (g**2).sum(1)[:, None] + (s**2).sum(1)[None, :] - 2 * g @ s.T
    counts = np.maximum(stranger.sum(axis=1), 1)
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
    material: EncodedPairs, encoder: Encoder, settings: ClosedForm | None, folds: int = 4
) -> Distances:
    """Distances of each pair under a map fitted to pairs of other sources.

    Args:
        material: latents of pairs and references.
        encoder: what made them.
        settings: of the fit; None subtracts the mean of the references and does nothing else.
        folds: number of folds; no source, origin group or file is in two.

    Raises:
        InputError: the manifest has no column ``source``, or too few different sources.
    """
    fold_of = assign_folds(material.pairs, folds=folds)
    trial = FoldSplit(material, fold_of, material.references)
    parts = []
    for fold in range(folds):
        inside = np.flatnonzero(fold_of == fold)
        map = fit_map(trial.examples(fold_of != fold), encoder, settings)
        parts.append(measure_rows(map, material, inside.tolist()))
    return Distances(
        np.concatenate([part.relative for part in parts]),
        np.concatenate([part.pair_cosines for part in parts]),
        np.concatenate([part.stranger_cosines for part in parts]),
        np.concatenate([part.separation for part in parts]),
        tuple(group for part in parts for group in part.groups),
    )


def measure_rows(map: Map, material: EncodedPairs, rows: Sequence[int]) -> Distances:
    """Distances of some of the pairs; their strangers are all references of other groups."""
    group_of = {pair.origin: pair.group for pair in material.pairs}
    pairs = [material.pairs[row] for row in rows]
    return measure(
        map,
        material.take(pair.origin for pair in pairs),
        material.take(pair.query for pair in pairs),
        [pair.group for pair in pairs],
        material.take(material.references),
        [group_of.get(path, "") for path in material.references],
    )
