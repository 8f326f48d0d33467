"""The scan over sign bits: estimates are products with -1 and 1, whatever comes and goes."""

import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from originid.errors import InputError
from originid.index import CacheError, SignScan
from originid.types import Ids, Vectors

HEADER = {"code": 1, "of": "a test"}


def signs_of(seed: int, count: int, bits: int) -> Vectors:
    """Random signs, -1 and 1, of shape (count, bits)."""
    drawn = np.random.default_rng(seed).integers(0, 2, (count, bits))
    return (2 * drawn - 1).astype(np.float32)


def packed(signs: Vectors) -> NDArray[np.uint8]:
    return np.packbits(signs > 0, axis=1, bitorder="little")


def queries_of(seed: int, count: int, bits: int) -> Vectors:
    return np.random.default_rng(seed + 1).normal(size=(count, bits)).astype(np.float32)


def filled(seed: int, count: int, bits: int, part: int, batch: int) -> tuple[SignScan, Vectors]:
    """A scan with the ids 3, 5, 7 ... that came in batches, and their signs."""
    signs, scan = signs_of(seed, count, bits), SignScan(bits, part)
    for start in range(0, count, batch):
        some = np.arange(start, min(start + batch, count))
        scan.add(2 * some + 3, packed(signs[some]))
    return scan, signs


def check(scan: SignScan, ids: Ids, signs: Vectors, queries: Vectors, count: int) -> None:
    """What is found is the best by all products, up to what 8-bit tables of FAISS round off."""
    estimates, found = scan.search(queries, count)
    assert estimates.shape == found.shape == (len(queries), count)
    products = queries @ signs.T
    place = {key: number for number, key in enumerate(ids.tolist())}
    for line, keys, exact in zip(estimates, found.tolist(), products, strict=True):
        assert len(set(keys)) == count
        own = exact[[place[key] for key in keys]]
        # Each table of 4 signs is rounded by at most half of a 255th of the widest.
        error = 0.5 * len(queries[0]) * np.abs(queries).max() / 40
        np.testing.assert_allclose(line, own, atol=error)
        assert own.min() >= np.sort(exact)[-count] - 2 * error


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    count=st.integers(1, 90),
    bits=st.integers(1, 70),
    part=st.sampled_from([1, 7, 32, 1000]),
    batch=st.integers(1, 50),
)
def test_a_search_by_products_of_signs(
    seed: int, count: int, bits: int, part: int, batch: int
) -> None:
    scan, signs = filled(seed, count, bits, part, batch)
    ids = 2 * np.arange(count) + 3
    assert (len(scan), scan.last_id) == (count, int(ids[-1]))
    np.testing.assert_array_equal(scan.all_ids(), ids)
    for wanted in {1, min(5, count), count}:
        check(scan, ids, signs, queries_of(seed, 3, bits), wanted)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    part=st.sampled_from([5, 32, 1000]),
    gone=st.lists(st.integers(0, 59), max_size=59, unique=True),
)
def test_what_is_removed_is_never_found(seed: int, part: int, gone: list[int]) -> None:
    scan, signs = filled(seed, 60, 24, part, 13)
    for some in (gone[::2], gone[1::2], gone[:3]):  # some of them twice
        scan.remove(np.array([2 * place + 3 for place in some], np.int64))
    scan.remove(np.array([0, 4, 10**9]))  # that were never here
    left = np.setdiff1d(np.arange(60), gone)
    ids = 2 * left + 3
    assert len(scan) == len(left)
    assert scan.last_id == 121  # however many are removed
    np.testing.assert_array_equal(scan.all_ids(), ids)
    check(scan, ids, signs[left], queries_of(seed, 2, 24), len(left))
    scan.add(np.array([500]), packed(signs_of(seed + 9, 1, 24)))
    assert scan.all_ids().tolist() == [*ids.tolist(), 500]


def test_more_components_than_bits_are_left_out() -> None:
    scan, signs = filled(1, 20, 16, 8, 20)
    query = queries_of(1, 1, 30)
    check(scan, 2 * np.arange(20) + 3, signs, query[:, :16], 20)
    np.testing.assert_array_equal(scan.search(query, 4)[1], scan.search(query[:, :16], 4)[1])


def test_the_first_bit_is_the_lowest() -> None:
    scan = SignScan(9)
    scan.add(np.array([0, 1, 2]), np.array([[1, 0], [0, 1], [0, 0]], np.uint8))
    first, last = (np.eye(9, dtype=np.float32)[[place]] for place in (0, 8))
    assert scan.search(first, 1)[1].tolist() == [[0]]
    assert scan.search(last, 1)[1].tolist() == [[1]]


