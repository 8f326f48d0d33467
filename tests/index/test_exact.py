"""The exact index: its scan, and the file that it is kept in."""

import json
import os
import subprocess
import sys
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from originid.errors import InputError
from originid.index import CacheError, Codec, ExactIndex, ScanSettings, cache
from originid.index.numbers import row_size
from originid.index.scan import Part, scanned_queries
from originid.maps import unit_length
from shelf import DIM, SMALL, Shelf, near, some_vectors


@pytest.fixture
def exact() -> Shelf:
    return Shelf(lambda dim, fetch: ExactIndex(dim, fetch, SMALL))


def scanned(signs: NDArray[np.uint8], pieces: Sequence[int] = ()) -> Part:
    """A part of references with these signs (n, bits), added in pieces."""
    part = Part(signs.shape[1])
    for rows in np.split(np.arange(len(signs)), pieces):
        part.append(rows, np.packbits(signs[rows], axis=1, bitorder="little"))
    return part


@pytest.mark.parametrize("bits", [1, 8, 61, 512, 1028, 2317, 4096, 9000])
def test_a_scan_estimates_by_the_signs_of_stored_vectors(bits: int) -> None:
    rng = np.random.default_rng(0)
    queries = rng.standard_normal((3, bits)).astype(np.float32)
    signs = rng.integers(0, 2, (100, bits), np.uint8)
    signs[:3], signs[3:6] = queries > 0, queries < 0  # the largest and smallest sums there are
    estimates, ids = scanned(signs, [33, 50]).search(scanned_queries(queries, bits), 100)
    np.testing.assert_array_equal(np.sort(ids, axis=1), np.tile(np.arange(100), (3, 1)))
    exact = np.take_along_axis(queries @ (2.0 * signs.T - 1), ids, axis=1)
    places = np.arange(3)
    np.testing.assert_array_equal(exact[places, estimates.argmax(axis=1)], exact.max(axis=1))
    np.testing.assert_array_equal(exact[places, estimates.argmin(axis=1)], exact.min(axis=1))
    # FAISS rounds sums of four components to steps of 2 / 255 of the largest, or of
    # 2 / 60,000 of the sum of all; far below the deviation of the estimate itself, 0.6.
    np.testing.assert_allclose(
        estimates - exact,
        np.mean(estimates - exact),
        atol=(0.2 if bits <= 512 else 0.5) * bits**0.5,
    )


def test_the_shortlist_nearly_always_holds_the_best(exact: Shelf) -> None:
    exact.add(list(range(3000)), some_vectors(3000))
    queries = some_vectors(100, seed=5)  # whose best is a stranger: the hardest case
    ids, expected = exact.index.search(queries, 1)[1], exact.slow_search(queries, 1)[1]
    assert (ids == expected).mean() > 0.9
    wide = ExactIndex(DIM, exact.fetch, ScanSettings(shortlist=1000, part=1000))
    wide.add(*exact.fetch(np.arange(3000)))
    np.testing.assert_array_equal(wide.search(queries, 1)[1], expected)


@pytest.mark.parametrize("name", ["shortlist", "part"])
def test_settings_below_one_are_refused(name: str) -> None:
    with pytest.raises(InputError, match=f"{name}=0"):
        ScanSettings(**{name: 0})


def load(path: Path, shelf: Shelf) -> ExactIndex:
    return ExactIndex.load(path, DIM, shelf.fetch, SMALL)


@pytest.fixture
def saved(exact: Shelf, tmp_path: Path) -> Path:
    """The file of an index that has several parts, and removed references in some."""
    exact.add(list(range(1, 301)), some_vectors(300))
    exact.remove([3, 70, 71, 300])
    path = tmp_path / "index.bin"
    assert isinstance(exact.index, ExactIndex)
    exact.index.save(path)
    assert os.listdir(tmp_path) == ["index.bin"]
    return path


