"""Divides encoded pairs into folds: what is judged in each fold, and what may be learned for it."""

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
"""A map, and the time in seconds that its fit took."""
RankFold = Callable[[int, Ints, Mask, Truth], Ranking]
"""A function that ranks the references for the queries of one fold.

Its arguments are the number of the fold, the rows of its pairs, a mask (q,) of the pairs outside
the fold, and the truth of the fold's queries.
"""


@dataclass(frozen=True)
class FoldSplit:
    """A division of pairs into folds that are judged one by one.

    Args:
        encoded: the pairs and the references with their latents.
        folds: the fold of each pair, int64 of shape (q,), from 0. A pair with the fold -1 is used
            for training only and is never judged.
        references: the files that are ranked; all must be in ``encoded``.
        allowed: whether a pair may be learned from, bool of shape (q,), for generators that
            training must not see; by default all pairs may be.
    """

    encoded: EncodedPairs
    folds: Ints
    references: Sequence[Path]
    allowed: Mask | None = None

    @cached_property
    def judged(self) -> Ints:
        """The rows of the pairs that are judged."""
        return np.flatnonzero(self.folds >= 0)

    @cached_property
    def tested(self) -> list[Pair]:
        """The pairs that are judged."""
        return [self.encoded.pairs[row] for row in self.judged]

    @cached_property
    def truth(self) -> Truth:
        """What the queries of ``tested`` should find among ``references``."""
        return find_truth(self.tested, self.references)

    def rank(self, rank_fold: RankFold) -> Ranking:
        """Rank the references for the queries that are judged, fold by fold.

        Args:
            rank_fold: the function that ranks them for one fold.

        Returns:
            The ranking of the queries of ``tested``, in their order.
        """
        folds = self.folds[self.judged]
        rankings = []
        for fold in range(folds.max() + 1):
            truth = self.truth.take(np.flatnonzero(folds == fold))
            inside = self.judged[folds == fold]
            rankings.append(rank_fold(fold, inside, self.folds != fold, truth))
        return join_folds(rankings, folds)

    def trainable(self, outside: Mask) -> Mask:
        """Return which pairs may be learned from to judge a fold, bool of shape (q,).

        Args:
            outside: whether a pair is outside that fold, bool of shape (q,).
        """
        return outside if self.allowed is None else outside & self.allowed

    def examples(self, outside: Mask) -> PairExamples:
        """Return what may be learned from to judge a fold.

        The natural images are all references but the origins of that fold.

        Args:
            outside: whether a pair is outside that fold, bool of shape (q,).
        """
        pairs = self.encoded.pairs
        trainable = [pairs[row] for row in np.flatnonzero(self.trainable(outside))]
        test = {pairs[row].origin for row in np.flatnonzero(~outside)}
        natural = (path for path in self.encoded.references if path not in test)
        return examples_of(self.encoded, trainable, natural)


@dataclass(frozen=True)
class MappedFold:
    """What is judged in one fold, as vectors of the map that was fitted to the other folds.

    Args:
        map: the map.
        number: the number of the fold, from 0.
        inside: the rows of the fold's pairs.
        outside: whether a pair is outside the fold, bool of shape (p,) for all p pairs.
        truth: what the queries of the fold should find.
        queries: their vectors, float32 of shape (q, dim).
        references: the vectors of the references, float32 of shape (r, dim).
    """

    map: Map
    number: int
    inside: Ints
    outside: Mask
    truth: Truth
    queries: Vectors
    references: Vectors


def rank_by_map(
    split: FoldSplit,
    encoder: Encoder,
    settings: Settings,
    maps: list[Fitted] | None = None,
    on_fold: Callable[[MappedFold], None] | None = None,
) -> tuple[Ranking, float]:
    """Rank by the vectors of a map that is fitted anew for each fold.

    Args:
        split: the pairs and references, divided into folds.
        encoder: the encoder that made the latents.
        settings: the settings of the fits; None means a map that only subtracts the mean.
        maps: the maps of the first folds, if they were fitted before. The maps that are missing
            are fitted and appended to the list.
        on_fold: called with the vectors of each fold, for what is measured besides the ranking.

    Returns:
        The ranking, and the mean time of a fit in seconds.
    """
    fitted = [] if maps is None else maps

    def rank_fold(fold: int, inside: Ints, outside: Mask, truth: Truth) -> Ranking:
        """Fit the map of a fold, unless it is known, and rank by it."""
        if fold == len(fitted):  # the folds come in order, so the maps of the first ones are known
            examples = split.examples(outside)
            start = time.perf_counter()
            map = fit_map(examples, encoder, settings)
            fitted.append((map, time.perf_counter() - start))
        map = fitted[fold][0]
        queries = unit_length(map.apply(split.encoded.queries(inside)))
        references = vectors_of(map, split.encoded, split.references)
        if on_fold is not None:
            on_fold(MappedFold(map, fold, inside, outside, truth, queries, references))
        return rank(queries, references, truth)

    return split.rank(rank_fold), float(np.mean([seconds for _, seconds in fitted]))


def vectors_of(map: Map, encoded: EncodedPairs, paths: Sequence[Path]) -> Vectors:
    """Return the vectors of files. The memory holds the latents of one block at a time.

    Args:
        map: the map that makes vectors of latents.
        encoded: the latents of the files.
        paths: n files, each with a latent, with n >= 1.

    Returns:
        Vectors of unit length, float32 of shape (n, dim).
    """
    blocks = (paths[start : start + BLOCK] for start in range(0, len(paths), BLOCK))
    return np.concatenate([unit_length(map.apply(encoded.take(block))) for block in blocks])
