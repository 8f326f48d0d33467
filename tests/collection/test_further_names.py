"""One file by several paths is one reference with further names."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from answers import best, counts
from fixture_types import WritePhotos
from originid.collection.adding import store_images
from originid.collection.collection import Collection, open_collection
from originid.collection.naming import find_reference
from originid.finder import Finder
from originid.system import file_status
from sqlite_of import sqlite_of

Link = Callable[[Path, Path], None]


@pytest.fixture
def photos(tmp_path: Path, write_photos: WritePhotos) -> tuple[Path, Path]:
    """A photo, and a place for another path of it in another folder."""
    other = tmp_path / "other"
    other.mkdir()
    return write_photos(1)[0], other / "name.png"


def state(collection: Collection) -> dict[str, list[str]]:
    """The further names of each reference, by file name."""
    rows = list(collection.references())
    names = collection.database.names([row.id for row in rows])
    return {
        Path(row.location).name: [Path(name.location).name for name in names.get(row.id, [])]
        for row in rows
    }


@pytest.mark.parametrize("link", [os.link, os.symlink])
def test_a_link_of_a_later_run_is_a_further_name(
    link: Link, collection: Collection, photos: tuple[Path, Path]
) -> None:
    photo, name = photos
    store_images(collection, [photo])
    link(photo, name)
    added = store_images(collection, [name])
    assert (counts(added), added.names, added.seen) == ((0, 0, 0, 0, 0), 1, 1)
    assert state(collection) == {"0000.png": ["name.png"]}
    again = store_images(collection, [photo, name])
    assert (counts(again), again.names) == ((0, 0, 0, 2, 0), 0)
    (match,) = Finder(collection).find(name).matches
    assert (match.reference, match.copies) == (str(photo), (str(name),))
    assert find_reference(collection, str(name)).location == str(photo)
    assert list(collection.verify()) == []


@pytest.mark.parametrize("link", [os.link, os.symlink])
def test_a_file_and_its_link_in_one_run_are_one_reference(
    link: Link, collection: Collection, photos: tuple[Path, Path]
) -> None:
    photo, name = photos
    link(photo, name)
    added = store_images(collection, [name, photo])
    assert (counts(added), added.names) == ((1, 0, 0, 0, 0), 1)
    assert state(collection) == {"name.png": ["0000.png"]}
    assert collection.database.count_names() == 1


def test_copies_of_the_content_stay_two_references(
    collection: Collection, photos: tuple[Path, Path]
) -> None:
    photo, name = photos
    shutil.copy(photo, name)
    added = store_images(collection, [photo, name])
    assert (counts(added), added.names) == ((2, 0, 0, 0, 0), 0)
    assert state(collection) == {"0000.png": [], "name.png": []}


def test_a_copy_that_becomes_a_link_joins_the_other_reference(
    collection: Collection, photos: tuple[Path, Path]
) -> None:
    photo, name = photos
    shutil.copy(photo, name)
    store_images(collection, [photo, name])
    name.unlink()
    os.link(photo, name)
    added = store_images(collection, [name])
    assert (counts(added), added.names) == ((0, 0, 0, 0, 0), 1)
    assert state(collection) == {"0000.png": ["name.png"]}
    # And apart again.
    shutil.copy(photo, name.with_name("copy"))
    os.replace(name.with_name("copy"), name)
    assert counts(store_images(collection, [photo, name])) == (1, 0, 0, 1, 0)
    assert state(collection) == {"0000.png": [], "name.png": []}


def test_removing_one_name_leaves_the_other(
    collection: Collection, photos: tuple[Path, Path]
) -> None:
    photo, name = photos
    os.link(photo, name)
    store_images(collection, [photo, name])
    assert collection.remove([str(photo.parent)]) == []
    assert state(collection) == {"name.png": []}
    assert best(collection, name) == str(name)
    store_images(collection, [photo])
    assert state(collection) == {"name.png": ["0000.png"]}
    assert collection.remove([str(photo)]) == []
    assert collection.remove([str(photo)]) == [str(photo)]
    assert state(collection) == {"name.png": []}
    assert collection.remove([str(name)]) == []
    assert state(collection) == {}


def test_removing_both_removes_the_reference(
    collection: Collection, photos: tuple[Path, Path], tmp_path: Path
) -> None:
    photo, name = photos
    os.link(photo, name)
    store_images(collection, [photo, name])
    assert collection.remove([str(tmp_path)]) == []
    assert (len(collection), collection.database.count_names()) == (0, 0)
    assert len(collection.database.ids()) == 0


@pytest.mark.parametrize("seen", [0, 1])
def test_a_change_by_either_name_is_seen(
    seen: int, collection: Collection, photos: tuple[Path, Path], write_photos: WritePhotos
) -> None:
    photo, name = photos
    os.link(photo, name)
    store_images(collection, [photo, name])
    new = write_photos(1, "new", first=5)[0]
    name.write_bytes(new.read_bytes())  # in place: both paths show the new picture
    store_images(collection, [photos[seen]])
    assert best(collection, new) == str(photos[seen])
    store_images(collection, [photo, name])
    assert len(collection) == 1
    assert collection.database.count_names() == 1
    assert list(collection.verify()) == []
    assert counts(store_images(collection, [photo, name])) == (0, 0, 0, 2, 0)


def test_a_hard_link_that_an_editor_cuts_becomes_a_reference(
    collection: Collection, photos: tuple[Path, Path], write_photos: WritePhotos
) -> None:
    photo, name = photos
    os.link(photo, name)
    store_images(collection, [photo, name])
    old = photo.read_bytes()
    new = write_photos(1, "new", first=5)[0]
    os.replace(new, photo)  # as an editor saves: the other path keeps the old picture
    assert counts(store_images(collection, [photo])) == (0, 1, 0, 0, 0)
    assert state(collection) == {"0000.png": [], "name.png": []}
    assert best(collection, photo) == str(photo)
    new.write_bytes(old)
    assert best(collection, new) == str(name)
    assert counts(store_images(collection, [name])) == (0, 0, 0, 1, 0)
    assert list(collection.verify()) == []


def test_a_link_that_leads_elsewhere_later(
    collection: Collection, photos: tuple[Path, Path], write_photos: WritePhotos
) -> None:
    photo, name = photos
    name.symlink_to(photo)
    store_images(collection, [photo, name])
    other = write_photos(1, "new", first=5)[0]
    name.unlink()
    name.symlink_to(other)
    assert counts(store_images(collection, [name])) == (1, 0, 0, 0, 0)
    assert state(collection) == {"0000.png": [], "name.png": []}
    assert best(collection, other) == str(name)
    # Now to a file that is stored.
    name.unlink()
    name.symlink_to(photo)
    assert store_images(collection, [name]).names == 1
    assert state(collection) == {"0000.png": ["name.png"]}


def test_a_reference_named_by_its_link_gets_the_name_of_the_file(
    collection: Collection, photos: tuple[Path, Path], write_photos: WritePhotos
) -> None:
    photo, name = photos
    name.symlink_to(photo)
    store_images(collection, [name])
    store_images(collection, [photo])
    assert state(collection) == {"name.png": ["0000.png"]}
    name.unlink()
    added = store_images(collection, [photo])
    assert (added.moved, state(collection)) == (1, {"0000.png": []})


def test_names_in_a_vanished_place_are_dropped_and_promoted(
    collection: Collection, photos: tuple[Path, Path], write_photos: WritePhotos
) -> None:
    photo, name = photos
    write_photos(1, "other", first=9)
    os.link(photo, name)
    store_images(collection, [photo, name])
    name.unlink()
    store_images(collection, [name.parent])
    assert state(collection) == {"0000.png": [], "0009.png": []}
    os.link(photo, name)
    store_images(collection, [name])
    write_photos(1, first=8)
    photo.unlink()
    added = store_images(collection, [photo.parent])
    assert (added.moved, added.gone) == (1, 0)
    assert sorted(state(collection)) == ["0008.png", "0009.png", "name.png"]
    assert collection.database.count_names() == 0


def test_a_moved_file_with_a_living_name_is_not_moved_to_a_copy(
    collection: Collection, photos: tuple[Path, Path]
) -> None:
    photo, name = photos
    os.link(photo, name)
    store_images(collection, [photo, name])
    copy = name.with_name("copy.png")
    shutil.copy(photo, copy)
    photo.unlink()
    assert counts(store_images(collection, [copy])) == (1, 0, 0, 0, 0)
    assert counts(store_images(collection, [name])) == (0, 0, 1, 0, 0)
    assert state(collection) == {"name.png": [], "copy.png": []}


def test_a_mounted_folder_shows_the_same_files(
    collection: Collection, photos: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Acted: the two files have one device and one inode."""
    photo, name = photos
    shutil.copy(photo, name)
    real = os.stat

    def stat(path: str | Path, **options: bool) -> os.stat_result:
        return real(photo if str(path) == str(name) else path, **options)

    with monkeypatch.context() as patched:
        patched.setattr(os, "stat", stat)
        assert file_status.same_file(str(photo), str(name))
        store_images(collection, [photo])
        assert store_images(collection, [name]).names == 1


