"""Latents by row, from wherever they are, and whose row is which."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from originid.latents import cache_keys
from originid.latents.cache_keys import KEY, Keys
from originid.latents.stores import ArrayStore, ChangedStore, Selection

VALUES = np.random.default_rng(0).normal(size=(10, 4)).astype(np.float32)


@pytest.mark.parametrize("rows", [[], [3], [9, 0, 9, 5]])
def test_an_array_gives_rows_in_the_order_asked(rows: list[int]) -> None:
    got = ArrayStore(VALUES).take(np.array(rows, np.int64))
    assert got.dtype == np.float32
    assert got.shape == (len(rows), 4)
    for place, row in enumerate(rows):
        np.testing.assert_array_equal(got[place], VALUES[row])


def test_half_precision_is_given_as_single() -> None:
    half = VALUES.astype(np.float16)
    got = ArrayStore(half).take(np.arange(10))
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, half.astype(np.float32))


def test_a_memory_map_is_read_and_never_written(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("store") / "values.npy"
    np.save(path, VALUES)
    store = ArrayStore(np.load(path, mmap_mode="r"))
    got = store.take(np.array([2, 7]))
    got += 1
    np.testing.assert_array_equal(store.take(np.array([2, 7])), VALUES[[2, 7]])
    np.testing.assert_array_equal(np.load(path), VALUES)


def test_changed_latents_are_computed_as_they_are_taken() -> None:
    asked: list[int] = []

    def halves(latents: np.ndarray) -> np.ndarray:
        asked.append(len(latents))
        return latents[:, :2] * 2

    store = ChangedStore(ArrayStore(VALUES), halves, 2)
    assert store.latent_dim == 2
    assert asked == []
    np.testing.assert_array_equal(store.take(np.array([4, 1])), VALUES[[4, 1], :2] * 2)
    assert asked == [2]


@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=8),
    st.data(),
)
def test_a_selection_of_a_selection(rows: list[int], data: st.DataObject) -> None:
    inner = data.draw(st.lists(st.integers(0, len(rows) - 1), min_size=1, max_size=8))
    first = Selection(ArrayStore(VALUES), np.array(rows))
    second = Selection(first, np.array(inner))
    assert second.latent_dim == 4
    got = second.take(np.arange(len(inner)))
    np.testing.assert_array_equal(got, VALUES[[rows[place] for place in inner]])


# Keys.


def key(number: int) -> bytes:
    """Different keys that share their beginning and end in zeros."""
    return (b"\1\2" + number.to_bytes(4, "big")).ljust(KEY, b"\0")


def array(numbers: list[int]) -> np.ndarray:
    return np.array([key(number) for number in numbers], f"S{KEY}")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(0, 40), max_size=9), max_size=6), st.integers(1, 8))
def test_keys_are_found_as_in_a_dictionary(batches: list[list[int]], recent: int) -> None:
    """With room for a few in the dictionary, so that most move to the arrays."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache_keys, "RECENT", recent)
        keys, first = Keys(), 0
        expected: dict[int, int] = {}
        seen: set[int] = set()
        for batch in batches:
            fresh = [n for n in dict.fromkeys(batch) if n not in seen]  # as the cache adds them
            seen.update(fresh)
            keys.add(array(fresh), first)
            expected |= {n: first + place for place, n in enumerate(fresh)}
            first += len(fresh)
        for number in range(42):
            assert keys.find(key(number)) == expected.get(number)


def test_of_equal_keys_the_first_is_found() -> None:
    keys = Keys()
    keys.merge(array([5, 7, 5]), 0)
    keys.merge(array([7, 9]), 3)
    assert [keys.find(key(number)) for number in (5, 7, 9, 8)] == [0, 1, 4, None]


def test_a_key_that_is_only_the_beginning_of_another_is_none() -> None:
    keys = Keys()
    keys.merge(array([1]), 0)
    assert keys.find(key(1)) == 0
    assert keys.find(key(1)[:-1] + b"\1") is None
    assert keys.find(bytes(KEY)) is None
