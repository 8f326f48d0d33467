"""A collection gets the vectors of another model: all of it, at once, and nothing else changes."""

import os
import shutil
import threading
from contextlib import suppress
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import upgrade as upgrade_benchmark
from answers import best
from fixture_types import WritePhotos
from originid import upgrading
from originid.collection import switching
from originid.collection.collection import Collection, create_collection, open_collection
from originid.collection.database import Database
from originid.collection.deciding import decide
from originid.collection.trusted_folders import FOLDERS
from originid.errors import CollectionError, InputError, ModelChangedError, StorageError
from originid.finder import Finder
from originid.indexing import add_images
from originid.model import Model
from originid.system.file_locks import locked_folder
from originid.testing import textured_image
from originid.types import Description
from originid.upgrading import upgrade_collection

PHOTOS = 8


@pytest.fixture
def photos(write_photos: WritePhotos) -> list[Path]:
    return write_photos(PHOTOS)


@pytest.fixture
def place(tmp_path: Path, model: Model, photos: list[Path]) -> Path:
    with create_collection(tmp_path / "collection", model) as collection:
        add_images(collection, [tmp_path / "photos"])
    return tmp_path / "collection"


def codes(collection: Collection) -> dict[str, bytes]:
    """The stored vector of each reference, by its location."""
    database = collection.database
    return {
        row.location: database.codes(np.array([row.id]))[1].tobytes()
        for row in collection.references()
    }


def indexed(folder: Path, model: Model, photos: Path) -> dict[str, bytes]:
    """The vectors that indexing a folder into a new collection stores."""
    with create_collection(folder, model) as collection:
        add_images(collection, [photos])
        return codes(collection)


def made_by(place: Path) -> str:
    """The fingerprint of the model of a collection; every vector must be sound."""
    with open_collection(place) as collection:
        assert list(collection.verify()) == []
        assert collection.database.meta("fingerprint") == collection.model.fingerprint
        first = next(collection.references())
        ((row, score),) = collection.search(collection.model.encode(first.location), 1)[0]
        assert (row.location, score > 0.999) == (first.location, True)
        return collection.model.fingerprint


def test_the_vectors_are_those_of_indexing_with_the_other_model(
    tmp_path: Path, place: Path, other_model: Model
) -> None:
    done = upgrade_collection(place, other_model)
    assert (done.finished, done.already, done.references, done.left) == (True, False, PHOTOS, [])
    with open_collection(place, other_model) as collection:
        assert codes(collection) == indexed(tmp_path / "new", other_model, tmp_path / "photos")
        assert collection.model.name == other_model.name
    assert made_by(place) == other_model.fingerprint
    assert not (place / "upgrade").exists()


def test_a_model_of_the_same_size_leaves_nothing_of_the_one_before(
    place: Path, twin_model: Model
) -> None:
    with open_collection(place) as collection:
        collection.index()  # keeps index.bin
        before = codes(collection)
    upgrade_collection(place, twin_model)
    with open_collection(place) as collection:
        after = codes(collection)
        assert after.keys() == before.keys()
        assert all(after[path] != before[path] for path in after)
        assert [f.is_as_stored() for f in collection.followers] == [True] * 3
    assert made_by(place) == twin_model.fingerprint


def test_what_people_said_and_what_is_kept_of_references_stays(
    tmp_path: Path, place: Path, photos: list[Path], other_model: Model
) -> None:
    os.symlink(photos[1], tmp_path / "another name.png")
    with open_collection(place) as collection:
        add_images(
            collection, [photos[0].parent, tmp_path / "another name.png"], thumbnails=True,
            details=True,
        )  # fmt: skip
        rows = list(collection.references())
        with collection.database.writing():
            collection.database.describe(rows[2].id, Description(caption="a pier"))
        decide(collection, str(photos[3]), str(photos[4]), False, "not this one")
    upgrade_collection(place, other_model)
    with open_collection(place) as collection:
        database, after = collection.database, list(collection.references())
        assert after == rows
        ids = [row.id for row in after]
        assert all(database.thumbnail(key) for key in ids)
        assert database.count_details() == PHOTOS
        assert database.descriptions(ids) == {rows[2].id: Description(caption="a pier")}
        assert [name.location for name in database.names(ids)[rows[1].id]] == [
            str(tmp_path / "another name.png")
        ]
        (decision,) = database.decisions()
        assert (decision.note, decision.confirmed, decision.code) == ("not this one", False, b"")
        finder = Finder(collection)
        rejected = str(photos[4])
        assert rejected not in [m.reference for m in finder.find(photos[3]).matches]


