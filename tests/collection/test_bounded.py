"""What one statement on a database may take, and that a connection only reads by itself."""

import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from originid.collection import bounded
from originid.collection.database import Database
from originid.collection.row import Row
from originid.errors import CollectionError

ENDLESS = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    Database.create(tmp_path / "made.sqlite", {"model": "m"})
    made = Database(tmp_path / "made.sqlite")
    yield made
    made.close()


def row(number: int) -> Row:
    return Row(f"/{number}.png", "", bytes(32), 1, 1, 1, 1)


def test_a_statement_without_end_is_ended(database: Database) -> None:
    with pytest.raises(CollectionError, match="seems to have no end"):
        database._all(ENDLESS)
    assert database.count() == 0  # the connection is still of use


def test_what_a_statement_may_take_grows_with_the_file(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded, "LEAST_STEPS", 0)
    monkeypatch.setattr(bounded, "STEPS_A_BYTE", 1)
    with database.writing():
        for number in range(300):
            database.insert(row(number), b"")
    counted = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r LIMIT {}) SELECT 1"
    size = database.path.stat().st_size + Path(f"{database.path}-wal").stat().st_size
    assert database._all(f"{counted} FROM r".format(size // 100))
    with pytest.raises(CollectionError, match="no end"):
        database._all(f"{counted} FROM r".format(size))


def test_many_statements_take_as_much_as_each_may(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded, "LEAST_STEPS", 0)
    monkeypatch.setattr(bounded, "STEPS_A_BYTE", 1)
    folders = [f"/{number}" for number in range(30_000)]
    database.sign_folders(folders, bytes(32))
    assert database._count("folder") == 30_000


def test_only_a_transaction_writes(database: Database) -> None:
    for _ in range(2):
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            database._connection.execute("DELETE FROM meta")
        with database.writing():
            database.insert(row(database.count()), b"")
        with pytest.raises(ZeroDivisionError), database.writing():
            raise ZeroDivisionError
    assert database.count() == 2


@pytest.mark.skipif(sys.version_info < (3, 11), reason="has no setlimit")
@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("SELECT length(zeroblob(5000000))", "too big"),
        (f"SELECT {', '.join('1' * 101)}", "too many columns"),
        (f"SELECT 1 {' ' * 100_000}", "too large"),
        ("ATTACH ':memory:' AS other", "too many attached databases"),
    ],
)
def test_the_limits_hold(database: Database, statement: str, words: str) -> None:
    with pytest.raises(CollectionError, match=words):
        database._all(statement)
