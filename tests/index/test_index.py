"""What every index must do."""

import threading
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from originid.errors import InputError
from originid.index import Codec, Codes, ExactIndex, Fetch, Index, SignIndex
from originid.testing import PlainIndex
from originid.types import Ids, Vectors
from shelf import DIM, SMALL, Shelf, near, some_vectors

# A new index is tested by adding it here.
INDEXES: dict[str, Callable[[int, Fetch], Index]] = {
    "exact": ExactIndex,
    "exact-scan": lambda dim, fetch: ExactIndex(dim, fetch, SMALL),
    "signs": lambda dim, fetch: SignIndex(dim, fetch, SMALL),
    "plain": PlainIndex,
}


@pytest.fixture(params=list(INDEXES))
def make(request: pytest.FixtureRequest) -> Callable[[int, Fetch], Index]:
    return INDEXES[request.param]


@pytest.fixture
def shelf(make: Callable[[int, Fetch], Index]) -> Shelf:
    return Shelf(make)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 31, 33])
def test_few_references(shelf: Shelf, n: int) -> None:
    shelf.add(list(range(n)), some_vectors(n))
    assert len(shelf.index) == n
    for k in (1, 2, 40):
        shelf.check(some_vectors(3, seed=1), k)
        shelf.check(some_vectors(0), k)


@pytest.mark.parametrize("dim", [1, 2, 3, 8, 13])
def test_few_dims(make: Callable[[int, Fetch], Index], dim: int) -> None:
    shelf = Shelf(make, dim)
    shelf.add(list(range(20)), some_vectors(20, dim))
    queries = some_vectors(4, dim, seed=1)
    scores, expected = shelf.index.search(queries, 20)[0], shelf.slow_search(queries, 20)[0]
    np.testing.assert_allclose(scores, expected, atol=2e-6)


@pytest.mark.parametrize("dim", [512, 2317, 4096])
def test_many_dims(make: Callable[[int, Fetch], Index], dim: int) -> None:
    shelf = Shelf(make, dim)
    vectors = some_vectors(100, dim)
    shelf.add(list(range(100)), vectors)
    for queries in (vectors, near(vectors)):
        assert (shelf.index.search(queries, 1)[1][:, 0] == np.arange(100)).all()


def test_the_origin_comes_first(shelf: Shelf) -> None:
    vectors = some_vectors(300)
    shelf.add(list(range(300)), vectors)
    queries = near(vectors)
    scores, ids = shelf.index.search(queries, 3)
    np.testing.assert_array_equal(ids[:, 0], np.arange(300))
    np.testing.assert_allclose(scores[:, 0], shelf.slow_search(queries, 1)[0][:, 0], atol=2e-6)
    assert (np.diff(scores, axis=1) <= 0).all()


def test_asking_for_more_than_there_are(shelf: Shelf) -> None:
    shelf.add(list(range(300)), some_vectors(300))
    shelf.check(some_vectors(2, seed=1), 301)


def test_equal_scores_come_in_the_order_of_ids(shelf: Shelf) -> None:
    twins = np.repeat(some_vectors(10), 7, axis=0)
    ids = np.random.default_rng(3).permutation(70)
    shelf.add(ids.tolist(), twins)
    found = shelf.index.search(near(some_vectors(10)), 7)[1]
    expected = np.sort(ids.reshape(10, 7), axis=1)
    np.testing.assert_array_equal(found, expected)


def test_a_result_does_not_depend_on_the_batch(shelf: Shelf) -> None:
    shelf.add(list(range(400)), some_vectors(400))
    queries = near(some_vectors(300))
    scores, ids = shelf.index.search(queries, 5)
    for row in (0, 7, 255, 256, 299):
        alone = shelf.index.search(queries[row : row + 1], 5)
        np.testing.assert_array_equal(alone[0][0], scores[row])
        np.testing.assert_array_equal(alone[1][0], ids[row])


def test_ids_are_any_that_are_not_negative(shelf: Shelf) -> None:
    ids = [2**62, 0, 17, 2**40, 3]
    shelf.add(ids[:3], some_vectors(3))
    shelf.add(ids[3:], some_vectors(2, seed=2))
    shelf.check(some_vectors(3, seed=1), 5)


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(list(INDEXES)),
    st.lists(st.tuples(st.booleans(), st.integers(0, 25), st.integers(1, 9)), max_size=12),
)
def test_any_history_of_adding_and_removing(name: str, steps: list[tuple[bool, int, int]]) -> None:
    shelf = Shelf(INDEXES[name])
    for adding, first, count in steps:
        ids = list(range(first, first + count))
        if adding:
            new = [key for key in ids if key not in shelf.stored]
            shelf.add(new, some_vectors(30, seed=first)[: len(new)])
        else:
            shelf.remove(ids)
        assert len(shelf.index) == len(shelf.stored)
    shelf.check(some_vectors(2, seed=99), 5)


