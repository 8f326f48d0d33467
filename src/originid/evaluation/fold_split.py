"""How a material is divided: what is judged, fold by fold, and what may be learned for it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from originid.encoders import Encoder
from originid.evaluation.encoded_pairs import EncodedPairs, examples_of
from originid.evaluation.protocol import Ranking, Truth, find_truth, join_folds, rank
from originid.maps import Map, unit_length
from originid.training.examples import BLOCK, PairExamples
from originid.training.fitting import Settings, fit_map
from originid.types import Ints, Mask, Pair, Vectors

Fitted = tuple[Map, float]
"""A map, and the seconds that its fit took."""
RankFold = Callable[[int, Ints, Mask, Truth], Ranking]
"""Takes the fold, the rows of its pairs, which pairs are outside it, and its truth."""


@dataclass(frozen=True)
class FoldSplit:
    """What is judged, fold by fold.

    Args:
        material: latents of pairs and references.
        folds: of the pairs, (q,), from 0; those of -1 are learned from and not judged.
        references: that are ranked, all in the material.
        allowed: whether a pair may be learned from, (q,), for generators that training must not
            see; by default all may.
    """

    material: EncodedPairs
    folds: Ints
    references: Sequence[Path]
    allowed: Mask | None = None

    @cached_property
    def judged(self) -> Ints:
        """Rows of the pairs that are judged."""
        return np.flatnonzero(self.folds >= 0)

    @cached_property
    def tested(self) -> list[Pair]:
        """The pairs that are judged."""
        return [self.material.pairs[row] for row in self.judged]

    @cached_property
    def truth(self) -> Truth:
        """What the queries of ``tested`` should find among ``references``."""
        return find_truth(self.tested, self.references)

    def rank(self, rank_fold: RankFold) -> Ranking:
        """Rank ``references`` for the queries of ``tested``, fold by fold."""
        folds = self.folds[self.judged]
        rankings = []
        for fold in range(folds.max() + 1):
            truth = self.truth.take(np.flatnonzero(folds == fold))
            inside = self.judged[folds == fold]
            rankings.append(rank_fold(fold, inside, self.folds != fold, truth))
        return join_folds(rankings, folds)

    def trainable(self, outside: Mask) -> Mask:
        """Which pairs may be learned from to judge a fold; ``outside`` are those not in it."""
        return outside if self.allowed is None else outside & self.allowed

    def examples(self, outside: Mask) -> PairExamples:
        """What may be learned from to judge a fold; ``outside`` are the pairs not in it."""
        pairs = self.material.pairs
        taught = [pairs[row] for row in np.flatnonzero(self.trainable(outside))]
        test = {pairs[row].origin for row in np.flatnonzero(~outside)}
        natural = (path for path in self.material.references if path not in test)
        return examples_of(self.material, taught, natural)


def rank_by_map(
    trial: FoldSplit, encoder: Encoder, settings: Settings | None, maps: list[Fitted] | None = None
) -> tuple[Ranking, float]:
    """Rank by a map that is fitted for each fold; also the mean seconds of a fit.

    Args:
        trial: what is ranked.
        encoder: what made its latents.
        settings: of the fits; None is no map but the mean.
        maps: of the folds in their order, where they are known; those that are missing are fitted
            and added.
    """
    fitted = [] if maps is None else maps

    def rank_fold(fold: int, inside: Ints, outside: Mask, truth: Truth) -> Ranking:
        if fold == len(fitted):
            examples = trial.examples(outside)
            start = time.perf_counter()
            map = fit_map(examples, encoder, settings)
            fitted.append((map, time.perf_counter() - start))
        map = fitted[fold][0]
        queries = unit_length(map.apply(trial.material.queries(inside)))
        return rank(queries, _vectors(map, trial.material, trial.references), truth)

    return trial.rank(rank_fold), float(np.mean([seconds for _, seconds in fitted]))


def _vectors(map: Map, material: EncodedPairs, paths: Sequence[Path]) -> Vectors:
    """Vectors (n, dim) of files; of their latents, a block at a time is held."""
    blocks = (paths[start : start + BLOCK] for start in range(0, len(paths), BLOCK))
    return np.concatenate([unit_length(map.apply(material.take(block))) for block in blocks])