def test_details_are_added_by_either_name(
    collection: Collection, photos: tuple[Path, Path]
) -> None:
    photo, name = photos
    store_images(collection, [photo])
    os.link(photo, name)
    added = store_images(collection, [name], details=True)
    assert (added.names, collection.database.count_details()) == (1, 1)
    assert state(collection) == {"0000.png": ["name.png"]}
    assert counts(store_images(collection, [photo, name])) == (0, 0, 0, 2, 0)


def test_a_file_that_became_a_link_inside_of_its_folder(
    collection: Collection, write_photos: WritePhotos
) -> None:
    """A walk takes the link for its target, and still its reference is not left as it was."""
    one, two = write_photos(2)
    store_images(collection, [one.parent])
    two.unlink()
    two.symlink_to(one)
    added = store_images(collection, [one.parent])
    assert (added.unchanged, added.names) == (1, 1)
    assert state(collection) == {"0000.png": ["0001.png"]}
    one.unlink()
    one.symlink_to(two)  # they lead to each other: there is no file any more
    assert store_images(collection, [one.parent], prune=True).pruned == 1


def test_a_damaged_vector_is_not_kept_under_another_name(
    collection: Collection, photos: tuple[Path, Path]
) -> None:
    photo, name = photos
    os.link(photo, name)
    store_images(collection, [photo, name])
    with collection.database.writing():
        sqlite_of(collection)._connection.execute("UPDATE vector SET crc32 = crc32 + 1")
    (problem,) = collection.verify()
    assert collection.remove([problem.path]) == []
    assert counts(store_images(collection, [photo, name])) == (1, 0, 0, 0, 0)
    assert (list(collection.verify()), collection.database.count_names()) == ([], 1)