def test_a_file_that_changed_is_read_as_indexing_reads_it(
    place: Path, photos: list[Path], other_model: Model
) -> None:
    Image.fromarray(textured_image(77, 64, 64)).save(photos[5])
    assert upgrade_collection(place, other_model).finished
    with open_collection(place) as collection:
        assert len(collection) == PHOTOS
        assert list(collection.verify(content=True)) == []
        assert best(collection, photos[5]) == str(photos[5])


def test_what_is_gone_or_broken_keeps_the_model_until_it_is_left_out(
    place: Path, photos: list[Path], model: Model, other_model: Model
) -> None:
    photos[0].unlink()
    photos[1].write_bytes(b"no picture")
    done = upgrade_collection(place, other_model)
    assert not done.finished
    assert [failure.path for failure in done.left] == [str(photos[0]), str(photos[1])]
    assert done.left[0].reason == "without their file"
    assert "not an image" in done.left[1].reason
    with open_collection(place, model) as collection:
        assert best(collection, photos[2]) == str(photos[2])
        assert len(collection) == PHOTOS
    done = upgrade_collection(place, other_model, leave_out=True)
    assert (done.finished, done.references, len(done.left)) == (True, PHOTOS - 2, 2)
    assert made_by(place) == other_model.fingerprint


def test_a_copy_of_a_file_stands_for_one_that_is_gone(
    tmp_path: Path, place: Path, photos: list[Path], other_model: Model
) -> None:
    shutil.copyfile(photos[0], tmp_path / "copy.png")
    with open_collection(place) as collection:
        add_images(collection, [tmp_path / "copy.png"])
    photos[0].unlink()
    assert upgrade_collection(place, other_model).finished
    with open_collection(place) as collection:
        assert len(collection) == PHOTOS + 1


def test_fingerprints_without_pictures_are_named(place: Path, other_model: Model) -> None:
    with open_collection(place) as collection:
        rows = list(collection.references())
        with collection.database.writing():
            statement = "UPDATE reference SET width = 0, location = 'https://example.org/1' WHERE"
            collection.database._execute(f"{statement} id = ?", (rows[0].id,))  # type: ignore[attr-defined]
    done = upgrade_collection(place, other_model)
    assert not done.finished
    assert dict(done.kinds) == {"known by fingerprint only": 1}


def test_the_files_of_a_foreign_collection_are_not_opened(
    place: Path, photos: list[Path], other_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(place.parent / "another account"))
    done = upgrade_collection(place, other_model)
    assert not done.finished
    assert dict(done.kinds) == {"with a file that may not be opened": PHOTOS}
    assert done.refused == str(photos[0])
    monkeypatch.setenv(FOLDERS, str(photos[0].parent))
    assert upgrade_collection(place, other_model).finished


def test_the_model_that_is_there_is_left_alone(place: Path, model: Model) -> None:
    before = (place / "collection.sqlite").read_bytes()
    done = upgrade_collection(place, model)
    assert (done.finished, done.already, done.references) == (True, True, PHOTOS)
    assert (place / "collection.sqlite").read_bytes() == before


