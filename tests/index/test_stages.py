"""Numbers in 4 bits of what a scan of signs finds, and the scan in two stages."""

import json
import os
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from originid.index import CacheError, Codec, ExactIndex, cache, growing, stages
from originid.index.growing import GrowingRows
from originid.index.numbers import CHECKSUM, WIDEST, fit, row_size, rows_of
from originid.index.scan import number_scan
from originid.index.stages import StagedScan
from originid.types import Floats32, Ids
from shelf import DIM, SMALL, Shelf, near, some_vectors


def units_of(count: int, dim: int, seed: int = 0) -> Floats32:
    """Vectors of unit length whose components are alike, as rotated ones are."""
    return Codec(dim).rotate(some_vectors(count, dim, seed))


@pytest.mark.parametrize("dim", [1, 2, 5, 44, 513, 1999])
def test_a_row_has_a_number_for_each_component_and_a_checksum(dim: int) -> None:
    units, ids = units_of(20, dim), np.arange(20) * 7
    rows = rows_of(units, ids)
    assert rows.shape == (20, row_size(dim))
    assert row_size(dim) % 16 == 0
    assert row_size(dim) >= (dim + 1) // 2 + CHECKSUM
    lower, upper = rows & 15, rows >> 4
    levels = np.stack([lower, upper], axis=2).reshape(20, -1)[:, :dim].astype(np.float32)
    step = 2 * WIDEST / (16 * np.sqrt(dim))
    told = (levels - 7.5) * step
    inside = np.abs(units) < WIDEST / np.sqrt(dim)
    assert np.abs(told - units)[inside].max() <= 0.501 * step
    assert (np.sign(told) == np.sign(units)).all()
    assert fit(rows, ids).all()


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0, 10**6), change=st.integers(1, 255), key=st.integers(0, 2**62))
def test_a_row_fits_no_other_id_and_no_changed_byte(place: int, change: int, key: int) -> None:
    ids = np.array([key, key + 1])
    rows = rows_of(units_of(2, 44), ids)
    assert fit(rows, ids).tolist() == [True, True]
    assert not fit(rows, ids[::-1]).any()
    assert not fit(np.zeros_like(rows), ids).any()
    rows[0, place % rows.shape[1]] ^= change
    assert fit(rows, ids).tolist() == [False, True]


@pytest.mark.parametrize("dim", [3, 44, 64, 508, 1999])
def test_products_of_numbers_are_those_of_vectors(dim: int) -> None:
    units, query = units_of(300, dim), units_of(1, dim, 5)[0]
    compared = number_scan(row_size(dim))
    compared.room(300)[:] = rows_of(units, np.arange(300))
    values, order = compared.search(query, 300)
    assert sorted(order.tolist()) == list(range(300))
    # Numbers from -1 to 1, which stand for WIDEST / sqrt(dim) a bit further out.
    scale = np.float32(WIDEST * 15 / (16 * np.sqrt(dim)))
    away = values * scale - units[order] @ query
    # The number in the middle of a level stands for all in it; what lies further out is cut.
    assert np.abs(away - away.mean()).max() < 1.2 / np.sqrt(dim)
    assert (np.diff(values) <= 0).all()


def staged(tmp_path: Path | None, count: int = 300, part: int = 64) -> StagedScan:
    scan = StagedScan(DIM, part, tmp_path)
    scan.add_vectors(np.arange(count) + 1, units_of(count, DIM))
    return scan


def found(scan: StagedScan, first: int = 60, count: int = 20) -> tuple[Ids, Floats32]:
    """What is found for 50 queries, sorted by id."""
    values, ids = scan.best(units_of(50, DIM, 3), first, count)
    order = np.argsort(ids, axis=1)
    return np.take_along_axis(ids, order, 1), np.take_along_axis(values, order, 1)


def test_the_best_by_numbers_are_nearly_the_best() -> None:
    scan, queries = staged(None), units_of(50, DIM, 3)
    products = queries @ units_of(300, DIM).T
    ids, _ = found(scan)
    for line, exact in zip(ids, products, strict=True):
        assert len(np.intersect1d(line - 1, np.argsort(-exact)[:10])) >= 9


@pytest.mark.parametrize("gone", [[5], list(range(1, 301, 5)), list(range(10, 200))])
def test_rows_follow_what_is_removed(gone: list[int]) -> None:
    scan = staged(None)
    scan.remove(np.array(gone))
    left = np.setdiff1d(np.arange(1, 301), gone)
    fresh = StagedScan(DIM, 64)
    fresh.add_vectors(left, units_of(300, DIM)[left - 1])
    np.testing.assert_array_equal(scan.all_ids(), left)
    for mine, other in zip(found(scan, 300), found(fresh, 300), strict=True):
        np.testing.assert_array_equal(mine, other)
    assert scan.equals(fresh)


