"""A collection looks only at files in folders that this account named, whatever it stores."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from fixture_types import WritePhotos
from originid import Finder, add_images
from originid.collection.adding import store_images
from originid.collection.collection import Collection, create_collection, open_collection
from originid.collection.trusted_folders import FOLDERS
from originid.collection.verifying import compared
from originid.copying import copy_collection
from originid.errors import InputError
from originid.model import Model

PHOTOS = 5


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder of an account without a key."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def made(tmp_path: Path, model: Model, write_photos: WritePhotos, home: Path) -> Path:
    """A closed collection of some photos, made by this account."""
    write_photos(PHOTOS)
    with create_collection(tmp_path / "made", model) as collection:
        store_images(collection, [tmp_path / "photos"])
    return tmp_path / "made"


@pytest.fixture
def stranger(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same collection, as another account sees it."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "elsewhere"))
    return made


@pytest.fixture
def touched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> set[str]:
    """The names of the photos that are opened or looked at."""
    seen: set[str] = set()
    photos = str(tmp_path / "photos")

    def noting(name: str) -> None:
        """Note which photos a function of the module os is called with."""
        function = getattr(os, name)

        def call(path: object, *more: object, **named: object) -> object:
            """Note the path, and go on."""
            if isinstance(path, str | os.PathLike) and str(path).startswith(photos):
                seen.add(os.path.basename(path))
            return function(path, *more, **named)

        monkeypatch.setattr(os, name, call)

    for name in ("stat", "lstat", "open", "readlink"):
        noting(name)
    return seen


def forge(folder: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(folder / "collection.sqlite")) as connection:
        connection.execute(statement, values)
        connection.commit()


def trusted(collection: Collection) -> list[bool]:
    return [collection.database.trusts(row.location) for row in collection.references()]


def query(tmp_path: Path) -> bytes:
    return (tmp_path / "photos" / "0001.png").read_bytes()


def test_files_of_indexed_folders_are_trusted_by_later_processes(made: Path) -> None:
    with open_collection(made) as collection:
        assert trusted(collection) == [True] * PHOTOS
        assert collection.database.refused is None


def test_a_collection_that_is_copied_and_moved_stays_trusted(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path / "copy")
    made.rename(tmp_path / "moved")
    for name in ("copy", "moved"):
        with open_collection(tmp_path / name) as collection:
            assert trusted(collection) == [True] * PHOTOS


def test_files_that_were_named_singly_are_trusted(
    tmp_path: Path, model: Model, write_photos: WritePhotos, home: Path
) -> None:
    paths = write_photos(3)
    with create_collection(tmp_path / "made", model) as collection:
        store_images(collection, paths[:2])
    with open_collection(tmp_path / "made") as collection:
        assert [collection.database.trusts(str(path)) for path in paths] == [True, True, False]


def test_nothing_of_a_stranger_is_opened(stranger: Path, tmp_path: Path, touched: set[str]) -> None:
    asked = query(tmp_path)
    touched.clear()
    with open_collection(stranger) as collection:
        finder = Finder(collection)
        answer = finder.find(asked, top=2, effort="thorough")
        assert [(match.exists, match.trusted) for match in answer.matches] == [(True, False)] * 2
        assert Path(answer.matches[0].reference).name == "0001.png"
        assert "<img" not in answer._repr_html_()
        with pytest.raises(InputError, match="may not be opened") as caught:
            finder.explain(asked, answer)
        assert f"{FOLDERS}={tmp_path / 'photos'}" in caught.value.todo
        assert list(collection.verify()) == list(collection.verify(content=True)) == []
        assert (
            compared(collection.database, True) == "content of 0 files; 5 files may not be opened"
        )
        assert collection.database.refused is not None
    assert touched == set()
    assert not (tmp_path / "elsewhere").exists()  # reading makes no key


def test_what_the_variable_names_is_trusted(
    stranger: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_collection(stranger) as collection:
        for value, expected in (
            (str(tmp_path / "photos"), True),
            (str(tmp_path), True),
            (os.pathsep.join(["/srv/none", str(tmp_path / "photos"), ""]), True),
            (os.path.relpath(tmp_path / "photos"), True),
            (str(tmp_path / "phot"), False),
            (str(tmp_path / "photos" / "other"), False),
            ("", False),
        ):
            monkeypatch.setenv(FOLDERS, value)
            assert trusted(collection) == [expected] * PHOTOS
        monkeypatch.setenv(FOLDERS, str(tmp_path / "photos"))
        answer = Finder(collection).find(query(tmp_path), top=1)
        assert answer.matches[0].trusted
        assert "<img" in answer._repr_html_()
        Finder(collection).explain(query(tmp_path), answer)


def test_indexing_again_signs_only_what_was_named(stranger: Path, tmp_path: Path) -> None:
    forge(stranger, "UPDATE reference SET location = '/srv/secret.png' WHERE id = 2")
    with open_collection(stranger) as collection, open_collection(stranger) as other:
        assert trusted(other) == [False] * PHOTOS
        added = store_images(collection, [tmp_path / "photos"])
        assert added.unchanged == PHOTOS - 1
        for each in (collection, other):  # another process learns of it at once
            assert each.database.trusts(str(tmp_path / "photos" / "0003.png"))
            assert not each.database.trusts("/srv/secret.png")


def test_a_key_of_another_account_signs_nothing_here(
    stranger: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_collection(stranger) as collection:
        store_images(collection, [tmp_path / "photos"])  # both accounts have signed it now
    for home, expected in (("home", True), ("elsewhere", True), ("third", False)):
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / home))
        with open_collection(stranger) as collection:
            assert trusted(collection) == [expected] * PHOTOS


FORGERIES = {
    "another folder": "UPDATE folder SET location = '/'",
    "the folder above": "UPDATE folder SET location = rtrim(location, 'photos')",
    "another collection": "UPDATE meta SET value = lower(hex(randomblob(16))) WHERE key = 'id'",
    "no collection": "DELETE FROM meta WHERE key = 'id'",
    "an odd collection": "UPDATE meta SET value = 'None' WHERE key = 'id'",
    "another signature": "UPDATE folder SET signature = randomblob(32)",
    "no signature": "UPDATE folder SET signature = x''",
    "a signature in text": "UPDATE folder SET signature = 'text'",
    "a path in bytes": "UPDATE folder SET location = CAST(location AS BLOB)",
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_folder_is_not_trusted(made: Path, name: str, tmp_path: Path) -> None:
    forge(made, FORGERIES[name])
    with open_collection(made) as collection:
        assert trusted(collection) == [False] * PHOTOS
        store_images(collection, [tmp_path / "photos"])
    with open_collection(made) as collection:
        assert trusted(collection) == [True] * PHOTOS


@pytest.mark.parametrize(
    "place",
    [
        "../secret.png",
        "x/../../secret.png",
        "x/../0001.png",
        "./0001.png",
        ".hidden.png",
        ".ssh/id_rsa",
        "x/.ssh/id_rsa",
        "0001.png\0",
        "x" * 5000,
    ],
)
def test_a_trusted_folder_is_not_left(made: Path, tmp_path: Path, place: str) -> None:
    with open_collection(made) as collection:
        assert not collection.database.trusts(f"{tmp_path}/photos/{place}")
        assert not collection.database.trusts(place)
        assert collection.database.is_there(f"{tmp_path}/photos/{place}") is None


def test_a_folder_whose_name_begins_with_a_full_stop_may_be_named(
    made: Path, tmp_path: Path
) -> None:
    (tmp_path / "photos" / ".kept" / "x").mkdir(parents=True)
    inside = shutil.copy(tmp_path / "photos" / "0001.png", tmp_path / "photos" / ".kept" / "x")
    with open_collection(made) as collection:
        assert not collection.database.trusts(str(inside))
        store_images(collection, [tmp_path / "photos" / ".kept"])
        assert collection.database.trusts(str(inside))


def test_indexing_looks_at_nothing_outside_of_what_was_named(
    stranger: Path, tmp_path: Path, touched: set[str], write_photos: WritePhotos
) -> None:
    """Not for files that are gone, moved, links, or that failed."""
    other = write_photos(1, "other", first=50)[0]
    copy = tmp_path / "other" / "copy.png"
    copy.write_bytes(query(tmp_path))
    secret = f"{other.parent}/../photos/0004.png"
    forge(stranger, "INSERT INTO name VALUES (?, 'x', 1)", str(tmp_path / "photos" / "0003.png"))
    forge(stranger, "INSERT INTO name VALUES (?, 'x', 1)", f"{other.parent}/../photos/0003.png")
    forge(stranger, "INSERT INTO failure VALUES (?, 'x', 'y')", str(tmp_path / "photos" / "f"))
    forge(stranger, "UPDATE reference SET location = ? WHERE id = 5", secret)
    touched.clear()
    with open_collection(stranger) as collection:
        added = add_images(collection, [other.parent], prune=True)
        assert (added.added, added.moved, added.pruned) == (1, 1, 0)
        assert {failure.path for failure in collection.failures()} == {"x"}
        moved = collection.database.at(str(copy))
        assert moved is not None
        assert moved.id == 2
    assert touched == set()


def test_without_a_home_only_this_process_knows(
    tmp_path: Path, model: Model, write_photos: WritePhotos, home: Path
) -> None:
    home.write_text("a file")
    paths = write_photos(2)
    with create_collection(tmp_path / "made", model) as collection:
        added = store_images(collection, paths)
        assert (added.added, trusted(collection)) == (2, [True, True])
        assert str(home) in added.unsigned
        assert str(home) in copy_collection(collection, tmp_path / "copy").unsigned
    with open_collection(tmp_path / "made") as collection:
        assert trusted(collection) == [False, False]
