"""Codes compared by products, and the plain index, against what can be worked out by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from originid.errors import InputError
from originid.index import Codec, Codes
from originid.testing import PlainIndex
from originid.types import Ids, Vectors


def some_vectors(count: int, dim: int, seed: int = 0) -> Vectors:
    return np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)


def slow_numbers(code: NDArray[np.uint8], dim: int) -> list[int]:
    """The 12-bit numbers of a code, byte by byte, as the module's documentation says."""
    half = (dim + 1) // 2
    numbers = []
    for i in range(dim):
        upper = int(code[i]) - 256 * (code[i] >= 128)
        byte = int(code[dim + i % half])
        numbers.append(16 * upper + (byte >> 4 if i >= half else byte & 15))
    return numbers


def slow_cosine(a: list[float], b: list[float]) -> float:
    lengths = sum(x * x for x in a) * sum(y * y for y in b)
    return float(sum(x * y for x, y in zip(a, b, strict=True)) / lengths**0.5)


def any_codes(count: int, dim: int, seed: int) -> Codes:
    """Bytes at random: every one of them is a code."""
    return np.random.default_rng(seed).integers(0, 256, (count, Codec(dim).size), np.uint8)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 40), st.integers(0, 999))
def test_products_of_units_are_cosines_of_the_numbers(dim: int, seed: int) -> None:
    codec, codes = Codec(dim), any_codes(4, dim, seed)
    units = codec.units(codes)
    assert units.shape == (4, dim)
    assert units.dtype == np.float32
    numbers = [[n + 0.5 for n in slow_numbers(code, dim)] for code in codes]
    expected = [[slow_cosine(a, b) for b in numbers] for a in numbers]
    np.testing.assert_allclose(units @ units.T, expected, atol=2e-6)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 40), st.integers(0, 999))
def test_rough_scores_are_cosines_of_the_upper_bytes(dim: int, seed: int) -> None:
    codec, codes = Codec(dim), any_codes(4, dim, seed)
    rotated = codec.rotate(some_vectors(3, dim, seed))
    upper = [[int(byte) - 256 * (byte >= 128) + 0.5 for byte in code[:dim]] for code in codes]
    expected = [[slow_cosine(a, b) for b in rotated.tolist()] for a in upper]
    np.testing.assert_allclose(codec.rough_scores(codes, rotated), expected, atol=2e-6)


@pytest.mark.parametrize("dim", [1, 2, 3, 64, 97])
def test_units_are_the_rotated_vectors_that_decoding_turns_back(dim: int) -> None:
    codec = Codec(dim)
    codes = codec.encode(some_vectors(7, dim))
    units = codec.units(codes)
    np.testing.assert_allclose((units.astype(np.float64) ** 2).sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(codec.rotate(codec.decode(codes)), units, atol=1e-6)
    query = codec.rotate(some_vectors(1, dim, seed=1))[0]
    np.testing.assert_allclose(units @ query, codec.scores(codes, query), atol=1e-6)


def test_the_lower_bytes_change_no_rough_score() -> None:
    codec, codes = Codec(66), any_codes(20, 66, 0)
    others = codes.copy()
    others[:, 66:] ^= 255
    rotated = codec.rotate(some_vectors(5, 66))
    rough = codec.rough_scores(codes, rotated)
    np.testing.assert_array_equal(codec.rough_scores(others, rotated), rough)
    assert not np.array_equal(codec.scores(others, rotated[0]), codec.scores(codes, rotated[0]))


@pytest.mark.parametrize("byte", [0, 127, 128, 255])
def test_codes_of_one_byte_all_over_are_read(byte: int) -> None:
    """Also bytes that no vector is encoded to have a length, so that nothing is divided by 0."""
    codec = Codec(9)
    codes = np.full((2, codec.size), byte, np.uint8)
    rotated = codec.rotate(some_vectors(1, 9))
    for values in (codec.units(codes), codec.decode(codes), codec.rough_scores(codes, rotated)):
        assert np.isfinite(values).all()
    # All components are alike, so each of them is 1/3 of the length.
    np.testing.assert_allclose(np.abs(codec.units(codes)), 1 / 3, atol=0.04)


@pytest.mark.parametrize("width", [0, 5, 8])
def test_no_codes_of_any_width_have_no_units(width: int) -> None:
    """A database gives no codes as an array of shape (0, 0)."""
    codec, none = Codec(5), np.empty((0, width), np.uint8)
    assert codec.units(none).shape == codec.decode(none).shape == (0, 5)
    assert codec.scores(none, np.ones(5, np.float32)).shape == (0,)


def test_reading_codes_leaves_them_as_they_are() -> None:
    codec, codes = Codec(12), any_codes(5, 12, 0)
    before, rotated = codes.copy(), codec.rotate(some_vectors(2, 12))
    codes.flags.writeable = False
    codec.units(codes)
    codec.decode(codes)
    codec.rough_scores(codes, rotated)
    codec.scores(codes, rotated[0])
    np.testing.assert_array_equal(codes, before)


class Store:
    """Three stored vectors along the first axes of the plane, known by their ids."""

    directions: tuple[tuple[float, float], ...] = ((1, 0), (0, 1), (-1, 0))

    def __init__(self) -> None:
        self.codes = Codec(2).encode(np.array(self.directions, np.float32))
        self.ids = np.array([10, 20, 30], np.int64)

    def fetch(self, ids: Ids) -> tuple[Ids, Codes]:
        here = np.isin(self.ids, ids)
        return self.ids[here], self.codes[here]


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def plain(store: Store) -> PlainIndex:
    index = PlainIndex(2, store.fetch)
    index.add(store.ids, store.codes)
    return index


def test_the_plain_index_answers_as_the_plane_says(plain: PlainIndex) -> None:
    scores, ids = plain.search(np.array([[3, 1], [-2, -0.5]], np.float32), 4)
    assert ids.tolist() == [[10, 20, 30, -1], [30, 20, 10, -1]]
    expected = np.array([3, 1, -3]) / np.sqrt(10)
    np.testing.assert_allclose(scores[0, :3], expected, atol=1e-3)
    assert np.isneginf(scores[:, 3]).all()


def test_the_plain_index_forgets(plain: PlainIndex, store: Store) -> None:
    plain.remove(np.array([20, 99], np.int64))
    assert (len(plain), plain.last_id) == (2, 30)  # an id is never given twice
    assert plain.search(np.array([[0, 1]], np.float32), 2)[1].tolist() == [[10, 30]]
    plain.clear()
    assert (len(plain), plain.last_id) == (0, -1)
    plain.add(store.ids[:1], store.codes[:1])
    assert (len(plain), plain.last_id) == (1, 10)


def test_adding_nothing_to_the_plain_index_changes_nothing(plain: PlainIndex) -> None:
    plain.add(np.empty(0, np.int64), np.empty((0, Codec(2).size), np.uint8))
    assert (len(plain), plain.last_id) == (3, 30)


@pytest.mark.parametrize("k", [0, -1])
def test_an_error_of_the_plain_index_has_three_parts(plain: PlainIndex, k: int) -> None:
    with pytest.raises(InputError) as caught:
        plain.search(np.ones((1, 2), np.float32), k)
    assert caught.value.given == f"k = {k}"
    assert caught.value.expected == "expected at least 1"
    assert caught.value.todo == "ask for 1 match or more"