def test_two_scans_differ_where_a_number_does() -> None:
    scan, other = staged(None), staged(None)
    assert scan.equals(other)
    other._finer()[2].numbers.rows[3, 1] ^= 1
    assert not scan.equals(other)


def test_full_parts_lie_in_a_file_without_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = found(staged(None))
    monkeypatch.setattr(growing, "IN_MEMORY", 64)
    scan = staged(tmp_path)
    assert [isinstance(part.numbers._rows, np.memmap) for part in scan._finer()] == [True] * 4 + [
        False
    ]
    assert os.listdir(tmp_path) == []
    for mine, other in zip(found(scan), expected, strict=True):
        np.testing.assert_array_equal(mine, other)
    # A folder in which nothing can be written leaves them in memory.
    scan = staged(tmp_path / "missing")
    for mine, other in zip(found(scan), expected, strict=True):
        np.testing.assert_array_equal(mine, other)


def test_what_was_saved_of_each_part_is_given_back_and_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growing, "IN_MEMORY", 64)
    scan = staged(tmp_path)
    given: list[int] = []
    give_back = GrowingRows.give_back

    def counted(rows: GrowingRows) -> None:
        given.append(len(rows.rows))
        give_back(rows)

    monkeypatch.setattr(GrowingRows, "give_back", counted)
    before = found(scan)
    scan.save(tmp_path / "index.bin", {})
    assert given == [len(part.ids) for part in scan._finer()]
    for mine, other in zip(found(scan), before, strict=True):
        np.testing.assert_array_equal(mine, other)


def test_numbers_grow_in_memory_and_from_a_file() -> None:
    rows = rows_of(units_of(3000, DIM), np.arange(3000))
    growing = GrowingRows(row_size(DIM))
    for start in range(0, 3000, 700):
        growing.append(rows[start : start + 700])
    np.testing.assert_array_equal(growing.rows, rows)
    mapped = GrowingRows.of(rows[:10])
    mapped.append(rows[10:12])
    np.testing.assert_array_equal(mapped.rows, rows[:12])
    np.testing.assert_array_equal(growing.only(np.arange(3000) % 2 == 0).rows, rows[::2])


def filled() -> Shelf:
    shelf = Shelf(lambda dim, fetch: ExactIndex(dim, fetch, SMALL))
    shelf.add(list(range(300)), some_vectors(300))
    return shelf


@pytest.mark.parametrize("windows", [False, True])
def test_an_open_index_reads_on_while_its_file_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, windows: bool
) -> None:
    monkeypatch.setattr(cache, "ON_WINDOWS", windows)
    monkeypatch.setattr(stages, "MAPPED", 0)  # what was read is given back at once
    shelf, path = filled(), tmp_path / "index.bin"
    assert isinstance(shelf.index, ExactIndex)
    shelf.index.save(path)
    loaded = ExactIndex.load(path, DIM, shelf.fetch, SMALL)
    queries = near(some_vectors(50))
    expected = loaded.search(queries, 5)
    other = filled()
    other.remove(list(range(200)))
    assert isinstance(other.index, ExactIndex)
    other.index.save(path)
    path.unlink()
    for mine, its in zip(loaded.search(queries, 5), expected, strict=True):
        np.testing.assert_array_equal(mine, its)
    loaded.save(path)  # from a map of a file that is gone
    assert ExactIndex.load(path, DIM, shelf.fetch, SMALL).equals(loaded)


@pytest.mark.parametrize("length", [0, -16, 10**15, 1.5, "x", None])
def test_numbers_of_another_length_are_refused(tmp_path: Path, length: object) -> None:
    shelf, path = filled(), tmp_path / "index.bin"
    assert isinstance(shelf.index, ExactIndex)
    shelf.index.save(path)
    data = path.read_bytes()
    size = cache.PREFIX.unpack_from(data)[2]
    header = json.loads(data[cache.PREFIX.size :][:size]) | {"tail": length}
    text = json.dumps(header).encode()
    prefix = cache.PREFIX.pack(cache.MAGIC, cache.FORMAT, len(text), zlib.crc32(text))
    path.write_bytes(prefix + text + data[cache.PREFIX.size + size :])
    with pytest.raises(CacheError):
        ExactIndex.load(path, DIM, shelf.fetch, SMALL)


def test_what_is_damaged_counts_as_the_best_of_the_shortlist() -> None:
    shelf = filled()
    assert isinstance(shelf.index, ExactIndex)
    queries = near(some_vectors(300))
    expected = shelf.index.search(queries, 1)
    for part in shelf.index._scan._finer():
        part.numbers.rows[::9] = 0
    for mine, its in zip(shelf.index.search(queries, 1), expected, strict=True):
        np.testing.assert_array_equal(mine, its)
