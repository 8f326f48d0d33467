"""What may be learned from in a fold, and what its queries are asked: nothing leaks."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from originid.errors import InputError
from originid.evaluation import fold_split
from originid.evaluation.encoded_pairs import EncodedPairs
from originid.evaluation.fold_split import FoldSplit, MappedFold, vectors_of
from originid.evaluation.folds import FEWEST, MOST, assign_folds, column, few_valued
from originid.evaluation.protocol import Ranking, Truth, find_truth, rank, rank_scores
from originid.evaluation.tally import flat
from originid.evaluation.trials import try_fold, try_model
from originid.latents.stores import ArrayStore
from originid.maps import unit_length
from originid.types import Ints, Latents, Mask, Pair, Vectors
from originid.verdict.pareto_tail import BODY, Tail

DIM = 24
TAIL = Tail(tuple(np.linspace(-0.6, 0.5, len(BODY)).tolist()), shape=-0.1, scale=0.04)


class Doubling:
    """A map that is no more than a factor, and counts how much it is given at once."""

    def __init__(self) -> None:
        self.largest = 0

    def apply(self, latents: Latents) -> Vectors:
        self.largest = max(self.largest, len(latents))
        return 2 * latents


def encoded_pairs(groups: int = 12, photos: int = 400, strangers: int = 9) -> EncodedPairs:
    """Pairs of two queries a group that lie near their origin; the others lie anywhere."""
    rng = np.random.default_rng(0)
    rows: dict[Path, int] = {}
    latents: list[np.ndarray] = []

    def keep(name: str, latent: np.ndarray) -> Path:
        path = Path("/d") / name
        rows[path] = len(rows)
        latents.append(latent.astype(np.float32))
        return path

    pairs, origins = [], []
    for group in range(groups):
        origin = rng.standard_normal(DIM)
        origins.append(keep(f"o{group}", origin))
        for number in range(2):
            query = keep(f"q{group}-{number}", origin + 0.2 * rng.standard_normal(DIM))
            pairs.append(Pair(origins[-1], query, f"g{group}", {"source": f"s{group % 5}"}))
    others = [keep(f"p{n}", rng.standard_normal(DIM)) for n in range(photos)]
    unknown = [keep(f"s{n}", rng.standard_normal(DIM)) for n in range(strangers)]
    store = ArrayStore(unit_length(np.stack(latents)))
    return EncodedPairs(pairs, [*origins, *others], rows, store, [], strangers=unknown)


def split_of(encoded: EncodedPairs, allowed: Mask | None = None) -> FoldSplit:
    return FoldSplit(encoded, assign_folds(encoded.pairs), encoded.references, allowed)


def folds_of(split: FoldSplit, map: Doubling) -> list[MappedFold]:
    """Each fold with its vectors, as `rank_by_map` gives them."""
    encoded, made = split.encoded, list[MappedFold]()

    def rank_fold(number: int, inside: Ints, outside: Mask, truth: Truth) -> Ranking:
        queries = unit_length(map.apply(encoded.queries(inside)))
        references = vectors_of(map, encoded, split.references)  # type: ignore[arg-type]
        made.append(MappedFold(map, number, inside, outside, truth, queries, references))  # type: ignore[arg-type]
        return rank(queries, references, truth)

    split.rank(rank_fold)
    return made


def paths_of(encoded: EncodedPairs, rows: Sequence[int]) -> set[Path]:
    names = {row: path for path, row in encoded.rows.items()}
    return {names[row] for row in rows}


def test_examples_of_a_fold_have_nothing_of_it() -> None:
    encoded = encoded_pairs()
    split = split_of(encoded)
    for fold in range(4):
        outside = split.folds != fold
        examples = split.examples(outside)
        tested = [pair for pair, out in zip(encoded.pairs, outside, strict=True) if not out]
        hidden = {path for pair in tested for path in (pair.origin, pair.query)}
        used = [
            *examples.origins.tolist(),
            *examples.queries.tolist(),
            *examples.natural_rows.tolist(),
        ]
        assert hidden
        assert not hidden & paths_of(encoded, used)
        assert set(encoded.references) - hidden == paths_of(encoded, examples.natural_rows.tolist())
        assert set(examples.groups).isdisjoint(pair.group for pair in tested)


def test_what_is_not_allowed_is_judged_but_not_learned_from() -> None:
    encoded = encoded_pairs()
    allowed = np.arange(len(encoded.pairs)) % 2 == 0
    split = split_of(encoded, allowed)
    outside = split.folds != 1
    assert split.trainable(outside).tolist() == (outside & allowed).tolist()
    learned = paths_of(encoded, split.examples(outside).queries.tolist())
    assert all(path.name.endswith("-0") for path in learned)
    assert len(split.tested) == len(encoded.pairs)


def test_a_pair_of_no_fold_is_learned_from_and_never_judged() -> None:
    encoded = encoded_pairs()
    split = split_of(encoded)
    extra = split.folds.copy()
    extra[split.folds == 3] = -1
    some = replace(split, folds=extra)
    assert (extra[some.judged] >= 0).all()
    assert len(some.tested) == (extra >= 0).sum()
    for fold in range(3):
        learned = paths_of(encoded, some.examples(extra != fold).queries.tolist())
        assert {encoded.pairs[row].query for row in np.flatnonzero(extra == -1)} <= learned
    made = folds_of(some, Doubling())
    assert sorted(row for fold in made for row in fold.inside.tolist()) == some.judged.tolist()


def test_folds_together_rank_as_one_map_does() -> None:
    """All folds have the same map here, so that the division must not show."""
    encoded = encoded_pairs()
    split, map = split_of(encoded), Doubling()
    folds = folds_of(split, map)
    joined = split.rank(lambda number, *_: rank_of(folds[number]))
    queries = unit_length(encoded.queries(range(len(encoded.pairs))))
    references = unit_length(encoded.take(split.references))
    whole = rank(queries, references, find_truth(encoded.pairs, split.references))
    np.testing.assert_array_equal(joined.ranks, whole.ranks)
    np.testing.assert_array_equal(joined.origins, whole.origins)
    np.testing.assert_allclose(joined.stranger_scores, whole.stranger_scores, atol=1e-6)


def rank_of(fold: MappedFold) -> Ranking:
    return rank(fold.queries, fold.references, fold.truth)


def test_vectors_are_made_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded, map = encoded_pairs(), Doubling()
    monkeypatch.setattr(fold_split, "BLOCK", 37)
    found = vectors_of(map, encoded, encoded.references)  # type: ignore[arg-type]
    assert map.largest == 37
    np.testing.assert_allclose(found, encoded.take(encoded.references), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)


# Trials.


def test_the_queries_of_a_model_find_their_origins_and_nothing_without_them() -> None:
    encoded = encoded_pairs()
    truth = find_truth(encoded.pairs, encoded.references)
    found = try_model(encoded, truth, TAIL)
    assert found.groups == tuple(pair.group for pair in encoded.pairs)
    assert found.present.right.all()
    assert not found.absent.right.any()
    assert not found.among_photos.right.any()
    assert (found.absent.scores < found.present.scores).all()
    photos = encoded.take(encoded.references[12:])
    among = encoded.queries(range(24)) @ photos.T
    np.testing.assert_allclose(found.among_photos.scores, among.max(axis=1), atol=1e-6)
    strangers = encoded.take(encoded.strangers) @ encoded.take(encoded.references).T
    np.testing.assert_allclose(found.strangers.scores, strangers.max(axis=1), atol=1e-6)
    assert (found.present.rates < 0.1).mean() > 0.9
    assert (found.absent.rates < 0.1).mean() < 0.4


def test_without_photos_nobody_is_asked_among_them() -> None:
    encoded = encoded_pairs(photos=0, strangers=0)
    truth = find_truth(encoded.pairs, encoded.references)
    found = try_model(encoded, truth, TAIL)
    assert len(found.among_photos.rates) == len(found.strangers.rates) == 0
    assert len(found.present.rates) == len(encoded.pairs)


def test_a_photo_that_is_a_query_of_the_manifest_is_no_photo() -> None:
    encoded = encoded_pairs(photos=30)
    more = replace(encoded, references=[*encoded.references, encoded.pairs[0].query])
    truth = find_truth(more.pairs, more.references)
    found = try_model(more, truth, TAIL)
    assert found.among_photos.scores.max() < 0.99


def test_in_all_folds_each_query_and_each_stranger_counts_once() -> None:
    encoded = encoded_pairs(strangers=10)
    split = split_of(encoded)
    folds = folds_of(split, Doubling())
    parts = [part for fold in folds if (part := try_fold(split, fold)) is not None]
    assert len(parts) == 4
    assert sum(len(part.strangers.rates) for part in parts) == 10
    assert sorted(group for part in parts for group in part.groups) == sorted(
        pair.group for pair in encoded.pairs
    )
    best = (encoded.take(encoded.strangers) @ encoded.take(encoded.references).T).max(axis=1)
    found = np.concatenate([part.strangers.scores for part in parts])
    np.testing.assert_allclose(np.sort(found), np.sort(best), atol=1e-6)


def test_too_few_scores_for_a_tail_are_no_trials() -> None:
    encoded = encoded_pairs(groups=8, photos=3)
    split = split_of(encoded)
    assert [try_fold(split, fold) for fold in folds_of(split, Doubling())] == [None] * 4


# Columns and folds.


def pairs_with(**columns: Sequence[str]) -> list[Pair]:
    cells = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return [Pair(Path(f"/o{n}"), Path(f"/q{n}"), f"g{n}", each) for n, each in enumerate(cells)]


@given(st.integers(1, MOST + 3))
def test_a_column_breaks_down_results_by_its_number_of_values(values: int) -> None:
    cells = [f"v{number % values}" for number in range(40)]
    pairs = pairs_with(origin=cells, kind=cells, prompt=cells, query=cells, origin_group=cells)
    assert few_valued(pairs) == (("kind",) if FEWEST <= values <= MOST else ())


def test_a_column_that_names_each_origin_breaks_down_nothing() -> None:
    """As the sources of a small set that `originid generate` made do."""
    pairs = [
        Pair(Path(f"/o{n % 5}"), Path(f"/q{n}"), f"g{n % 5}", {"source": f"s{n % 5}", "kind": kind})
        for n, kind in enumerate(["a", "b"] * 10)
    ]
    assert few_valued(pairs) == ("kind",)


def test_a_row_without_a_cell_has_an_empty_one() -> None:
    pairs = pairs_with(kind=["a"] * 4)
    pairs[2].fields.clear()
    assert few_valued(pairs) == ("kind",)
    assert few_valued([]) == ()


@pytest.mark.parametrize("pairs", [[], pairs_with(kind=["a"])])
def test_an_unknown_column_is_refused_in_three_parts(pairs: list[Pair]) -> None:
    with pytest.raises(InputError) as caught:
        column(pairs, "camera\n")
    assert caught.value.given == "the manifest has no column 'camera\\n'"
    assert caught.value.expected.startswith("expected one of its columns:")
    assert caught.value.todo


def test_more_folds_than_clusters_are_refused_in_three_parts() -> None:
    pairs = pairs_with(source=["a", "b", "a"])
    with pytest.raises(InputError) as caught:
        assign_folds(pairs, folds=3)
    assert caught.value.given.startswith("the pairs are too few: 2 clusters of pairs")
    assert caught.value.expected == "expected at least 3 clusters, one for each fold"
    assert "give pairs of more sources" in caught.value.todo


@settings(max_examples=40)
@given(st.lists(st.integers(0, 9), min_size=4, max_size=40), st.integers(2, 4))
def test_no_fold_has_more_groups_than_another_by_more_than_a_cluster(
    sources: list[int], folds: int
) -> None:
    pairs = pairs_with(source=[f"s{source}" for source in sources])
    if len(set(sources)) < folds:
        return
    assigned = assign_folds(pairs, folds=folds)
    loads = np.bincount(assigned, minlength=folds)
    assert loads.max() - loads.min() <= np.bincount(sources).max()


# Ranking in tiles of any reference order.


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.integers(1, 30), st.integers(1, 5))
def test_ranks_do_not_depend_on_blocks_or_the_order_of_references(
    seed: int, references: int, blocks: int
) -> None:
    rng = np.random.default_rng(seed)
    scores = (rng.integers(-4, 5, (6, references)) / 4).astype(np.float32)
    truth = Truth(
        tuple(rng.integers(0, references, 1) for _ in range(6)), (np.zeros(0, np.int64),) * 6
    )
    order = rng.permutation(references)
    place = np.argsort(order)
    moved = Truth(tuple(place[rows] for rows in truth.correct), truth.ignored)
    one = rank_scores([scores.copy()], truth)
    two = rank_scores(np.array_split(scores[:, order], blocks), moved)
    np.testing.assert_array_equal(one.ranks, two.ranks)
    np.testing.assert_array_equal(one.origin_scores, two.origin_scores)
    np.testing.assert_array_equal(one.stranger_scores, two.stranger_scores)
    for query, (origin,) in enumerate(truth.correct):
        others = np.delete(scores[query], origin)
        assert one.ranks[query] == 1 + (others >= scores[query, origin]).sum()


def test_lists_of_nobody_are_flat() -> None:
    rows, columns = flat([np.zeros(0, np.int64)] * 3)
    assert rows.shape == columns.shape == (0,)
