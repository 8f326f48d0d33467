"""Who beats the origin, from tiles of scores, against looking at the whole matrix at once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from originid.evaluation.projection import TIE, stranger_probability, tail_size
from originid.evaluation.tally import Tally, best_correct, blocks_from, flat, score_pairs


def tiles(scores: np.ndarray, height: int, width: int) -> list[tuple[np.ndarray, int, int]]:
    """Copies of parts of a matrix, each with the row and column that it begins at."""
    return [
        (scores[top : top + height, left : left + width].copy(), top, left)
        for top in range(0, scores.shape[0], height)
        for left in range(0, scores.shape[1], width)
    ]


def tally_of(
    scores: np.ndarray, origins: np.ndarray, left_out: list[np.ndarray], height: int, width: int
) -> Tally:
    tally = Tally(origins, left_out, scores.shape[1])
    for tile, top, left in tiles(scores, height, width):
        tally.add(tile, top, left)
    return tally


def drawn(
    queries: int, references: int, seed: int
) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Scores of which many are equal, those of the origins, and who is left out."""
    rng = np.random.default_rng(seed)
    scores = (rng.integers(-5, 6, (queries, references)) / 5).astype(np.float32)
    origins = (rng.integers(-5, 6, queries) / 5).astype(np.float32)
    left_out = [
        rng.choice(references, rng.integers(0, references), replace=False).astype(np.int64)
        for _ in range(queries)
    ]
    return scores, origins, left_out


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 6),
    st.integers(1, 12),
    st.integers(1, 5),
    st.integers(1, 7),
    st.integers(0, 10**6),
)
def test_tiles_of_any_size_give_what_the_whole_gives(
    queries: int, references: int, height: int, width: int, seed: int
) -> None:
    scores, origins, left_out = drawn(queries, references, seed)
    tally = tally_of(scores, origins, left_out, height, width)
    for query in range(queries):
        strangers = [r for r in range(references) if r not in left_out[query]]
        before = sum(scores[query, r] >= origins[query] - TIE for r in strangers)
        assert tally.before[query] == before
        if strangers:
            best = max(scores[query, r] for r in strangers)
            first = next(r for r in strangers if scores[query, r] == best)
            assert (tally.best[query], tally.best_scores[query]) == (first, best)
        else:
            assert (tally.best[query], tally.best_scores[query]) == (-1, -np.inf)


def test_the_tail_is_that_of_all_references() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(0, 0.1, (4, 1000)).astype(np.float32)
    origins = np.array([0.25, 0.5, 0.0, 0.9], np.float32)
    left_out = [np.array([], np.int64)] * 4
    expected = stranger_probability(
        origins,
        np.sort(scores, axis=1)[:, -tail_size(1000) - 1 :],
        (scores >= origins[:, None] - TIE).sum(1),
        np.full(4, 1000),
    )
    for height, width in ((4, 1000), (1, 77), (3, 501)):
        got = tally_of(scores, origins, left_out, height, width).stranger_probability()
        np.testing.assert_allclose(got, expected, rtol=1e-9)
    assert expected[2] > expected[0] > max(expected[1], expected[3])  # the higher, the rarer


def test_what_is_left_out_is_no_stranger() -> None:
    scores = np.array([[0.9, 0.5, 0.7]], np.float32)
    origin = np.array([0.6], np.float32)
    assert tally_of(scores, origin, [np.array([], np.int64)], 1, 3).before.tolist() == [2]
    without = tally_of(scores, origin, [np.array([0, 0, 2])], 1, 2)
    assert without.before.tolist() == [0]
    assert without.best.tolist() == [1]


def test_too_few_references_say_nothing_of_a_million() -> None:
    scores = np.zeros((2, 10), np.float32)
    tally = tally_of(scores, np.ones(2, np.float32), [np.array([], np.int64)] * 2, 2, 10)
    assert np.isnan(tally.stranger_probability()).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_scores_that_are_not_finite_are_a_mistake(value: float) -> None:
    tally = Tally(np.zeros(1, np.float32), [np.array([], np.int64)], 2)
    with pytest.raises(ValueError, match="not finite"):
        tally.add(np.array([[0.0, value]], np.float32))


def test_lists_of_columns_become_places() -> None:
    rows, columns = flat([np.array([3, 1]), np.array([], np.int64), np.array([2])])
    assert rows.tolist() == [0, 0, 2]
    assert columns.tolist() == [3, 1, 2]


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5), st.integers(0, 12), st.integers(0, 10**6))
def test_the_best_correct_reference_is_the_first_of_the_highest(
    count: int, entries: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    queries = rng.integers(0, count, entries)
    rows = rng.permutation(entries).astype(np.int64)
    scores = (rng.integers(0, 4, entries) / 4).astype(np.float32)
    origins, best = best_correct(queries, rows, scores, count)
    for query in range(count):
        own = [(-scores[i], rows[i]) for i in range(entries) if queries[i] == query]
        if own:
            score, row = min(own)
            assert (origins[query], best[query]) == (row, -score)
        else:
            assert (origins[query], best[query]) == (-1, -np.inf)


@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_single_pairs_are_scored_from_blocks(size: int) -> None:
    rng = np.random.default_rng(1)
    queries = rng.normal(size=(4, 5)).astype(np.float32)
    references = rng.normal(size=(20, 5)).astype(np.float32)
    query, row = rng.integers(0, 4, 30), rng.integers(0, 20, 30)
    blocks = [references[i : i + size] for i in range(0, 20, size)]
    scores, total = score_pairs(queries, blocks, query, row)
    assert total == 20
    expected = [float(queries[q] @ references[r]) for q, r in zip(query, row, strict=True)]
    np.testing.assert_allclose(scores, expected, rtol=1e-5)


@pytest.mark.parametrize("row", [-1, 3, 99])
def test_a_row_that_is_not_there_is_a_mistake(row: int) -> None:
    queries = np.zeros((1, 2), np.float32)
    with pytest.raises(ValueError, match="of 3 references"):
        score_pairs(queries, [np.zeros((3, 2), np.float32)], np.array([0]), np.array([row]))


@pytest.mark.parametrize("shape", [(3,), (3, 4), (1, 3, 2)])
def test_a_block_of_another_shape_is_a_mistake(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="for queries of 2 dims"):
        list(blocks_from([np.zeros(shape, np.float32)], 2))
