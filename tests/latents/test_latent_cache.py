"""The latent cache: what was written is found, whatever happened while it was written."""

import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as PILImage

from originid.encoders import Encoder
from originid.errors import InputError, StorageError
from originid.latents import (
    FileLatent,
    LatentCache,
    cache_format,
    encode_cached,
    encode_paths,
)
from originid.latents import cache as store
from originid.latents import cache_keys as keys
from originid.latents.sources import Source
from originid.system import storage
from originid.testing import QuadrantEncoder, textured_image
from originid.types import Failure, Image, Latents

DIM = 12


@dataclass(frozen=True)
class CountingEncoder(QuadrantEncoder):
    """Counts the images that it encodes."""

    seen: list[int] = field(default_factory=list)

    def encode(self, images: Image) -> Latents:
        self.seen.append(len(images))
        return super().encode(images)


def key(number: int) -> bytes:
    return hashlib.sha256(str(number).encode()).digest()


def latents(numbers: range | list[int]) -> Latents:
    """A latent for each number, its first component the number itself."""
    rows = [np.random.default_rng(n).normal(0, 9, DIM) for n in numbers]
    values = np.array(rows, np.float32).reshape(len(numbers), DIM)
    values[:, 0] = numbers
    return values


def fill(cache: LatentCache, numbers: range | list[int]) -> None:
    cache.add([key(n) for n in numbers], latents(numbers))


def check(
    cache: LatentCache, present: range | list[int], absent: range | list[int] = range(0)
) -> None:
    """Every latent is found by its key, and no other is."""
    rows = np.array([cache.index(key(n)) for n in present], np.int64)
    np.testing.assert_array_equal(cache.take(rows), latents(present))
    assert not any(key(n) in cache for n in absent)


@pytest.fixture
def open_cache(tmp_path: Path) -> Callable[..., LatentCache]:
    def call(encoder: Encoder | None = None, dtype: str = "float32") -> LatentCache:
        return LatentCache.open(tmp_path / "cache", encoder or QuadrantEncoder(), dtype)

    return call


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "SHARD_ROWS", 5)
    monkeypatch.setattr(store, "MAPPED", 2)
    monkeypatch.setattr(keys, "RECENT", 7)


OpenCache = Callable[..., LatentCache]


def test_what_is_added_is_found_at_once_and_later(open_cache: OpenCache) -> None:
    cache = open_cache()
    assert (len(cache), cache.latent_dim) == (0, DIM)
    fill(cache, range(3))
    fill(cache, range(1, 6))  # 1 and 2 are there already
    assert len(cache) == 6
    for each in (cache, open_cache()):
        check(each, [5, 0, 3, 0], absent=range(6, 9))
    with pytest.raises(KeyError, match=key(9).hex()):
        cache.index(key(9))


