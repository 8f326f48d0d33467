"""What is particular to collections in PostgreSQL."""

import shutil
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixture_types import Run, WritePhotos
from originid import add_images, create_collection, open_collection
from originid.collection import engines
from originid.collection.row import Row
from originid.collection.schema import FORMAT
from originid.errors import CollectionError, ExtraError, InputError, StorageError
from originid.index import ExactIndex
from originid.model import Model, open_model
from originid.system.server_url import ServerUrl
from postgres_server import PostgresServer

dialect = pytest.importorskip("originid.collection.engines.postgres.dialect")
connections = pytest.importorskip("originid.collection.engines.postgres.connections")
store = pytest.importorskip("originid.collection.engines.postgres.store")
refusals = pytest.importorskip("originid.collection.engines.postgres.refusals")


@given(st.binary().map(lambda data: data.decode("utf-8", "surrogateescape")))
def test_any_text_is_stored_and_read_as_it_was(text: str) -> None:
    stored = dialect.stored(text)
    stored.encode("utf-8")
    assert "\0" not in stored
    assert dialect.shown(stored) == text


@given(st.text("a/\x00\udcff\U0010ff01é"), st.text("a/\x00\udcff\U0010ff01é"))
def test_what_lies_in_a_folder_begins_with_its_name_when_it_is_stored(a: str, b: str) -> None:
    assert dialect.stored(f"{a}/{b}").startswith(dialect.stored(f"{a}/"))


def test_statements_are_translated() -> None:
    statement = dialect.translated(
        "SELECT id FROM name WHERE location = CAST(? AS TEXT) AND typeof(code) = 'blob'"
        " AND location LIKE ? AND typeof(inode) IN ('integer', 'null')"
    )
    assert statement.text == (
        "SELECT id FROM name WHERE location = %s AND code IS NOT NULL"
        " AND location ILIKE %s AND true"
    )
    assert statement.bound([b"/\xff", "%a%"]) == ["/\U0010ffff", "%a%"]


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name="psycopg")

    monkeypatch.setattr(engines, "import_module", missing)
    with pytest.raises(ExtraError, match=r"pip install 'originid\[postgres\]'"):
        open_collection("postgresql://host/database")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("mysql://host/photos", "begins with mysql://"),
        ("postgresql://host/db?collection=My-Photos", "small letters, digits and _"),
        ("postgresql://host/db?collection=pg_x", "does not keep for itself"),
        ("postgresql://host/db?collection=public", "does not keep for itself"),
        ("postgresql://host/db?collection=a&collection=b", "expected one collection"),
        ("postgresql://u:geheim@host:port/db", "is no URL that PostgreSQL takes"),
        ("postgresql://u:geheim@host/db?nonsense=1", "is no URL that PostgreSQL takes"),
    ],
)
def test_a_wrong_url_is_refused(url: str, told: str, run: Run) -> None:
    status, out, err = run("show", url)
    assert status != 0
    assert told in err
    assert "geheim" not in out + err
    assert "Traceback" not in err


def test_what_the_server_refuses_is_told(postgres: PostgresServer, run: Run) -> None:
    url = postgres.url().replace("/postgres?", "/nowhere?")
    status, _, err = run("show", url)
    assert status != 0
    assert "nowhere" in err
    assert "a database and a user that the server knows" in err
    assert "Traceback" not in err
    status, _, err = run("show", postgres.url("nothing"))
    assert "no collection at" in err
    assert "originid index PHOTOS --into" in err


def test_a_password_that_is_refused_is_asked_for_by_its_variable() -> None:
    psycopg = pytest.importorskip("psycopg")
    error = psycopg.OperationalError('FATAL:  password authentication failed for user "me"')
    told = refusals.explained(error, ServerUrl("postgresql://me:geheim@h/d"))
    assert "PGPASSWORD" in told.todo
    assert "geheim" not in str(told)


def test_collections_in_one_database_are_apart(
    postgres: PostgresServer, model: Model, write_photos: WritePhotos
) -> None:
    photos = write_photos(5)
    with (
        create_collection(postgres.url("first"), model) as first,
        create_collection(postgres.url("second"), open_model()) as second,
    ):
        add_images(first, photos[:2])
        add_images(second, photos)
        assert (len(first), len(second)) == (2, 5)
        assert first.model.fingerprint != second.model.fingerprint
        assert first.path != second.path


