"""A database that declares more than a collection does is refused before it is read."""

import sqlite3
import time
from pathlib import Path

import pytest

from fixture_types import WritePhotos
from originid.collection.adding import store_images
from originid.collection.collection import create_collection, open_collection
from originid.errors import CollectionError
from originid.model import Model

ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c"
FORGED = {
    "trigger": "CREATE TRIGGER t AFTER INSERT ON reference BEGIN DELETE FROM reference; END",
    "view": "CREATE VIEW more AS SELECT * FROM reference",
    "endless view": "DROP TABLE meta;"
    f"CREATE VIEW meta (key, value) AS SELECT x, x FROM ({ENDLESS})",
    "virtual table": "CREATE VIRTUAL TABLE v USING fts5(x)",
    "table": "CREATE TABLE other (x)",
    "index": "CREATE INDEX other ON reference (bytes)",
    "expression": "DROP INDEX reference_sha256;"
    "CREATE INDEX reference_sha256 ON reference (abs(bytes))",
    "column": "ALTER TABLE reference ADD COLUMN x",
    "generated column": "ALTER TABLE reference ADD COLUMN x AS (bytes * 2)",
    "other columns": "DROP TABLE removed; CREATE TABLE removed (place INTEGER, id TEXT)",
}


@pytest.fixture
def collection(tmp_path: Path, model: Model, write_photos: WritePhotos) -> Path:
    with create_collection(tmp_path / "collection", model) as made:
        store_images(made, write_photos(3), workers=1)
    return tmp_path / "collection"


@pytest.mark.parametrize("what", FORGED)
def test_it_is_refused_by_name(what: str, collection: Path) -> None:
    connection = sqlite3.connect(collection / "collection.sqlite")
    connection.executescript(FORGED[what])
    connection.commit()
    connection.close()
    before = (collection / "collection.sqlite").read_bytes()
    start = time.monotonic()
    with pytest.raises(CollectionError, match="which no collection of originid has"):
        open_collection(collection)
    assert time.monotonic() - start < 10
    assert (collection / "collection.sqlite").read_bytes() == before


def test_a_collection_of_ours_is_opened(collection: Path) -> None:
    with open_collection(collection) as opened:
        assert len(opened) == 3


def test_a_database_without_meta_is_no_collection(collection: Path) -> None:
    connection = sqlite3.connect(collection / "collection.sqlite")
    connection.execute("DROP TABLE meta")
    connection.close()
    with pytest.raises(CollectionError, match="cannot be read"):
        open_collection(collection)