def test_a_run_goes_on_where_one_ended(
    place: Path, photos: list[Path], other_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos[0].unlink()
    assert not upgrade_collection(place, other_model).finished
    encoder = type(other_model.encoder)
    monkeypatch.setattr(encoder, "encode", lambda self, images: pytest.fail("it was encoded again"))
    assert upgrade_collection(place, other_model, leave_out=True).finished


def test_another_model_begins_anew(
    place: Path, photos: list[Path], other_model: Model, twin_model: Model
) -> None:
    photos[0].unlink()
    upgrade_collection(place, other_model)
    assert upgrade_collection(place, twin_model, leave_out=True).finished
    assert made_by(place) == twin_model.fingerprint


def test_what_others_add_and_remove_meanwhile_is_taken_along(
    place: Path, write_photos: WritePhotos, other_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = write_photos(2, "late", first=50)
    removed: list[str] = []
    real = switching.switch

    def switch_late(folder: Path, *rest: object) -> bool:
        with open_collection(place) as writer:
            if not removed:
                add_images(writer, late)
                removed.append(next(writer.references()).location)
                writer.remove(removed)
        return real(folder, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(upgrading, "switch", switch_late)
    assert upgrade_collection(place, other_model).finished
    with open_collection(place) as collection:
        assert best(collection, late[1]) == str(late[1])
        assert removed[0] not in codes(collection)
    assert made_by(place) == other_model.fingerprint


def test_what_comes_while_vectors_are_counted_is_not_taken_for_lost(
    place: Path, write_photos: WritePhotos, other_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = write_photos(1, "late", first=50)

    def add_late(*arguments: object) -> None:
        with open_collection(place) as writer:
            add_images(writer, late)

    monkeypatch.setattr(upgrading, "calibrate_again", add_late)
    done = upgrade_collection(place, other_model)
    assert (done.finished, done.references, done.left) == (True, PHOTOS + 1, [])


def test_a_file_that_changes_while_it_is_read_is_read_again(
    place: Path, photos: list[Path], other_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds = iter(range(60, 62))

    def change(*arguments: object) -> None:
        for seed in islice(seeds, 1):
            Image.fromarray(textured_image(seed, 64, 64)).save(photos[5])

    real = upgrading._paths

    def then_change(collection: Collection) -> dict[int, str | None]:
        found = real(collection)
        change()
        return found

    monkeypatch.setattr(upgrading, "_paths", then_change)
    assert upgrade_collection(place, other_model).finished
    with open_collection(place) as collection:
        assert list(collection.verify(content=True)) == []


def test_searches_meanwhile_find_the_right_one(
    place: Path, photos: list[Path], model: Model, twin_model: Model
) -> None:
    found: list[tuple[str, bool]] = []
    stop, failed = threading.Event(), []

    def search() -> None:
        try:
            while not stop.is_set():
                with suppress(ModelChangedError), Finder.open(place) as finder:
                    (best, *_) = finder.find(photos[1], effort="quick").matches
                    found.append((best.reference, best.score > 0.999))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=search) for _ in range(2)]
    for thread in threads:
        thread.start()
    for target in (twin_model, model) * 3:
        assert upgrade_collection(place, target).finished
    stop.set()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(found) > 6
    assert set(found) == {(str(photos[1]), True)}


@pytest.mark.parametrize("name", ["other_model", "twin_model"])
def test_whoever_has_it_open_never_sees_both(
    place: Path, photos: list[Path], name: str, request: pytest.FixtureRequest
) -> None:
    target: Model = request.getfixturevalue(name)
    with open_collection(place) as reader, Finder.open(place) as finder:
        assert best(reader, photos[0]) == str(photos[0])
        upgrade_collection(place, target)
        for use in (
            lambda: reader.search(reader.model.encode(photos[0]), 1),
            lambda: len(reader),
            lambda: reader.calibration(),
            lambda: add_images(reader, [photos[0].parent]),
            lambda: reader.remove([str(photos[0])]),
            lambda: finder.find(photos[0]),
        ):
            with pytest.raises(ModelChangedError, match="got another model"):
                use()
        finder.renew()
        assert finder.collection.model.fingerprint == target.fingerprint
        assert finder.find(photos[0]).matches[0].reference == str(photos[0])
        renewed = finder.collection
        finder.renew()
        assert finder.collection is renewed
    assert made_by(place) == target.fingerprint


def test_a_full_disk_at_the_end_changes_nothing(
    place: Path, model: Model, other_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Database.give_vector

    def full(self: Database, *values: object) -> None:
        self._connection.execute("PRAGMA max_page_count = 1")
        pages = self._connection.execute("PRAGMA page_count").fetchone()[0]
        self._connection.execute(f"PRAGMA max_page_count = {pages}")
        self._execute("INSERT INTO thumbnail VALUES (?, zeroblob(3000000))", (10**9,))
        real(self, *values)  # type: ignore[arg-type]

    monkeypatch.setattr(Database, "give_vector", full)
    with pytest.raises(StorageError, match="full"):
        upgrade_collection(place, other_model)
    assert made_by(place) == model.fingerprint
    monkeypatch.undo()
    assert upgrade_collection(place, other_model).finished


def test_one_upgrade_at_a_time(place: Path, other_model: Model) -> None:
    with locked_folder(place) as held:
        assert held
        with pytest.raises(StorageError, match="by another process"):
            upgrade_collection(place, other_model)
    with locked_folder(place) as held:
        assert held


def test_what_is_no_folder_with_a_collection_is_refused(tmp_path: Path, model: Model) -> None:
    with pytest.raises(CollectionError, match="no collection at"):
        upgrade_collection(tmp_path / "nothing", model)
    with pytest.raises(InputError, match="on a server"):
        upgrade_collection("postgresql://host/base", model)


def test_a_link_in_the_place_of_the_work_is_refused(
    tmp_path: Path, place: Path, other_model: Model
) -> None:
    (tmp_path / "elsewhere").mkdir()
    os.symlink(tmp_path / "elsewhere", place / "upgrade")
    with pytest.raises(CollectionError, match="a link to another file"):
        upgrade_collection(place, other_model)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_the_benchmark_runs(tmp_path: Path) -> None:
    wall, core = upgrade_benchmark.measure(tmp_path, 40)
    assert core > 0
    assert 0 < wall < 60
    with open_collection(tmp_path / "old") as collection:
        assert len(collection) == 40