def test_one_writes_at_a_time(
    postgres: PostgresServer, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "LOCK", "100ms")
    place = postgres.url("locked")
    with create_collection(place, model) as one, open_collection(place) as other:
        with one.database.writing():
            assert len(other) == 0  # reading goes on
            with pytest.raises(StorageError, match="is being written by another process"):
                other.remove([])
        assert other.remove(["x"]) == ["x"]


def test_many_vectors_are_found_as_on_one_machine(postgres: PostgresServer, model: Model) -> None:
    rng = np.random.default_rng(3)
    vectors = rng.standard_normal((3000, model.dim)).astype(np.float32)
    rows = [Row(f"/p/{n}", f"{n}", bytes(32), 1, n, 9, 9) for n in range(len(vectors))]
    queries = vectors[::100] + 0.7 * rng.standard_normal((30, model.dim)).astype(np.float32)
    with create_collection(postgres.url("many"), model) as collection:
        collection.add_vectors(rows, vectors)
        exact = ExactIndex(model.dim, collection.database.codes)
        exact.add(*collection.database.codes_after(0, 3000))
        scores, ids = collection.index().search(queries, 3)
        expected, known = exact.search(queries, 3)
        assert (ids[:, 0] == known[:, 0]).all()
        np.testing.assert_allclose(scores[:, 0], expected[:, 0], atol=1e-6)
        assert (ids == known).mean() > 0.95
        with pytest.raises(InputError):
            collection.index().search(queries, 0)


def test_show_says_how_often_the_best_is_found(
    postgres: PostgresServer, run: Run, write_photos: WritePhotos
) -> None:
    place = postgres.url("shown")
    photos = write_photos(6)
    assert run("index", photos[0].parent, "--into", place)[0] == 0
    status, out, _ = run("show", place, "--verify")
    assert status == 0
    assert "found first        the nearest other one for 6 of 6 references" in out


def test_vectors_without_bits_are_told(
    postgres: PostgresServer, model: Model, write_photos: WritePhotos
) -> None:
    with create_collection(postgres.url("bits"), model) as collection:
        add_images(collection, write_photos(4))
        database = collection.database
        with database.writing():
            database._execute("DELETE FROM sign WHERE id = 2")  # type: ignore[attr-defined]
        told = [f"{each.path}: {each.reason}" for each in collection.verify()]
        assert told == [
            "database: 1 stored vectors are not found by a search: index their files again"
        ]


def test_the_model_is_fetched_again_where_the_cache_is_lost(
    postgres: PostgresServer, model: Model, tmp_path: Path
) -> None:
    place = postgres.url("cached")
    create_collection(place, model).close()
    assert next((tmp_path / "cache" / "models").iterdir()).name == model.fingerprint
    shutil.rmtree(tmp_path / "cache")
    with open_collection(place) as collection:
        assert collection.model.fingerprint == model.fingerprint


def test_a_model_of_the_server_that_could_lie_elsewhere_is_refused(
    postgres: PostgresServer, model: Model, tmp_path: Path
) -> None:
    place = postgres.url("foreign")
    with create_collection(place, model) as collection, collection.database.writing():
        execute = collection.database._execute  # type: ignore[attr-defined]
        execute("UPDATE model_file SET name = '../' || name")
    shutil.rmtree(tmp_path / "cache")
    with pytest.raises(Exception, match="lacks its id or its model"):
        open_collection(place)


def test_what_is_no_collection_is_refused(postgres: PostgresServer, model: Model) -> None:
    place = postgres.url("no_numbers")
    with create_collection(place, model) as collection, collection.database.writing():
        execute = collection.database._execute  # type: ignore[attr-defined]
        execute("DELETE FROM meta WHERE key = 'dim'")
    with pytest.raises(CollectionError, match="does not say its dim"):
        open_collection(place)


def test_tables_of_an_earlier_version_are_brought_up(
    postgres: PostgresServer, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = postgres.url("upgraded")
    with create_collection(place, model) as early, monkeypatch.context() as later:
        later.setattr(store, "FORMAT", FORMAT + 1)
        statement = "ALTER TABLE reference ADD COLUMN colour TEXT"
        later.setattr(store, "UPGRADES", {FORMAT: (statement,)})
        with open_collection(place) as collection:
            assert collection.database.format == FORMAT
            with suppress(ZeroDivisionError), collection.database.writing():
                _ = 1 / 0
            assert collection.database.format == FORMAT
            with collection.database.writing():
                assert collection.database.format == FORMAT + 1
        assert early.database.meta("format") == str(FORMAT + 1)
    with pytest.raises(CollectionError, match=f"has collection format {FORMAT + 1}"):
        open_collection(place)
