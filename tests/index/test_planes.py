"""Products of queries with signs, counted by planes of bits, and the part that uses them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from originid.index.planes import LARGEST, PLANES, WORD, plane_size, planes_of
from originid.index.scan import Part, ScannedQueries, first_bits, scanned_queries
from originid.types import Floats32


def signs_of(rng: np.random.Generator, count: int, bits: int) -> Floats32:
    return (2 * rng.integers(0, 2, (count, bits)) - 1).astype(np.float32)


def products(queries: Floats32, signs: Floats32) -> Floats32:
    """What the planes tell, with bits compared one by one."""
    planes = planes_of(queries)
    bits = np.zeros((len(signs), planes.bits.shape[2]), np.uint8)
    packed = np.packbits(signs > 0, axis=1, bitorder="little")
    bits[:, : packed.shape[1]] = packed
    told = []
    for query, its in enumerate(planes.bits):
        different = np.unpackbits(its[:, np.newaxis] ^ bits, axis=2).sum(axis=2, dtype=np.int32)
        told.append(planes.products(query, different))
    return np.array(told)


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 10**6), bits=st.integers(0, 300), scale=st.sampled_from([1e-3, 1, 50]))
def test_products_with_signs(seed: int, bits: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    queries = (scale * rng.standard_normal((2, bits))).astype(np.float32)
    signs = signs_of(rng, 5, bits)
    # Each component is rounded by at most a step, and the scale is off by as little.
    steps = np.abs(queries).max(axis=1, initial=0) / LARGEST
    error = np.abs(products(queries, signs) - queries @ signs.T)
    assert (error <= 2 * bits * steps[:, np.newaxis] + 1e-5 * scale).all()


def test_odd_multiples_of_a_step_are_told_without_an_error() -> None:
    rng = np.random.default_rng(0)
    queries = rng.choice(np.arange(-15, 16, 2), (3, 100)).astype(np.float32)
    queries[:, 0] = 15
    signs = signs_of(rng, 9, 100)
    np.testing.assert_allclose(products(0.5 * queries, signs), 0.5 * queries @ signs.T, rtol=1e-5)


@pytest.mark.parametrize("bits", [1, 63, 64, 65, 1082])
def test_the_largest_product_is_told_without_an_error(bits: int) -> None:
    queries = np.random.default_rng(1).standard_normal((2, bits)).astype(np.float32)
    told = products(queries, np.sign(queries))
    np.testing.assert_allclose(np.diag(told), np.abs(queries).sum(axis=1), rtol=1e-5)


def test_a_query_of_zeros_has_products_of_zero() -> None:
    assert not products(np.zeros((1, 70), np.float32), np.ones((4, 70), np.float32)).any()


def test_planes_fill_whole_words() -> None:
    assert [plane_size(count) for count in (0, 1, 64, 65)] == [0, WORD, WORD, 2 * WORD]
    planes = planes_of(np.ones((1, 3), np.float32))
    assert planes.bits.shape == (1, PLANES, WORD)
    assert (planes.bits[:, :, 0] == 7).all()  # 15 is the sum of all powers
    assert not planes.bits[:, :, 1:].any()


@pytest.fixture(scope="module")
def part() -> tuple[Part, Floats32]:
    """Nine thousand references of 1,200 bits, which are more than FAISS scans, and their signs."""
    signs = signs_of(np.random.default_rng(2), 9000, 1200)
    made = Part(1200)
    for start in range(0, 9000, 4000):
        some = signs[start : start + 4000] > 0
        made.append(
            np.arange(start, start + len(some)), np.packbits(some, axis=1, bitorder="little")
        )
    return made, signs


def queries_near(signs: Floats32, share: float) -> Floats32:
    """A query for each reference (q, bits), as near to it as the share tells."""
    noise = np.random.default_rng(3).standard_normal(signs.shape).astype(np.float32)
    return np.float32(share) * signs + np.float32(1 - share) * noise


@pytest.mark.parametrize("share", [0.6, 0.2])
def test_the_rest_of_the_bits_decides_among_the_best_by_the_first(
    part: tuple[Part, Floats32], share: float
) -> None:
    references, signs = part
    queries = queries_near(signs[100:140], share)
    estimates, rows = references.nearest_rows(scanned_queries(queries, 1200), 5)
    exact = queries @ signs.T
    best = rows[np.arange(40), estimates.argmax(axis=1)]
    np.testing.assert_array_equal(best, exact.argmax(axis=1))
    assert exact.shape[1] > 1024  # what is looked at of a part at least
    own = np.take_along_axis(exact, rows, axis=1)
    assert np.corrcoef(own.ravel(), estimates.ravel())[0, 1] > 0.99


def test_what_the_rest_tells_is_found_where_the_first_list_leaves_it_open() -> None:
    rng = np.random.default_rng(4)
    bits, first = 4096, first_bits(4096)
    signs = signs_of(rng, 6000, bits)
    query = rng.standard_normal((1, bits)).astype(np.float32)
    order = np.argsort(-(query[:, :first] @ signs[:, :first].T)[0])
    # The nearest reference is behind the first list of 1,024, and within a quarter of all.
    signs[7] = np.sign(query)
    signs[7, :first] = signs[order[1300], :first]
    made = Part(bits)
    made.append(np.arange(6000), np.packbits(signs > 0, axis=1, bitorder="little"))
    assert made.nearest_rows(scanned_queries(query, bits), 1)[1].tolist() == [[7]]


def test_some_of_the_queries_are_queries() -> None:
    queries = np.random.default_rng(5).standard_normal((6, 1100)).astype(np.float32)
    some = scanned_queries(queries, 1100)[2:4]
    assert isinstance(some, ScannedQueries)
    assert len(some) == 2
    expected = scanned_queries(queries[2:4], 1100)
    np.testing.assert_array_equal(some.first, expected.first)
    np.testing.assert_array_equal(some.rest.bits, expected.rest.bits)