@pytest.mark.parametrize("ids", [[3], [200, 7], [41]])
def test_a_known_id_is_refused_and_nothing_is_added(ids: list[int]) -> None:
    scan, _ = filled(2, 20, 16, 8, 20)
    before = scan.all_ids()
    with pytest.raises(InputError):
        scan.add(np.array(ids), packed(signs_of(3, len(ids), 16)))
    np.testing.assert_array_equal(scan.all_ids(), before)
    assert scan.last_id == 41


def test_an_id_between_the_known_ones_is_taken() -> None:
    scan, _ = filled(2, 20, 16, 8, 20)
    scan.add(np.array([4]), packed(signs_of(3, 1, 16)))
    assert (len(scan), scan.last_id) == (21, 41)


def test_nothing_is_added_and_nothing_removed() -> None:
    scan = SignScan(16)
    scan.remove(np.array([], np.int64))
    scan.add(np.array([], np.int64), np.empty((0, 2), np.uint8))
    assert (len(scan), scan.last_id, scan.all_ids().tolist()) == (0, -1, [])


def test_after_clearing_it_is_as_new() -> None:
    scan, signs = filled(4, 30, 16, 8, 30)
    scan.clear()
    assert (len(scan), scan.last_id, scan.all_ids().tolist()) == (0, -1, [])
    scan.add(np.arange(30), packed(signs))
    check(scan, np.arange(30), signs, queries_of(4, 2, 16), 5)


@pytest.mark.parametrize("part", [6, 1000])
def test_what_is_saved_is_loaded(tmp_path: Path, part: int) -> None:
    scan, _ = filled(5, 50, 20, part, 17)
    scan.remove(np.array([3, 21, 101]))
    scan.save(tmp_path / "signs.bin", HEADER)
    again = SignScan(20, part)
    again.add(np.array([7]), packed(signs_of(6, 1, 20)))  # is replaced
    again.load(tmp_path / "signs.bin", HEADER)
    assert (len(again), again.last_id) == (47, scan.last_id)
    np.testing.assert_array_equal(again.all_ids(), scan.all_ids())
    queries = queries_of(5, 3, 20)
    for ours, theirs in zip(again.search(queries, 9), scan.search(queries, 9), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    again.add(np.array([500]), packed(signs_of(6, 1, 20)))
    assert again.last_id == 500


def test_an_empty_scan_is_kept_too(tmp_path: Path) -> None:
    scan, _ = filled(5, 4, 20, 8, 4)
    scan.remove(np.array([3, 5, 7, 9]))
    scan.save(tmp_path / "signs.bin", HEADER)
    again = SignScan(20)
    again.load(tmp_path / "signs.bin", HEADER)
    assert (len(again), again.last_id) == (0, 9)  # no id is ever given twice


def test_what_is_not_its_file_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    scan, _ = filled(7, 12, 20, 8, 12)
    path = tmp_path / "signs.bin"
    scan.save(path, HEADER)
    whole = path.read_bytes()
    other = SignScan(24)
    with pytest.raises(CacheError):
        other.load(path, HEADER)  # other bits
    with pytest.raises(CacheError):
        scan.load(path, HEADER | {"of": "something else"})
    with pytest.raises(CacheError):
        scan.load(path, HEADER | {"more": 1})
    with pytest.raises(CacheError):
        scan.load(tmp_path / "missing.bin", HEADER)
    for damaged in (b"", whole[:-1], whole + b"\0", whole[:-1] + bytes([whole[-1] ^ 1])):
        path.write_bytes(damaged)
        with pytest.raises(CacheError):
            scan.load(path, HEADER)
    assert (len(scan), scan.last_id) == (12, 25)


@settings(max_examples=30, deadline=None)
@given(at=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_one_wrong_bit_anywhere_is_noticed(
    at: int, bit: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    scan, _ = filled(8, 9, 20, 4, 9)
    path = tmp_path_factory.mktemp("bit") / "signs.bin"
    scan.save(path, HEADER)
    data = bytearray(path.read_bytes())
    data[at % len(data)] ^= 1 << bit
    path.write_bytes(data)
    with pytest.raises(CacheError):
        SignScan(20).load(path, HEADER)


def test_threads_may_add_remove_and_search_at_once() -> None:
    scan, _ = filled(9, 200, 32, 16, 50)
    queries, failures = queries_of(9, 2, 32), []

    def search() -> None:
        for _ in range(30):
            estimates, ids = scan.search(queries, 20)
            if not (np.isfinite(estimates).all() and (ids >= 3).all()):
                failures.append(ids)

    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(60):
        scan.add(np.array([1000 + number]), packed(signs_of(number, 1, 32)))
        scan.remove(np.array([2 * number + 3]))
    for thread in threads:
        thread.join()
    assert not failures
    assert len(scan) == 200