def test_what_is_loaded_is_what_was_saved(exact: Shelf, saved: Path) -> None:
    loaded = load(saved, exact)
    assert len(loaded) == 296
    assert loaded.last_id == 300
    queries = near(some_vectors(300))
    for found, expected in zip(
        loaded.search(queries, 5), exact.index.search(queries, 5), strict=True
    ):
        np.testing.assert_array_equal(found, expected)
    assert loaded.search(queries[1:2], 1)[1] == [[2]]
    exact.index = loaded
    exact.add([301, 3], some_vectors(2, seed=8))
    exact.remove([2])
    assert len(loaded) == 297
    assert (loaded.search(some_vectors(2, seed=8), 1)[1] == [[301], [3]]).all()


def test_an_empty_index_is_saved_too(exact: Shelf, tmp_path: Path) -> None:
    assert isinstance(exact.index, ExactIndex)
    exact.index.save(tmp_path / "index.bin")
    loaded = load(tmp_path / "index.bin", exact)
    assert (len(loaded), loaded.last_id) == (0, -1)


def refusal(path: Path, shelf: Shelf) -> str:
    with pytest.raises(CacheError) as caught:
        load(path, shelf)
    assert caught.value.todo == "make the index again from the stored vectors"
    return caught.value.given


def test_a_file_that_is_not_one_is_refused(exact: Shelf, saved: Path) -> None:
    data = saved.read_bytes()
    assert "No such file" in refusal(saved.with_name("missing"), exact)
    assert "cannot be used" in refusal(saved.parent, exact)
    for text, part in (
        (b"", "it has 0 bytes"),
        (b"SQLite format 3\0" * 9, "it starts with b'SQLite f'"),
        (data[:15], "it has 15 bytes"),
        (data[:100], "its header is damaged"),
        (data[:-1], "bytes, expected"),
        (data + b"\0", "bytes, expected"),
    ):
        saved.write_bytes(text)
        assert part in refusal(saved, exact)


