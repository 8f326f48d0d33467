"""What is sent to a Milvus server, without one: paths, keys, ids, and a batch of writes."""

import os
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from originid.collection.engines.milvus import ids as given_ids
from originid.collection.engines.milvus.batch import Batch
from originid.collection.engines.milvus.entity import (
    Entity,
    Kind,
    entity_of,
    key_of,
    read_path,
    written,
)
from originid.collection.engines.milvus.ids import A_TICK, COUNTED, WRITERS, Ids
from originid.collection.engines.milvus.rows import is_sound, reference_of, row_of
from originid.collection.row import Row

ANY_PATH = st.binary(min_size=1).filter(lambda path: 0 not in path).map(os.fsdecode)
ROW = Row("/p/a.jpg", "a.jpg", bytes(range(32)), 5, -7, 640, 480, information=0.5, inode=2**63 - 1)


@given(ANY_PATH)
def test_a_path_of_any_bytes_comes_back(path: str) -> None:
    text = written(path)
    assert read_path(text) == path
    assert text.isascii()
    assert not set(text) & set("\"'\\\n")


@given(ANY_PATH, ANY_PATH)
def test_what_lies_in_a_folder_is_between_its_slash_and_the_next_sign(
    folder: str, name: str
) -> None:
    low = written(folder) + "/"
    assert low <= written(f"{folder}/{name}") < f"{low[:-1]}0"
    other = written(f"{folder}-{name}")
    assert not low <= other < f"{low[:-1]}0" or "/" in name


@given(st.lists(st.binary(), max_size=3), st.lists(st.binary(), max_size=3))
def test_keys_differ_where_what_they_are_about_differs(
    first: list[bytes], second: list[bytes]
) -> None:
    same = key_of(Kind.NAME, *first) == key_of(Kind.NAME, *second)
    assert same == (first == second)
    assert key_of(Kind.NAME, *first) != key_of(Kind.FAILURE, *first)


def test_a_reference_comes_back_as_it_was() -> None:
    entity = reference_of(ROW, 9, "2026-11-28T09:00:00Z", b"code")
    sent = entity.row(b"\0") | {"more": 1}
    assert entity_of(sent) == entity
    assert row_of(entity) == replace(ROW, id=9, added_at="2026-11-28T09:00:00Z")
    assert is_sound(entity)


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("bytes", "many", -1),
        ("bytes", True, -1),
        ("mtime_ns", 2**70, -1),
        ("width", -1, 0),
        ("height", 2**40, 0),
        ("information", "much", None),
        ("added_at", 5, ""),
        ("inode", [], None),
    ],
)
def test_a_value_that_cannot_be_says_nothing(name: str, value: object, read: object) -> None:
    entity = reference_of(ROW, 9, "", b"code")
    damaged = replace(entity, value=entity.value | {name: value})
    assert getattr(row_of(damaged), name) == read
    assert not is_sound(damaged)


def test_a_reference_at_another_path_than_its_key_says_is_none() -> None:
    entity = reference_of(ROW, 9, "", b"code")
    assert row_of(replace(entity, place=written("/p/b.jpg"))) is None
    assert row_of(replace(entity, place="")) is None
    row = row_of(replace(entity, content="no digits"))
    assert row is not None
    assert row.sha256 == b"9"


def test_data_that_are_no_data_are_empty() -> None:
    row = reference_of(ROW, 9, "", b"code").row(b"")
    assert entity_of(row | {"data": "ä"}).data == b""
    assert entity_of(row | {"value": "text"}).value == {}


def test_ids_ascend_and_fit_javascript(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: given_ids.EPOCH + 34 * 365 * 86400.0)
    first, second = Ids(0), Ids(WRITERS - 1)
    first.above(0)
    second.above(0)
    some = [first.next() for _ in range(3 * COUNTED)]
    others = [second.next() for _ in range(3 * COUNTED)]
    assert some == sorted(set(some))
    assert others == sorted(set(others))
    assert not set(some) & set(others)
    assert max(others) < 2**53


def test_ids_go_on_above_those_of_a_clock_that_is_ahead() -> None:
    ids = Ids(5)
    ids.above(given_ids.now() + 1000 * A_TICK)
    assert ids.next() > given_ids.now() + 1000 * A_TICK
    before = ids.next()
    ids.above(0)
    assert ids.next() > before


def test_a_batch_finds_what_it_is_going_to_write() -> None:
    batch = Batch()
    stored = Entity(Kind.NAME, "stored", 1)
    batch.read([stored, Entity(Kind.NAME, "gone", 1)], ["stored", "nothing"])
    batch.drop("gone")
    batch.drop("nothing")
    batch.put(Entity(Kind.NAME, "new", 1))
    batch.put(Entity(Kind.NAME, "other", 2))
    assert {e.key for e in batch.find(Kind.NAME, "id", [1])} == {"stored", "new"}
    assert {e.key for e in batch.over([stored], lambda e: e.id == 1)} == {"stored", "new"}
    assert batch.is_read("nothing")
    assert batch.get("nothing") is None
    assert not batch.is_read("unknown")
    assert batch.dropped() == ["gone"]  # what was not there need not be removed
    moved = replace(stored, id=2)
    batch.put(moved)
    assert {e.key for e in batch.find(Kind.NAME, "id", [1])} == {"new"}


def test_a_reference_is_written_after_what_belongs_to_it() -> None:
    batch = Batch()
    for kind in (Kind.NAME, Kind.REFERENCE, Kind.FORM, Kind.BLOB):
        batch.put(Entity(kind, kind.name))
    assert [e.kind for e in batch.written()] == [Kind.BLOB, Kind.FORM, Kind.REFERENCE, Kind.NAME]


def test_what_a_batch_knows() -> None:
    batch = Batch()
    assert not batch.knows(Kind.REFERENCE, "content", ["aa"])
    batch.contents.add("aa")
    batch.named.add(1)
    batch.read([Entity(Kind.REFERENCE, "r", 1, content="aa")])
    assert batch.knows(Kind.REFERENCE, "content", ["aa"])
    assert batch.knows(Kind.REFERENCE, "id", [1])
    assert not batch.knows(Kind.REFERENCE, "id", [1, 2])
    assert batch.knows(Kind.NAME, "id", [1])
    assert not batch.knows(Kind.NAME, "id", [2])