@pytest.mark.usefixtures("small_shards")
@given(
    batches=st.lists(st.lists(st.integers(0, 30), max_size=12), max_size=8),
    wanted=st.lists(st.integers(0, 10**6), max_size=40),
)
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_take_equals_one_row_at_a_time_from_the_files(
    batches: list[list[int]], wanted: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("cache")
    writer = LatentCache.open(folder, QuadrantEncoder())
    numbers: dict[int, None] = {}
    for batch in batches:
        fill(writer, batch)
        numbers |= dict.fromkeys(batch)
        check(writer, list(numbers), absent=[31])
    assert len(writer) == len(numbers)
    reader = LatentCache.open(folder, QuadrantEncoder())
    check(reader, list(numbers), absent=[31])
    shards = [np.fromfile(p, "<f4").reshape(-1, DIM) for p in sorted(writer.folder.glob("*.rows"))]
    assert all(len(shard) <= 5 for shard in shards)
    rows = np.array([w % len(numbers) for w in wanted] if numbers else [], np.int64)
    slow = [row for shard in shards for row in shard]
    expected = np.array([slow[row] for row in rows], np.float32).reshape(-1, DIM)
    np.testing.assert_array_equal(reader.take(rows), expected)


def test_rows_outside_are_refused(open_cache: OpenCache) -> None:
    cache = open_cache()
    assert cache.take(np.zeros(0, np.int64)).shape == (0, DIM)
    for row in (-1, 0):
        with pytest.raises(IndexError):
            cache.take(np.array([row]))
    fill(cache, range(3))
    with pytest.raises(IndexError, match="0 to 3 of 3"):
        cache.take(np.array([0, 3]))


@given(st.lists(st.sampled_from([b"\0", b"\1", b"\xff"]), min_size=1, max_size=40))
def test_keys_keep_their_zeros(ends: list[bytes]) -> None:
    some = [b"\1" * (31 - n % 31) + end + b"\0" * (n % 31) for n, end in enumerate(ends)]
    table = keys.Keys()
    table.merge(np.array(some, "S32"), 10)
    for each in some:
        assert table.find(each) == 10 + some.index(each)
    assert table.find(b"\1" * 32) in (None, *range(10, 60))
    assert table.find(b"\0" * 32) == (10 + some.index(b"\0" * 32) if b"\0" * 32 in some else None)


def boundaries() -> list[tuple[int, int]]:
    """Sizes of the files of rows and keys of 4 latents where a kill may leave them."""
    rows, row = [0, 1, 47, 48, 49, 96, 191, 192], 4 * DIM
    return [(r, k) for r in rows for k in (0, 1, 31, 32, 33, 64, 127, 128) if k // 32 <= r // row]


@pytest.mark.parametrize(("rows", "keys_"), [*boundaries(), (100, 128), (0, 128)])
def test_after_a_kill_whole_rows_with_whole_keys_are_there(
    rows: int, keys_: int, open_cache: OpenCache
) -> None:
    cache = open_cache()
    fill(cache, range(4))
    os.truncate(next(cache.folder.glob("*.rows")), rows)
    os.truncate(next(cache.folder.glob("*.keys")), keys_)
    left = min(rows // (4 * DIM), keys_ // 32)
    again = open_cache()
    assert len(again) == left
    check(again, range(left), absent=range(left, 4))
    assert next(cache.folder.glob("*.rows")).stat().st_size == rows  # opening changes nothing
    fill(again, range(6))
    check(again, range(6))
    check(open_cache(), range(6))


@pytest.mark.parametrize("size", [0, 1, 4, 7, 15])
def test_after_a_kill_a_row_without_its_sum_is_not_there(size: int, open_cache: OpenCache) -> None:
    cache = open_cache()
    fill(cache, range(4))
    os.truncate(next(cache.folder.glob("*.sums")), size)
    check(open_cache(), range(size // 4), absent=range(size // 4, 4))


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_a_damaged_row_is_refused_and_the_advice_works(dtype: str, open_cache: OpenCache) -> None:
    cache = open_cache(dtype=dtype)
    fill(cache, range(4))
    rows = next(cache.folder.glob("*.rows"))
    data = bytearray(rows.read_bytes())
    data[len(data) // 4 + 2] ^= 1  # in the second of four rows
    rows.write_bytes(data)
    again = open_cache(dtype=dtype)
    sound = latents([0, 2, 3]).astype(dtype)
    np.testing.assert_array_equal(again.take(np.array([0, 2, 3])), sound)
    with pytest.raises(InputError, match=r"row 1 of .* is damaged") as error:
        again.take(np.array([3, 1]))
    assert str(cache.folder) in error.value.given
    assert error.value.todo.startswith("delete that folder of latents")
    shutil.rmtree(cache.folder)
    fresh = open_cache(dtype=dtype)
    fill(fresh, range(4))
    np.testing.assert_array_equal(fresh.take(np.array([1])), latents([1]).astype(dtype))


def test_rows_of_an_earlier_version_must_be_finite(open_cache: OpenCache) -> None:
    cache = open_cache()
    fill(cache, range(4))
    next(cache.folder.glob("*.sums")).unlink()  # which earlier versions did not write
    check(open_cache(), range(4))
    rows = next(cache.folder.glob("*.rows"))
    values = np.fromfile(rows, "<f4").reshape(-1, DIM)
    values[2, 5] = np.nan
    values.tofile(rows)
    with pytest.raises(InputError, match=r"row 2 of .* is damaged"):
        open_cache().take(np.array([2]))


@pytest.mark.parametrize("suffix", [".rows", ".keys"])
def test_a_file_without_the_other_counts_for_nothing(suffix: str, open_cache: OpenCache) -> None:
    cache = open_cache()
    fill(cache, range(4))
    next(cache.folder.glob(f"*{suffix}")).unlink()
    if suffix == ".keys":
        check(open_cache(), [], absent=range(4))
    else:
        assert len(open_cache()) == 0


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_killed_process_leaves_what_it_added(tmp_path: Path) -> None:
    code = """if True:
        import os, signal, sys
        import numpy as np
        from originid.latents import LatentCache
        from originid.testing import QuadrantEncoder
        cache = LatentCache.open(sys.argv[1], QuadrantEncoder())
        for n in range(5):
            cache.add([bytes([n]) * 32], np.full((1, 12), n, np.float32))
        os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True)
    assert done.returncode == -9, done.stderr
    cache = LatentCache.open(tmp_path, QuadrantEncoder())
    rows = np.array([cache.index(bytes([n]) * 32) for n in range(5)])
    assert cache.take(rows)[:, 0].tolist() == [0, 1, 2, 3, 4]


def test_two_writers_at_once(open_cache: OpenCache) -> None:
    a, b = open_cache(), open_cache()
    fill(a, range(4))
    fill(b, range(2, 8))  # b does not see what a added since it opened
    fill(a, range(8, 10))
    check(a, [*range(4), 8, 9], absent=[5])
    check(b, range(2, 8), absent=[0])
    both = open_cache()
    check(both, range(10))
    assert len(both) == 12


@pytest.mark.usefixtures("small_shards")
def test_keys_are_found_in_threads_while_rows_are_added(open_cache: OpenCache) -> None:
    cache = open_cache()
    fill(cache, range(3))
    stop = threading.Event()
    lost: list[int] = []

    def look() -> None:
        while not stop.is_set():
            lost.extend(n for n in range(3) if key(n) not in cache)

    thread = threading.Thread(target=look)
    thread.start()
    for start in range(3, 123, 3):
        fill(cache, range(start, start + 3))
    stop.set()
    thread.join()
    assert lost == []
    check(cache, range(123))


def test_float16_rounds_and_refuses_what_it_cannot_hold(open_cache: OpenCache) -> None:
    cache = open_cache(dtype="float16")
    values = latents(range(3))
    cache.add([key(n) for n in range(3)], values)
    expected = values.astype(np.float16).astype(np.float32)
    rows = np.array([cache.index(key(n)) for n in range(3)])
    for each in (cache, open_cache(dtype="float16")):
        taken = each.take(rows)
        assert taken.dtype == np.float32
        np.testing.assert_array_equal(taken, expected)
    with pytest.raises(InputError, match=r"70000\nexpected at most 65,504.*\ncache in float32"):
        cache.add([key(5)], np.full((1, DIM), 7e4, np.float32))
    with pytest.raises(InputError, match="finite numbers"):
        cache.add([key(5)], np.full((1, DIM), np.nan, np.float32))
    assert len(open_cache(dtype="float16")) == 3


@pytest.mark.parametrize(("first", "second"), [("float16", "float32"), ("float32", "float16")])
def test_the_other_precision_is_refused(first: str, second: str, open_cache: OpenCache) -> None:
    fill(open_cache(dtype=first), range(3))
    with pytest.raises(InputError, match=f"stores {first}\nexpected {second}.*\nask for {first}"):
        open_cache(dtype=second)


def test_an_unknown_precision_is_refused(open_cache: OpenCache) -> None:
    with pytest.raises(InputError, match="int8"):
        open_cache(dtype="int8")


def test_encoders_share_a_folder_and_nothing_else(open_cache: OpenCache) -> None:
    fill(open_cache(), range(3))
    others: list[dict[str, Any]] = [{"identity": "quadrants-2"}, {"size": 16}]
    for other in others:
        cache = open_cache(replace(QuadrantEncoder(), **other))
        assert len(cache) == 0
    assert len(open_cache(replace(QuadrantEncoder(), spec="the same by another name"))) == 3


@pytest.mark.parametrize(
    ("name", "value"),
    [("format", 2), ("preprocessing", "crop"), ("latent_dim", 13), ("dtype", "float8")],
)
def test_another_description_is_refused(name: str, value: Any, open_cache: OpenCache) -> None:
    file = open_cache().folder / "cache.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {name: value}))
    with pytest.raises(InputError, match=rf"its {name} is {value}.*\n.*\ndelete that folder"):
        open_cache()


def test_the_description_of_another_encoder_is_refused(open_cache: OpenCache) -> None:
    file = open_cache().folder / "cache.json"
    found = json.loads(file.read_text())
    file.write_text(json.dumps(found | {"encoder": found["encoder"] | {"identity": "x"}}))
    with pytest.raises(InputError, match="identity is x, expected quadrants-1"):
        open_cache()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "null", '{"format": 1}', "\udcff"])
def test_a_damaged_description_says_to_delete(text: str, open_cache: OpenCache) -> None:
    file = open_cache().folder / "cache.json"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError, match=r"cannot be used(.|\n)*delete that folder"):
        open_cache()


def test_rows_without_a_description_are_not_taken_over(open_cache: OpenCache) -> None:
    cache = open_cache()
    fill(cache, range(3))
    (cache.folder / "cache.json").unlink()
    with pytest.raises(InputError, match="exists"):
        open_cache()


def test_beginning_at_the_same_time(open_cache: OpenCache, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = open_cache().folder
    waiting = shutil.move(folder, folder.with_name("waiting"))
    real = storage.new_directory

    def slower(path: Path) -> Any:
        shutil.move(waiting, path)  # another process is done first
        return real(path)

    monkeypatch.setattr(cache_format, "new_directory", slower)
    assert len(open_cache()) == 0


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(StorageError):
        LatentCache.open(tmp_path / "x", QuadrantEncoder())


@pytest.mark.parametrize("at", range(6))
def test_a_full_disk_keeps_what_was_written(
    at: int, open_cache: OpenCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = open_cache()
    fill(cache, range(3))
    calls = []

    def full(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            calls.append(real)
            if len(calls) == at + 1:
                if real is write:
                    path, data = arguments
                    real(path, data[: len(data) // 2])  # what fits
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(*arguments)

        return call

    write = store._write
    with monkeypatch.context() as patch:
        patch.setattr(store, "_write", full(write))
        patch.setattr(store, "flush", full(storage.flush))
        with pytest.raises(StorageError, match="No space left"):
            fill(cache, range(3, 7))
    check(cache, range(3), absent=range(3, 7))
    check(open_cache(), range(3))
    fill(cache, range(3, 9))  # space was freed
    check(cache, range(9))
    check(open_cache(), range(9))


# Files by way of the cache.


def names_and_latents(
    sources: list[Source], encoder: Encoder, cache: LatentCache | None
) -> list[tuple[str, Any]]:
    """Name and latent, or name and reason, of every source, in order."""
    found: list[tuple[str, Any]] = []
    for chunk in encode_cached(sources, encoder, cache, workers=2):
        for entry in chunk:
            if isinstance(entry, Failure):
                found.append((entry.path, entry.reason))
            else:
                assert isinstance(entry, FileLatent)
                assert entry.latent.base is None
                data = entry.source.data or Path(entry.source.name).read_bytes()
                assert entry.sha256 == hashlib.sha256(data).digest()
                found.append((entry.source.name, entry.latent.tolist()))
    return found


@pytest.fixture
def sources(tmp_path: Path) -> list[Source]:
    """130 files in 3 chunks: 120 photos, a copy of one in each chunk, files that are none."""
    for n in range(120):
        PILImage.fromarray(textured_image(n, 8, 8)).save(tmp_path / f"{n:03}.png")
    for n in (5, 60, 119):
        shutil.copy(tmp_path / "007.png", tmp_path / f"{n:03}-copy.png")
        (tmp_path / f"{n:03}-broken.png").write_bytes(b"no image")
    names = sorted(path.name for path in tmp_path.iterdir())
    names += ["missing.png", *names[:3]]
    return [Source(str(tmp_path / name)) for name in names]


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_a_second_run_encodes_nothing_and_gives_the_same(
    dtype: str, sources: list[Source], open_cache: OpenCache
) -> None:
    encoder = CountingEncoder()
    plain = names_and_latents(sources, encoder, None)
    assert [name for name, _ in plain] == [source.name for source in sources]
    assert sum(isinstance(result, str) for _, result in plain) == 4
    encoder.seen.clear()
    first = names_and_latents(sources, encoder, open_cache(dtype=dtype))
    assert 120 <= sum(encoder.seen) <= 126  # a copy in flight with its like is encoded too
    assert len(open_cache(dtype=dtype)) == 120
    encoder.seen.clear()
    second = names_and_latents(sources, encoder, open_cache(dtype=dtype))
    assert encoder.seen == []
    assert first == second
    if dtype == "float32":
        assert first == plain
    else:
        for (name, latent), (other, exact) in zip(first, plain, strict=True):
            assert name == other
            assert latent == (exact if isinstance(exact, str) else pytest.approx(exact, rel=1e-3))


def test_a_run_that_was_cut_off_goes_on(sources: list[Source], open_cache: OpenCache) -> None:
    encoder = CountingEncoder()
    expected = names_and_latents(sources, encoder, None)
    next(encode_cached(sources, encoder, open_cache(), workers=1))
    before = len(open_cache())
    assert 0 < before < 120
    encoder.seen.clear()
    assert names_and_latents(sources, encoder, open_cache()) == expected
    assert 120 - before <= sum(encoder.seen) <= 126 - before


def test_the_same_content_has_one_latent(open_cache: OpenCache, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    PILImage.fromarray(textured_image(1, 8, 8)).save(path)
    data = path.read_bytes()
    cache = open_cache()
    twice = [Source("one", data), Source("two", data)]
    (one, first), (two, second) = names_and_latents(twice, QuadrantEncoder(), cache)
    assert (one, two, len(cache)) == ("one", "two", 1)
    assert first == second


@pytest.mark.parametrize("cached", [False, True])
def test_paths_are_latents_or_failures_in_order(
    cached: bool, sources: list[Source], open_cache: OpenCache
) -> None:
    paths = [Path(source.name) for source in sources]
    failures: list[Failure] = []
    told: list[tuple[int, int]] = []
    chunks = encode_paths(
        paths,
        QuadrantEncoder(),
        failures.append,
        lambda done, total: told.append((done, total)),
        open_cache() if cached else None,
    )
    read = [(str(entry.path), entry.latent.tolist()) for chunk in chunks for entry in chunk]
    expected = names_and_latents(sources, QuadrantEncoder(), None)
    assert read == [(name, found) for name, found in expected if isinstance(found, list)]
    assert [(each.path, each.reason) for each in failures] == [
        (name, found) for name, found in expected if isinstance(found, str)
    ]
    assert told == sorted(told)
    assert told[-1] == (len(paths), len(paths))


def test_an_overflow_stops_the_run(open_cache: OpenCache, tmp_path: Path) -> None:
    class Loud(QuadrantEncoder):
        def encode(self, images: Image) -> Latents:
            return super().encode(images) * np.float32(1e4)

    path = tmp_path / "a.png"
    PILImage.fromarray(textured_image(1, 8, 8)).save(path)
    with pytest.raises(InputError, match="float32"):
        list(encode_cached([Source(str(path))], Loud(), open_cache(dtype="float16")))
