"""The signs of low frequencies follow a collection, and choose the shortlist that all signs do."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from originid.collection.collection import Collection, create_collection, open_collection
from originid.collection.low_frequencies import FILE, LowFrequencies
from originid.collection.row import Row
from originid.maps import DctMap
from originid.model import Model
from originid.types import Floats64, Vectors
from originid.views import shortlist
from originid.views.normalise import USUAL, Strangers, moments

COUNT = 90


def vectors_of(seed: int, count: int, dim: int) -> Vectors:
    drawn = np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True), np.float32)


def add(collection: Collection, first: int, vectors: Vectors) -> None:
    rows = [
        Row(f"/{n}.png", f"{n}.png", n.to_bytes(32, "big"), 1, 1, 1, 1)
        for n in range(first, first + len(vectors))
    ]
    collection.add_vectors(rows, vectors)


@pytest.fixture
def filled(tmp_path: Path, model: Model) -> Iterator[Collection]:
    """A collection of `COUNT` random vectors."""
    with create_collection(tmp_path / "filled", model) as made:
        add(made, 0, vectors_of(1, COUNT, model.dim))
        yield made


def stored(collection: Collection) -> tuple[list[int], Vectors]:
    """All ids, and their vectors as they are stored."""
    ids, codes = collection.database.codes_after(-1, 10_000)
    return ids.tolist(), collection.codec.decode(codes)


def slow_z(collection: Collection, queries: Vectors, strangers: Strangers) -> Floats64:
    """The best z of each reference over all queries, by signs that are not packed."""
    assert isinstance(collection.model.map, DctMap)
    which = shortlist.low_frequencies(collection.model.map)
    _, vectors = stored(collection)
    signs, of_strangers = (
        np.where(each[:, which] > 0, 1.0, -1.0) for each in (vectors, strangers.vectors)
    )
    found = np.empty((len(queries), len(signs)))
    for number, query in enumerate(queries[:, which].astype(np.float64)):
        usual = USUAL * float(np.linalg.norm(query))
        mean, deviation = moments((of_strangers @ query)[None].astype(np.float32), usual)
        found[number] = (signs @ query - mean[0, 0]) / deviation[0, 0]
    return np.asarray(found.max(axis=0))


def check(collection: Collection, count: int = 25, seed: int = 7) -> None:
    """The shortlist is what all signs choose, up to what rounding may turn around."""
    queries = vectors_of(seed, 3, collection.model.dim)
    strangers = collection.strangers()
    listed = collection.low_frequencies().shortlist(queries, strangers, count)
    ids, _ = stored(collection)
    assert (np.diff(listed) > 0).all()
    assert set(listed.tolist()) <= set(ids)
    assert len(listed) == min(count, len(ids))
    z = slow_z(collection, queries, strangers)
    worst = np.sort(z)[::-1][len(listed) - 1]
    for key, value in zip(ids, z, strict=True):
        if value > worst + 0.05:
            assert key in listed
        if value < worst - 0.05:
            assert key not in listed


@pytest.mark.parametrize("count", [1, 2, 25, 60, COUNT - 1])
def test_a_shortlist_by_signs_that_are_not_packed(filled: Collection, count: int) -> None:
    for seed in range(4):
        check(filled, count, seed)


@pytest.mark.parametrize("count", [COUNT, COUNT + 1, 2000])
def test_a_small_collection_is_listed_whole(filled: Collection, count: int) -> None:
    queries = vectors_of(2, 1, filled.model.dim)
    listed = filled.low_frequencies().shortlist(queries, filled.strangers(), count)
    assert listed.tolist() == stored(filled)[0]


def test_without_strangers_estimates_are_compared_as_photos_have_them(filled: Collection) -> None:
    none = Strangers(np.empty((0, filled.model.dim), np.float32))
    queries = vectors_of(3, 2, filled.model.dim)
    listed = filled.low_frequencies().shortlist(queries, none, 10)
    z = slow_z(filled, queries, none)
    ids = np.array(stored(filled)[0])
    assert set(ids[z > np.sort(z)[-10] + 0.05].tolist()) <= set(listed.tolist())


def test_the_reference_itself_is_listed_first(filled: Collection) -> None:
    ids, vectors = stored(filled)
    for place in (0, 17, COUNT - 1):
        query = vectors[[place]]
        found = filled.low_frequencies().shortlist(query, filled.strangers(), 1)
        assert found.tolist() == [ids[place]]


def test_it_follows_what_is_added_and_removed(filled: Collection) -> None:
    check(filled)
    add(filled, COUNT, vectors_of(5, 30, filled.model.dim))
    assert len(filled.low_frequencies()) == COUNT + 30
    check(filled)
    filled.remove([f"/{n}.png" for n in range(0, 60, 2)])
    assert len(filled.low_frequencies()) == COUNT
    check(filled)
    filled.remove([f"/{n}.png" for n in range(COUNT + 30)])
    assert len(filled.low_frequencies()) == 0
    queries = vectors_of(2, 1, filled.model.dim)
    assert filled.low_frequencies().shortlist(queries, filled.strangers(), 5).tolist() == []


def test_it_sees_what_another_process_does(filled: Collection) -> None:
    check(filled)
    with open_collection(filled.path) as other:
        add(other, COUNT, vectors_of(6, 40, filled.model.dim))
        other.remove(["/3.png"])
        check(filled)
        check(other)
        assert len(filled.low_frequencies()) == COUNT + 39


@pytest.fixture
def coded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Gets how many references are made into signs, each time."""
    counted: list[int] = []
    add_codes = LowFrequencies.add

    def counting(self: LowFrequencies, ids: np.ndarray, codes: np.ndarray) -> None:
        counted.append(len(ids))
        add_codes(self, ids, codes)

    monkeypatch.setattr(LowFrequencies, "add", counting)
    return counted