def test_what_was_removed_is_not_found(shelf: Shelf) -> None:
    vectors = some_vectors(200)
    shelf.add(list(range(200)), vectors)
    for gone in ([5], [70, 71, 1000], list(range(0, 200, 3)), list(range(100, 150))):
        shelf.remove(gone)
        assert len(shelf.index) == len(shelf.stored)
        ids = shelf.index.search(near(vectors), 5)[1]
        assert set(ids.ravel().tolist()) <= set(shelf.stored)
        for key in shelf.stored:
            assert ids[key, 0] == key
    shelf.add([5, 1000], vectors[[5, 6]])
    assert shelf.index.search(near(vectors[[5]]), 1)[1] == [[5]]
    shelf.remove(list(range(1001)))
    assert len(shelf.index) == 0
    shelf.check(vectors[:2], 3)
    shelf.add([7], vectors[:1])
    shelf.check(vectors[:2], 3)


def test_what_is_gone_from_the_store_is_left_out(shelf: Shelf) -> None:
    shelf.add(list(range(100)), some_vectors(100))
    for key in range(0, 100, 2):
        del shelf.stored[key]
    ids = shelf.index.search(near(some_vectors(100)), 3)[1]
    assert (ids[1::2, 0] == np.arange(1, 100, 2)).all()
    assert set(ids.ravel().tolist()) <= {-1, *shelf.stored}
    shelf.stored.clear()
    assert (shelf.index.search(some_vectors(2), 3)[1] == -1).all()


def test_types_and_layouts_of_queries(shelf: Shelf) -> None:
    shelf.add(list(range(200)), some_vectors(200))
    queries = near(some_vectors(9)).astype(np.float16).astype(np.float32)
    scores, ids = shelf.index.search(queries, 4)
    frozen = queries.copy()
    frozen.flags.writeable = False
    for same in (
        queries.astype(np.float16),
        queries.astype(np.float64),
        np.asfortranarray(queries),
        np.repeat(queries, 2, axis=0)[::2],
        queries * np.float32(1024),
        frozen,
    ):
        other_scores, other_ids = shelf.index.search(same, 4)  # type: ignore[arg-type]
        np.testing.assert_array_equal(other_ids, ids)
        np.testing.assert_array_equal(other_scores, scores)


@pytest.mark.parametrize(
    ("queries", "given_text"),
    [
        (np.full((2, DIM), np.nan, np.float32), "vector 0 of 2 is not finite"),
        (np.zeros((1, DIM), np.float32), "vector 0 of 1 is all zero"),
        (np.ones((1, DIM + 1), np.float32), f"vectors of shape (1, {DIM + 1})"),
        (np.ones(DIM, np.float32), f"vectors of shape ({DIM},)"),
        (np.ones((1, DIM), np.int32), "vectors of type int32"),
    ],
)
def test_what_is_no_query_is_refused(shelf: Shelf, queries: Vectors, given_text: str) -> None:
    with pytest.raises(InputError) as caught:
        shelf.index.search(queries, 1)
    assert caught.value.given == given_text


def test_k_below_one_is_refused(shelf: Shelf) -> None:
    with pytest.raises(InputError, match="k = 0"):
        shelf.index.search(some_vectors(1), 0)


CODES = Codec(DIM).encode(some_vectors(2))


@pytest.mark.parametrize(
    ("ids", "codes", "given_text"),
    [
        (np.array([1, 9]), CODES, "id 9 is in the index"),
        (np.array([4, 4]), CODES, "id 4 given twice"),
        (np.array([1, -1]), CODES, "id -1"),
        (np.array([1.0, 2.0]), CODES, "ids of type float64, shape (2,)"),
        (np.array([1, 2], np.uint64), CODES, "ids of type uint64, shape (2,)"),
        (np.array([[1, 2]]), CODES, "ids of type int64, shape (1, 2)"),
        (np.array([1]), CODES, "codes of type uint8, shape (2, 66)"),
        (np.array([1, 2]), CODES[:, :-1], "codes of type uint8, shape (2, 65)"),
        (np.array([1, 2]), CODES.astype(np.float32), "codes of type float32, shape (2, 66)"),
    ],
)
def test_what_cannot_be_added_changes_nothing(
    shelf: Shelf, ids: Ids, codes: Codes, given_text: str
) -> None:
    shelf.add([9, 20], some_vectors(2))
    with pytest.raises(InputError) as caught:
        shelf.index.add(ids, codes)
    assert caught.value.given == given_text
    assert len(shelf.index) == 2
    shelf.check(some_vectors(2, seed=1), 3)


def test_searching_while_others_add_and_remove(shelf: Shelf) -> None:
    vectors = some_vectors(1200)
    shelf.stored = dict(enumerate(shelf.codec.encode(vectors)))
    codes = np.array(list(shelf.stored.values()))
    shelf.index.add(np.arange(200), codes[:200])
    wrong: list[Ids] = []
    done = threading.Event()

    def search() -> None:
        while not done.is_set():
            ids = shelf.index.search(near(vectors[:200:10]), 3)[1]
            if (ids[:, 0] != np.arange(0, 200, 10)).any():
                wrong.append(ids)

    searchers = [threading.Thread(target=search) for _ in range(3)]
    for thread in searchers:
        thread.start()
    for start in range(200, 1200, 50):
        ids = np.arange(start, start + 50)
        shelf.index.add(ids, codes[ids])
        shelf.index.remove(ids[1::2])
    done.set()
    for thread in searchers:
        thread.join()
    assert wrong == []
    assert len(shelf.index) == 200 + 500
