"""The table of decisions: what is stored comes back, also from a file that somebody else made."""

import os
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from originid.collection.collection import Collection, open_collection
from originid.collection.decisions import SCHEMA_DECISIONS, Decision
from originid.errors import CollectionError, StorageError
from sqlite_of import sqlite_of


def made(
    reference: int = 2, confirmed: bool = True, note: str = "", decided_at: str = ""
) -> Decision:
    return Decision(bytes([1]) * 32, bytes([reference]) * 32, confirmed, "q", note, decided_at)


def record(collection: Collection, *decisions: Decision) -> None:
    with collection.database.writing():
        for decision in decisions:
            collection.database.record_decision(decision)


def test_what_is_recorded_comes_back(collection: Collection) -> None:
    odd = os.fsdecode(b"q\xff\n.jpg")
    first = Decision(bytes(32), b"r" * 32, True, odd, "seen; 'here'", "2026-11-26T09:30:00Z", b"co")
    second = made(confirmed=False, decided_at="2026-11-25T09:30:00Z")
    record(collection, first, second)
    assert collection.database.decisions() == [second, first]
    assert collection.database.decisions_on(bytes(32)) == [first]
    assert collection.database.decisions_on(b"x" * 32) == []
    with open_collection(collection.path) as again:
        assert again.database.decisions() == [second, first]


def test_a_later_decision_on_the_same_files_replaces_the_earlier_one(
    collection: Collection,
) -> None:
    record(collection, made(), made(reference=3), made(confirmed=False, note="a mistake"))
    by_reference = {d.reference[0]: d for d in collection.database.decisions_on(bytes([1]) * 32)}
    assert (by_reference[2].confirmed, by_reference[2].note) == (False, "a mistake")
    assert by_reference[3].confirmed


def test_the_time_is_noted(collection: Collection) -> None:
    record(collection, made())
    (stored,) = collection.database.decisions()
    assert len(stored.decided_at) == len("2026-11-26T09:30:00Z")
    assert stored.decided_at.endswith("Z")


def test_forgetting_says_whether_there_was_one(collection: Collection) -> None:
    record(collection, made(), made(reference=3))
    with collection.database.writing():
        assert collection.database.forget_decision(bytes([1]) * 32, bytes([2]) * 32)
        assert not collection.database.forget_decision(bytes([1]) * 32, bytes([2]) * 32)
    assert [decision.reference[0] for decision in collection.database.decisions()] == [3]


def test_a_transaction_that_fails_keeps_nothing(collection: Collection) -> None:
    unusable = replace(made(reference=3), query=None)  # type: ignore[arg-type]
    with pytest.raises(CollectionError):
        record(collection, made(), unusable)
    assert collection.database.decisions() == []


def test_the_sentence() -> None:
    decision = made(note="seen there", decided_at="2026-11-26T09:30:00Z")
    assert decision.sentence == "confirmed on 2026-11-26: seen there"
    assert replace(decision, note="", confirmed=False).sentence == "rejected on 2026-11-26"
    near = replace(decision, likeness=0.97).sentence
    assert near == "confirmed on 2026-11-26 for nearly the same picture: seen there"


def test_the_table_is_made_once(collection: Collection) -> None:
    record(collection, made())
    file = collection.path / "collection.sqlite"
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(SCHEMA_DECISIONS)
    assert len(collection.database.decisions()) == 1


def test_a_collection_without_the_table_has_no_decisions(collection: Collection) -> None:
    with closing(sqlite3.connect(collection.path / "collection.sqlite")) as connection:
        connection.execute("DROP TABLE decision")
    assert collection.database.decisions() == []
    assert collection.database.decisions_on(bytes(32)) == []


def test_values_of_other_types_do_no_harm(collection: Collection) -> None:
    with closing(sqlite3.connect(collection.path / "collection.sqlite")) as connection:
        connection.executemany(
            "INSERT INTO decision VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                ("text", b"r", 1, "", "", "", b""),
                (b"q", 7, 1, "", "", "", b""),
                (b"q", b"r", "text", b"\xff", b"", None, "text"),
            ],
        )
        connection.commit()
    (only,) = collection.database.decisions()
    assert (only.query, only.name, only.note, only.decided_at, only.code) == (b"q", "", "", "", b"")


def test_another_process_that_holds_the_file_is_told(collection: Collection) -> None:
    with closing(sqlite3.connect(collection.path / "collection.sqlite")) as other:
        other.execute("BEGIN IMMEDIATE")
        sqlite_of(collection)._connection.execute("PRAGMA busy_timeout = 1")
        with pytest.raises(StorageError, match="another process"):
            record(collection, made())
        other.rollback()
    record(collection, made())
    assert len(collection.database.decisions()) == 1