@settings(max_examples=60, deadline=None)
@given(where=st.floats(0, 1, exclude_max=True), change=st.integers(1, 255))
def test_any_damaged_byte_is_noticed(
    damaged: tuple[Path, bytes], where: float, change: int
) -> None:
    path, data = damaged
    """What is damaged is refused as a whole; but damaged numbers hide no reference."""
    spoilt = bytearray(data)
    place = int(where * len(data))
    spoilt[place] ^= change
    path.write_bytes(spoilt)
    shelf = Shelf(lambda dim, fetch: ExactIndex(dim, fetch, SMALL))
    shelf.add(list(range(70)), some_vectors(70))
    if place < len(data) - 70 * row_size(DIM):
        refusal(path, shelf)
        return
    queries = near(some_vectors(70))
    for found, expected in zip(
        load(path, shelf).search(queries, 3), shelf.index.search(queries, 3), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    shelf = Shelf(lambda dim, fetch: ExactIndex(dim, fetch, SMALL))
    shelf.add(list(range(70)), some_vectors(70))
    path = tmp_path_factory.mktemp("damaged") / "index.bin"
    assert isinstance(shelf.index, ExactIndex)
    shelf.index.save(path)
    return path, path.read_bytes()


def test_a_file_made_for_something_else_is_refused(
    exact: Shelf, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CacheError, match="its dim is 44, expected 43"):
        ExactIndex.load(saved, 43, exact.fetch)
    monkeypatch.setattr("originid.index.signs.LAYOUT", "another FAISS")
    assert "expected another FAISS" in refusal(saved, exact)
    monkeypatch.setattr(cache, "FORMAT", 3)
    assert "format 2" in refusal(saved, exact)


def change_header(saved: Path, change: Callable[[dict[str, object]], object]) -> None:
    """Write another header into a file, with its right checksum."""
    data = saved.read_bytes()
    length = cache.PREFIX.unpack_from(data)[2]
    header = change(json.loads(data[cache.PREFIX.size :][:length]))
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    prefix = cache.PREFIX.pack(cache.MAGIC, cache.FORMAT, len(text), zlib.crc32(text))
    saved.write_bytes(prefix + text + data[cache.PREFIX.size + length :])


@pytest.mark.parametrize("parts", [None, [{}], [{"rows": "x", "checksum": 0}], [{"rows": -99}]])
def test_a_header_that_makes_no_sense_is_refused(exact: Shelf, saved: Path, parts: object) -> None:
    change_header(saved, lambda header: header | {"parts": parts})
    assert "cannot be used" in refusal(saved, exact)


@pytest.mark.parametrize("last_id", [None, [], "300", 298, -1, 2**63, 1e300])
def test_a_last_id_that_cannot_be_is_refused(exact: Shelf, saved: Path, last_id: object) -> None:
    change_header(saved, lambda header: header | {"last_id": last_id})
    assert "last_id" in refusal(saved, exact)


def test_a_header_without_a_last_id_or_of_deep_json_is_refused(exact: Shelf, saved: Path) -> None:
    sound = saved.read_bytes()
    change_header(saved, lambda header: {k: v for k, v in header.items() if k != "last_id"})
    assert "last_id" in refusal(saved, exact)
    saved.write_bytes(sound)
    change_header(saved, lambda header: b"[" * 100_000)
    assert "nested" in refusal(saved, exact)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_save_that_fails_leaves_the_old_file(
    exact: Shelf, saved: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    exact.remove([1])
    monkeypatch.setattr(os, call, full)
    assert isinstance(exact.index, ExactIndex)
    with pytest.raises(OSError, match="No space left"):
        exact.index.save(saved)
    monkeypatch.undo()
    assert os.listdir(saved.parent) == ["index.bin"]
    assert len(load(saved, exact)) == 296


def test_left_overs_of_a_dead_process_are_removed(exact: Shelf, saved: Path) -> None:
    old, new = saved.with_name(".index.bin.0.tmp"), saved.with_name(".index.bin.1.tmp")
    for file in (old, new):
        file.write_bytes(b"half")
    os.utime(old, (0, 0))
    assert isinstance(exact.index, ExactIndex)
    exact.index.save(saved)
    assert not old.exists()
    assert new.exists()


KILLED = """
import sys
import numpy as np
from originid.index import Codec, ExactIndex
index = ExactIndex(64, None)
index.add(np.arange(20000), np.random.default_rng(0).integers(0, 256, (20000, 96), np.uint8))
while True:
    index.save(sys.argv[1])
    print("saved", flush=True)
"""


def test_a_process_killed_while_it_saves_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "index.bin"
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        for _ in range(3):
            assert process.stdout.readline() == b"saved\n"
        process.kill()
    assert len(ExactIndex.load(path, 64, lambda ids: (ids, np.empty((0, 96), np.uint8)))) == 20000


@pytest.mark.parametrize("cosine", [0.9, 0.99, 0.999])
def test_the_best_of_a_dense_series_is_found(cosine: float) -> None:
    """Among 2,000 pictures of a series, estimates order the best ones as a dice would."""
    rng = np.random.default_rng(3)
    dim, away = 512, np.sqrt(1 / cosine - 1)
    series = unit_length(
        (rng.normal(size=(1, dim)) + away * rng.normal(size=(2000, dim))).astype(np.float32)
    )
    noise = 0.3 * rng.normal(size=(40, dim)) * np.linalg.norm(series[0]) / np.sqrt(dim)
    queries = unit_length((series[:40] + noise).astype(np.float32))
    codec = Codec(dim)
    codes = codec.encode(series)
    index = ExactIndex(dim, lambda wanted: (wanted, codes[wanted]))
    index.add(np.arange(len(series)), codes)
    scores, _ = index.search(queries, 1)
    best = np.stack([codec.scores(codes, query) for query in codec.rotate(queries)]).max(axis=1)
    assert (scores[:, 0] >= best - 1e-6).mean() >= 0.97