def test_forged_names_lead_to_nothing(collection: Collection, photos: tuple[Path, Path]) -> None:
    photo, _ = photos
    store_images(collection, [photo])
    with collection.database.writing():
        for values in ("'/a', x'00', 1", "x'01', 'b', 1", "'/c', 'c', 'x'", "'/d', 'd', 99"):
            sqlite_of(collection)._connection.execute(f"INSERT INTO name VALUES ({values})")
    assert Finder(collection).find(photo).matches[0].copies == ()
    assert collection.remove(["/c", "/d", "/nothing"]) == ["/nothing"]
    assert counts(store_images(collection, [photo])) == (0, 0, 0, 1, 0)


def test_a_broken_file_has_no_names(collection: Collection, photos: tuple[Path, Path]) -> None:
    photo, name = photos
    photo.write_bytes(b"no image")
    os.link(photo, name)
    added = store_images(collection, [photo, name])
    assert counts(added) == (0, 0, 0, 0, 2)
    assert added.names == 0


def statements(collection: Collection, work: Callable[[], object]) -> list[str]:
    """What SQLite is asked while something is done."""
    asked: list[str] = []
    connection = sqlite_of(collection)._connection
    connection.set_trace_callback(asked.append)
    work()
    connection.set_trace_callback(None)
    return asked


def test_further_names_are_asked_for_only_where_there_are_any(
    collection: Collection, write_photos: WritePhotos, tmp_path: Path
) -> None:
    photos = write_photos(20)
    asked = statements(collection, lambda: store_images(collection, photos))
    of_names = [each for each in asked if " name WHERE" in each or " name LIMIT" in each]
    # One look-up for all files together, and one for each of the two transactions.
    assert len(of_names) <= 5
    assert sum("FROM reference WHERE location" in each for each in asked) <= len(photos) + 1
    os.link(photos[0], tmp_path / "link.png")
    store_images(collection, [tmp_path / "link.png"])
    assert state(collection)["0000.png"] == ["link.png"]


def test_a_name_that_another_process_adds_between_transactions_is_seen(
    collection: Collection, photos: tuple[Path, Path]
) -> None:
    photo, name = photos
    store_images(collection, [photo])
    with collection.database.writing():
        assert collection.database.named(str(name)) is None
    os.link(photo, name)
    with open_collection(collection.path) as other:
        store_images(other, [name])
    row = collection.database.at(str(photo))
    assert row
    assert collection.database.named(str(name)) == row.id
    with collection.database.writing():
        assert collection.database.named(str(name)) == row.id


def test_many_paths_are_looked_up_at_once(
    collection: Collection, write_photos: WritePhotos, tmp_path: Path
) -> None:
    photos = [str(path) for path in write_photos(600)]
    link = str(tmp_path / "link.png")
    os.link(photos[7], link)
    store_images(collection, [*photos, link])
    found = collection.database.all_reached_by([*photos, link, "/nowhere"])
    assert {path: row.location for path, row in found.items()} == {
        **{path: path for path in photos},
        link: photos[7],
    }
    row = found[link]
    assert collection.database.contents([row.sha256, bytes(32)]) == {row.sha256}
