"""What only a collection on a Milvus server does: leftovers, pieces, spans of ids, errors."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine_crash import crash
from fixture_types import Run, WritePhotos
from milvus_server import MilvusServer
from originid import add_images, create_collection, open_collection
from originid.collection.collection import Collection
from originid.collection.engines import milvus as engine
from originid.collection.engines.milvus.address import read_address
from originid.collection.engines.milvus.connection import Connection
from originid.collection.engines.milvus.entity import PIECE, Entity, Kind, key_of, written
from originid.collection.engines.milvus.ids import A_TICK, now
from originid.collection.engines.milvus.store import MilvusStore
from originid.collection.row import Row
from originid.errors import CollectionError, InputError, StorageError
from originid.model import Model
from originid.system.server_url import ServerUrl
from originid.testing import write_photos as write_plain


def row(number: int) -> Row:
    return Row(f"/p/{number}.jpg", f"{number}.jpg", bytes([number] * 32), 1, 2, 3, 4)


@pytest.fixture(scope="module")
def stored(milvus: MilvusServer, model: Model) -> Iterator[Collection]:
    """A collection that the tests share: making one takes two seconds."""
    with create_collection(milvus.url("shared"), model) as made:
        yield made


@pytest.fixture
def store(stored: Collection) -> MilvusStore:
    assert isinstance(stored.database, MilvusStore)
    stored.remove(["/"])
    return stored.database


def add(collection: Collection, numbers: range) -> None:
    rng = np.random.default_rng(numbers.start)
    vectors = rng.standard_normal((len(numbers), 168), np.float32)
    collection.add_vectors([row(number) for number in numbers], vectors)


def test_what_was_not_made_to_its_end_is_made_anew(milvus: MilvusServer, model: Model) -> None:
    url = ServerUrl(milvus.url("half"))
    connection = Connection(read_address(url.url))
    connection.create(8)  # without what is written last
    connection.close()
    assert not engine.exists(url)
    with pytest.raises(CollectionError, match="no collection at"):
        open_collection(url)
    with create_collection(url, model) as collection:
        assert collection.codec.dim == model.dim


def test_of_several_that_make_it_at_once_one_succeeds(milvus: MilvusServer, model: Model) -> None:
    from pymilvus import MilvusClient

    url = ServerUrl(milvus.url("several"))

    def make(_: int) -> str:
        """Why this one did not make it."""
        try:
            create_collection(url, model).close()
        except InputError as error:
            return error.given.partition(" at ")[0]
        return ""

    with ThreadPoolExecutor(3) as threads:
        taken = "the Milvus server already has something"
        assert sorted(threads.map(make, range(3))) == ["", taken, taken]
    with open_collection(url) as collection:
        assert len(collection) == 0
    client = MilvusClient(read_address(url.url).uri, dedicated=True)
    assert [name for name in client.list_collections() if "several" in name] == ["several"]
    client.close()


def test_what_somebody_else_stored_is_left_alone(milvus: MilvusServer, model: Model) -> None:
    from pymilvus import MilvusClient

    url = milvus.url("theirs")
    client = MilvusClient(read_address(url).uri, dedicated=True)
    client.create_collection("theirs", dimension=4)
    with pytest.raises(InputError, match="already has something"):
        create_collection(url, model)
    assert client.has_collection("theirs")
    with pytest.raises(CollectionError, match="no collection at"):
        open_collection(url)
    client.close()


def test_an_unknown_database_is_named(milvus: MilvusServer, model: Model) -> None:
    url = ServerUrl(milvus.url("nowhere/photos"))
    with pytest.raises(StorageError, match="has no database nowhere"):
        create_collection(url, model)


def test_a_vector_that_milvus_cannot_hold_is_refused(milvus: MilvusServer, model: Model) -> None:
    url = ServerUrl(milvus.url("long"))
    with pytest.raises(InputError, match="40000 numbers"):
        engine.create(url, {"dim": "40000"}, [])
    assert not engine.exists(url)


def test_pages_and_spans_hold_everything_once(stored: Collection, store: MilvusStore) -> None:
    add(stored, range(40))
    store._span = 1  # as after a very dense series
    assert [each.location for each in store.all_rows()] == [row(n).location for n in range(40)]
    assert len(store._after((Kind.REFERENCE,), 0, 7)) == 7
    ids = store.ids()
    assert sorted(ids.tolist()) == ids.tolist()
    pages = [entity.id for entity in store._pages(Kind.REFERENCE, page=7)]
    assert sorted(pages) == ids.tolist()
    found, codes = store.codes_after(int(ids[9]), 5)
    assert found.tolist() == ids[10:15].tolist()
    assert codes.shape == (5, stored.codec.size)


def test_what_is_written_again_is_there_once(stored: Collection, store: MilvusStore) -> None:
    add(stored, range(3))
    version = store.version()
    add(stored, range(3))
    assert (len(stored), len(stored.index())) == (3, 3)
    assert store.version()[0] > version[0]
    assert len(store.removed(version[1])) == 3


def test_a_request_that_is_cut_off_leaves_whole_references(
    stored: Collection, store: MilvusStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first requests of a batch arrive, and the rest does not; the second run completes it."""
    from pymilvus import MilvusException

    monkeypatch.setattr("originid.collection.engines.milvus.connection.SENT", 1)
    sent = 0
    upsert = store._connection._client.upsert

    def some(*arguments: object, **options: object) -> object:
        nonlocal sent
        sent += 1
        if sent > 4:
            raise MilvusException(2, "connection lost")
        return upsert(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(store._connection._client, "upsert", some)
        with pytest.raises(StorageError, match="does not answer"):
            add(stored, range(9))
    there = [each.location for each in stored.references()]
    assert 0 < len(there) < 9
    assert (len(stored), len(stored.index())) == (len(there), len(there))
    assert list(store.torn_vectors()) == []
    add(stored, range(9))
    assert {each.location for each in stored.references()} == {row(n).location for n in range(9)}
    assert (len(stored), len(stored.index()), store.damage()) == (9, 9, [])


def test_what_belongs_to_no_reference_is_told(stored: Collection, store: MilvusStore) -> None:
    add(stored, range(1))
    code = stored.codec.encode(np.ones((1, 168), np.float32))[0].tobytes()
    with store.writing():
        for kind in (Kind.FORM, Kind.NAME):
            place = written("/gone.jpg")
            store._in_batch().put(Entity(kind, key_of(kind, "/gone.jpg"), 5, place, data=code))
    assert store.damage() == ["1 second form of no reference", "1 further name of no reference"]
    assert store.forms([5]) == {}
    with store.writing():
        for kind in (Kind.FORM, Kind.NAME):
            store._in_batch().drop(key_of(kind, "/gone.jpg"))


def test_something_large_comes_in_pieces(store: MilvusStore) -> None:
    data = np.random.default_rng(0).bytes(3 * PIECE + 7)
    with store.writing():
        store._put_blob("large", data)
        assert store._blob("large") == data
    assert store._blob("large") == data
    with store.writing():
        second = store._pieces(list(store._pieces([key_of(Kind.BLOB, "large", "1")])))
        (piece,) = second.values()
        store._in_batch().put(replace(piece, data=piece.data[::-1]))
    assert store._blob("large") is None  # of two writers
    with store.writing():
        store._drop_blob("large")
    assert store._pieces([key_of(Kind.BLOB, "large", str(n)) for n in range(4)]) == {}


def test_two_writers_have_numbers_of_their_own(stored: Collection, store: MilvusStore) -> None:
    add(stored, range(1))
    with open_collection(stored.place) as other:
        assert isinstance(other.database, MilvusStore)
        add(other, range(1, 2))
        assert other.database._number != store._number
        old = Entity(Kind.WRITER, key_of(Kind.WRITER, "old"), 7, value={"at": 7, "number": 3})
        store._connection.upsert([old], stored.codec)
        store._forget_writers(store._connection.query("", (Kind.WRITER,), strong=True))
        left = store._connection.query("", (Kind.WRITER,), strong=True)
        assert old.key not in {each.key for each in left}


def test_ids_go_on_where_another_clock_is_ahead(stored: Collection, store: MilvusStore) -> None:
    ahead = now() + 100 * A_TICK
    last = Entity(Kind.WRITER, key_of(Kind.WRITER, "ahead"), ahead, value={"at": now()})
    store._connection.upsert([last], stored.codec)
    add(stored, range(1))
    assert store.ids()[0] > ahead
    store._connection.delete([last.key])


def test_show_says_what_searches(
    stored: Collection, store: MilvusStore, run: Run, tmp_path: Path
) -> None:
    add(stored, range(3))
    told = run("show", store.place.url)[1]
    assert "searched by        Milvus 2.3.5-lite: signs of every vector (BIN_FLAT)" in told
    assert '"searched_by": null' not in run("show", store.place.url, "--json")[1]


def test_a_server_that_is_not_there(run: Run, tmp_path: Path) -> None:
    photos = write_plain(tmp_path / "photos", 1)
    place = "milvus://127.0.0.1:9/photos?timeout=1"
    for command in (["index", photos[0], "--into", place], ["find", photos[0], "--in", place]):
        status, _, told = run(*command)
        assert status == 1
        assert "the Milvus server at http://127.0.0.1:9 does not answer" in told
        assert "Traceback" not in told


def test_an_address_that_is_none(run: Run, tmp_path: Path) -> None:
    photos = write_plain(tmp_path / "photos", 1)
    status, _, told = run("index", photos[0], "--into", "milvus://me:secret@localhost/photos")
    assert status != 0
    assert "ORIGINID_MILVUS_TOKEN" in told
    assert "secret" not in told


def test_a_server_is_killed_while_pictures_are_added(
    milvus: MilvusServer, tmp_path: Path, write_photos: WritePhotos
) -> None:
    counts = crash(milvus, milvus.url("crash") + "?timeout=2", 1, 7, tmp_path / "photos")
    assert counts["acknowledged"] > 0
    assert (counts["lost"], counts["doubled"], counts["problems"]) == (0, 0, 0)


def test_adding_goes_on_after_the_server_came_back(
    milvus: MilvusServer, model: Model, write_photos: WritePhotos
) -> None:
    photos = write_photos(4)
    with create_collection(milvus.url("back"), model) as collection:
        add_images(collection, photos[:2])
        milvus.kill()
        milvus.start()
        assert add_images(collection, photos).added == 2
        assert len(collection) == 4
