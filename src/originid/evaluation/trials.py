"""Asks queries with and without their origins: of a model as it is, and of the map of each fold."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from originid.errors import InputError
from originid.evaluation.best_matches import (
    best_matches,
    calibrate_references,
    no_truth,
    without_origins,
)
from originid.evaluation.encoded_pairs import EncodedPairs
from originid.evaluation.fold_split import FoldSplit, MappedFold, vectors_of
from originid.evaluation.protocol import Truth
from originid.evaluation.trust import Trials
from originid.training.train import calibrate
from originid.types import Pair, Rows, Vectors
from originid.verdict.pareto_tail import Tail


def try_model(encoded: EncodedPairs, truth: Truth, tail: Tail) -> Trials:
    """Ask the queries of all pairs, and the strangers.

    Args:
        encoded: the pairs and references, with vectors in place of latents.
        truth: what the queries should find.
        tail: the tail of strangers' scores that comes with the model.
    """
    queries = encoded.queries(range(len(encoded.pairs)))
    strangers = encoded.take(encoded.strangers) if encoded.strangers else queries[:0]
    references = encoded.take(encoded.references)
    photos = _photos(encoded.pairs, encoded.references)
    return _trials(encoded.pairs, queries, references, photos, strangers, truth, tail)


def try_fold(split: FoldSplit, fold: MappedFold) -> Trials | None:
    """Ask the queries of a fold, and its part of the strangers.

    The tail that comes with a model is here that of the queries outside the fold among natural
    images. Every stranger belongs to one fold, so that it counts once in all folds together.

    Args:
        split: the division into folds.
        fold: the vectors of the fold.

    Returns:
        What the queries found, or None if there are too few scores to fit a tail to.
    """
    encoded = split.encoded
    try:
        tail = _tail_of_fold(split, fold)
    except InputError:
        return None
    mine = encoded.strangers[fold.number :: int(split.folds.max()) + 1]
    strangers = vectors_of(fold.map, encoded, mine) if mine else fold.queries[:0]
    pairs = [encoded.pairs[row] for row in fold.inside]
    photos = _photos(encoded.pairs, split.references)
    return _trials(pairs, fold.queries, fold.references, photos, strangers, fold.truth, tail)


def _trials(
    pairs: Sequence[Pair],
    queries: Vectors,
    references: Vectors,
    photos: Rows,
    strangers: Vectors,
    truth: Truth,
    tail: Tail,
) -> Trials:
    calibration = calibrate_references(tail, references)
    alone = references[photos]
    asked = queries if len(photos) else queries[:0]
    nothing = no_truth(len(asked))
    return Trials(
        best_matches(queries, references, calibration, truth),
        best_matches(queries, references, calibration, without_origins(truth)),
        best_matches(asked, alone, calibrate_references(tail, alone), nothing),
        best_matches(strangers, references, calibration, no_truth(len(strangers))),
        tuple(pair.group for pair in pairs),
    )


def _photos(pairs: Sequence[Pair], references: Sequence[Path]) -> Rows:
    """Return the rows of the references that no pair names."""
    named = {path for pair in pairs for path in (pair.origin, pair.query)}
    return np.flatnonzero([path not in named for path in references])


def _tail_of_fold(split: FoldSplit, fold: MappedFold) -> Tail:
    """Fit the tail of a fold's map to what may be learned from to judge the fold."""
    pairs = split.encoded.pairs
    trained = [pairs[row] for row in np.flatnonzero(split.trainable(fold.outside))]
    queries = list(dict.fromkeys(pair.query for pair in trained))
    group_of: dict[Path, str] = {pair.origin: pair.group for pair in pairs}
    group_of |= {pair.query: pair.group for pair in pairs}
    hidden = {pairs[row].origin for row in fold.inside}
    natural = [row for row, path in enumerate(split.references) if path not in hidden]
    return calibrate(
        vectors_of(fold.map, split.encoded, queries),
        [group_of[path] for path in queries],
        fold.references[natural],
        [group_of.get(split.references[row], "") for row in natural],
    ).tail