def test_what_is_kept_is_not_made_again(filled: Collection, coded: list[int]) -> None:
    check(filled)
    assert (filled.path / FILE).is_file()
    assert sum(coded) == COUNT
    with open_collection(filled.path) as again:
        check(again)
        assert sum(coded) == COUNT
        add(again, COUNT, vectors_of(8, 3, filled.model.dim))
        check(again)
        assert sum(coded) == COUNT + 3


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda data: b"",
    "a text": lambda data: b"no signs",
    "cut off": lambda data: data[: len(data) // 2],
    "longer": lambda data: data + b"\0",
    "a wrong bit": lambda data: data[:-1] + bytes([data[-1] ^ 4]),
    "zeros": lambda data: bytes(len(data)),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_file_is_made_anew(filled: Collection, coded: list[int], kind: str) -> None:
    check(filled)
    file = filled.path / FILE
    whole = file.read_bytes()
    file.write_bytes(DAMAGE[kind](whole))
    with open_collection(filled.path) as again:
        check(again)
    assert sum(coded) == 2 * COUNT
    with open_collection(filled.path) as mended:
        check(mended)
    assert sum(coded) == 2 * COUNT


def test_a_file_of_the_index_is_not_taken_for_it(filled: Collection) -> None:
    check(filled)
    filled.index()
    shutil.copy(filled.path / "index.bin", filled.path / FILE)
    with open_collection(filled.path) as again:
        check(again)


@pytest.mark.parametrize("others", [40, COUNT, COUNT + 40])
def test_a_file_of_another_collection_is_made_anew(
    filled: Collection, tmp_path: Path, model: Model, others: int
) -> None:
    """One of fewer references or of more; one of as many differs in ids that were removed."""
    with create_collection(tmp_path / "other", model) as other:
        add(other, 0, vectors_of(9, others + 5, model.dim))
        other.remove([f"/{n}.png" for n in range(5)])
        other.low_frequencies()
    shutil.copy(tmp_path / "other" / FILE, filled.path / FILE)
    with open_collection(filled.path) as again:
        if others == COUNT:  # one more was given an id: it has to be told apart by these
            add(again, COUNT, vectors_of(10, 1, model.dim))
        listed = again.low_frequencies()
        assert len(listed) == len(again)
        if others != COUNT:
            check(again)


def test_a_folder_that_cannot_be_written_serves_all_the_same(
    filled: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: LowFrequencies) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr(LowFrequencies, "keep", refuse)
    check(filled)
    assert not (filled.path / FILE).exists()


@pytest.mark.skipif(os.geteuid() == 0 if hasattr(os, "geteuid") else True, reason="root may write")
def test_a_read_only_folder_serves_all_the_same(filled: Collection) -> None:
    filled.path.chmod(0o500)
    try:
        with open_collection(filled.path) as again:
            check(again)
    finally:
        filled.path.chmod(0o700)


def test_an_empty_collection_has_an_empty_shortlist(tmp_path: Path, model: Model) -> None:
    with create_collection(tmp_path / "empty", model) as empty:
        listed = empty.low_frequencies()
        assert (len(listed), listed.last_id) == (0, -1)
        assert listed.shortlist(vectors_of(1, 2, model.dim), empty.strangers(), 5).tolist() == []
        add(empty, 0, vectors_of(1, 4, model.dim))
        assert len(empty.low_frequencies()) == 4
