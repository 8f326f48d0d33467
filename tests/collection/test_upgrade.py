"""A collection of an earlier format is upgraded by its first writing, all of it or nothing."""

import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from fixture_types import WritePhotos
from originid import Finder
from originid.collection.adding import store_images
from originid.collection.collection import Collection, open_collection
from originid.collection.deciding import decide, forget
from originid.collection.decisions import Decision
from originid.collection.schema import FORMAT
from originid.errors import CollectionError, InputError, StorageError
from sqlite_of import sqlite_of

FIRST_EDITION = Path(__file__).parents[1] / "fixtures" / "first-edition"
NEW_TABLES = {
    "cohort",
    "decision",
    "description",
    "folder",
    "form",
    "manifest",
    "name",
    "thumbnail",
}
PHOTOS = 6


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FIRST_EDITION, tmp_path / "old"))


@pytest.fixture
def held(old: Path) -> Iterator[sqlite3.Connection]:
    """Another process that is writing to the collection."""
    with closing(sqlite3.connect(old / "collection.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other


def impatient(collection: Collection) -> Collection:
    sqlite_of(collection)._connection.execute("PRAGMA busy_timeout = 1")
    return collection


def state(folder: Path) -> tuple[int, bool, set[str]]:
    """The format of a file, whether it holds information, and which of the new tables it has."""
    with closing(sqlite3.connect(folder / "collection.sqlite")) as connection:
        (found,) = connection.execute("PRAGMA user_version").fetchone()
        columns = {row[1] for row in connection.execute("PRAGMA table_info(reference)")}
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    return found, "information" in columns, tables & NEW_TABLES


def test_the_whole_format_comes_in_one_step(old: Path) -> None:
    assert state(old) == (1, False, set())
    with open_collection(old) as collection, collection.database.writing():
        pass
    assert state(old) == (FORMAT, True, NEW_TABLES)


def test_while_another_process_writes_nothing_is_upgraded(
    old: Path, held: sqlite3.Connection, write_photos: WritePhotos
) -> None:
    photo = write_photos(1)[0]
    with open_collection(old) as collection:
        impatient(collection)
        with pytest.raises(StorageError) as caught:
            store_images(collection, [photo])
        assert "another process" in caught.value.given
        assert "60 seconds" in caught.value.expected
        assert caught.value.todo.startswith("wait for the other process")
        # It is read as before.
        assert collection.database.format == 1
        assert Finder(collection).find(photo).matches[0].score > 0.999
        held.execute("ROLLBACK")
        assert state(old) == (1, False, set())
        assert store_images(collection, []).failures == []
    assert state(old) == (FORMAT, True, NEW_TABLES)


def test_a_writing_that_fails_leaves_the_first_format(old: Path) -> None:
    with open_collection(old) as collection:
        unusable = Decision(b"q", None, True, "")  # type: ignore[arg-type]
        with pytest.raises(CollectionError), collection.database.writing():
            collection.database.record_decision(unusable)
        assert collection.database.format == 1
        assert len(list(collection.references())) == PHOTOS
        assert state(old) == (1, False, set())


def test_what_another_process_upgraded_is_not_upgraded_again(old: Path) -> None:
    with open_collection(old) as first, open_collection(old) as second:
        removed = next(first.references()).location
        first.remove([removed])
        assert (first.database.format, second.database.format) == (FORMAT, 1)
        # The second one still reads, and then writes as if it had always been of the newest format.
        assert len(list(second.references())) == PHOTOS - 1
        assert second.calibration().strangers is None
        assert second.database.count_blank() is None
        assert second.remove([next(second.references()).location]) == []
        assert second.database.format == FORMAT
        assert second.database.count_blank() == 0
        assert len(first) == PHOTOS - 2


def test_many_upgrade_at_once(old: Path, write_photos: WritePhotos) -> None:
    paths = write_photos(12, first=50)
    errors: list[BaseException] = []
    with ExitStack() as stack:
        opened = [stack.enter_context(open_collection(old)) for _ in range(4)]
        start = threading.Barrier(4)

        def add(collection: Collection, some: list[Path]) -> None:
            try:
                start.wait()
                store_images(collection, some, workers=1)
            except BaseException as error:
                errors.append(error)

        threads = [
            threading.Thread(target=add, args=(collection, paths[i::4]))
            for i, collection in enumerate(opened)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert {collection.database.format for collection in opened} == {FORMAT}
    with open_collection(old) as again:
        assert len(again) == PHOTOS + 12
        again.calibrate()
        members = again.database.cohort().cohort.members
        assert sorted(members.tolist()) == again.database.ids().tolist()
    assert state(old) == (FORMAT, True, NEW_TABLES)


def test_a_decision_can_be_the_first_writing(old: Path, write_photos: WritePhotos) -> None:
    query = write_photos(1, first=70)[0]
    with open_collection(old) as collection:
        with pytest.raises(InputError, match="no decision on"):
            forget(collection, str(query), "/nowhere.png")
        reference = next(collection.references())
        made = decide(collection, str(query), reference.sha256.hex(), True)
        assert collection.database.decisions() == [made]
    assert state(old) == (FORMAT, True, NEW_TABLES)


def test_a_copy_of_a_reference_that_was_not_measured_is_not_measured_either(
    old: Path, tmp_path: Path, write_photos: WritePhotos
) -> None:
    """A file with known content is not decoded, so nothing new is learnt of it."""
    photo = write_photos(1, first=60)[0]
    copy = tmp_path / "copy.png"
    shutil.copy(photo, copy)
    with open_collection(old) as collection:
        store_images(collection, [photo])
        with collection.database.writing():
            sqlite_of(collection)._connection.execute("UPDATE reference SET information = NULL")
        assert store_images(collection, [copy]).added == 1
        stored = collection.database.at(str(copy))
        assert stored is not None
        assert stored.information is None
        assert (stored.width, stored.height) == (64, 64)


@pytest.mark.parametrize("found", [0, FORMAT + 1, 99, -1])
def test_other_formats_are_refused_in_three_parts(old: Path, found: int) -> None:
    with closing(sqlite3.connect(old / "collection.sqlite")) as connection:
        connection.execute(f"PRAGMA user_version = {found}")
    with pytest.raises(CollectionError) as caught:
        open_collection(old)
    assert caught.value.given == f"{old} has collection format {found}"
    assert caught.value.expected == "expected format 1 or 2 or 3 or 4 or 5"
    assert caught.value.todo.startswith("index the images again")


@pytest.fixture
def read_only(old: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A collection on a medium that cannot be written; it is acted, as root may write anywhere."""
    connect, access = sqlite3.connect, os.access

    def refuse(target: str, **options: object) -> sqlite3.Connection:
        if "mode=rw" in target:
            raise sqlite3.OperationalError("unable to open database file")
        return connect(target, **options)  # type: ignore[call-overload,no-any-return]

    monkeypatch.setattr(sqlite3, "connect", refuse)
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and access(path, mode))
    return old


def test_a_read_only_collection_of_format_1_is_read_and_never_written(
    read_only: Path, write_photos: WritePhotos
) -> None:
    before = (read_only / "collection.sqlite").read_bytes()
    photo = write_photos(1)[0]
    with open_collection(read_only) as collection:
        assert Finder(collection).find(photo).matches[0].score > 0.999
        assert collection.database.decisions() == []
        assert collection.database.count_blank() is None
        assert collection.calibration().strangers is None
        reference = next(collection.references()).sha256.hex()
        for write in (
            lambda: store_images(collection, [photo]),
            lambda: collection.remove(["/archive"]),
            lambda: decide(collection, str(photo), reference, True),
            collection.calibrate,
        ):
            with pytest.raises(StorageError) as caught:
                write()
            assert "cannot write" in caught.value.given
            assert "may write" in caught.value.expected
        assert collection.database.format == 1
    assert (read_only / "collection.sqlite").read_bytes() == before
