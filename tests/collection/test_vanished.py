"""References whose files are gone: counted, pruned, or kept where a disk may not be mounted."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from fixture_types import WritePhotos
from originid.collection.added import Added
from originid.collection.adding import store_images
from originid.collection.collection import Collection
from originid.finder import Finder


def told(added: Added) -> tuple[int, int, dict[str, int]]:
    return added.gone, added.pruned, added.kept


def test_gone_references_are_counted_and_pruned(
    collection: Collection, write_photos: WritePhotos
) -> None:
    paths = write_photos(5)
    store_images(collection, [paths[0].parent])
    for path in paths[:3]:
        path.unlink()
    added = store_images(collection, [paths[0].parent])
    assert (told(added), added.unchanged, len(collection)) == ((3, 0, {}), 2, 5)
    assert told(store_images(collection, [paths[4]])) == (0, 0, {})  # not under what was given
    added = store_images(collection, [paths[0].parent], prune=True)
    assert (told(added), len(collection)) == ((0, 3, {}), 2)
    assert told(store_images(collection, [paths[0].parent], prune=True)) == (0, 0, {})
    assert [m.reference for m in Finder(collection).find(paths[3]).matches] == [
        str(path) for path in paths[3:]
    ]


def test_what_moved_is_not_gone(
    collection: Collection, write_photos: WritePhotos, tmp_path: Path
) -> None:
    paths = write_photos(3)
    store_images(collection, [tmp_path / "photos"])
    (tmp_path / "photos" / "sub").mkdir()
    shutil.move(paths[0], tmp_path / "photos" / "sub" / "a.png")
    added = store_images(collection, [tmp_path / "photos"], prune=True)
    assert (added.moved, told(added)) == (1, (0, 0, {}))


def test_other_folders_are_left_alone(
    collection: Collection, write_photos: WritePhotos, tmp_path: Path
) -> None:
    one, two = write_photos(2, "one"), write_photos(2, "one-more", first=5)
    store_images(collection, [tmp_path])
    one[0].unlink()
    two[0].unlink()
    assert told(store_images(collection, [tmp_path / "one"], prune=True)) == (0, 1, {})
    assert len(collection) == 3


@pytest.mark.parametrize("prune", [False, True])
def test_a_folder_that_is_missing_or_empty_keeps_its_references(
    prune: bool, collection: Collection, write_photos: WritePhotos, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    write_photos(2, "disk")
    write_photos(1, "disk/deep/er", first=5)
    store_images(collection, [disk])
    shutil.rmtree(disk)
    added = store_images(collection, [disk], prune=prune)
    assert (told(added), len(collection)) == ((3, 0, {str(disk): 3}), 3)
    assert [failure.reason for failure in added.failures] == ["No such file or directory"]
    (disk / "deep" / "er").mkdir(parents=True)
    added = store_images(collection, [disk], prune=prune)
    assert (told(added), added.failures) == ((3, 0, {str(disk): 3}), [])
    (disk / "notes.txt").touch()  # so it is there, and the photos in it are gone
    added = store_images(collection, [disk], prune=prune)
    kept = {str(disk / "deep" / "er"): 1}
    assert told(added) == ((1, 2, kept) if prune else (3, 0, kept))
    assert collection.remove([str(disk)]) == []
    assert len(collection) == 0


def test_an_empty_mount_point_inside_of_a_given_folder_is_kept(
    collection: Collection, write_photos: WritePhotos, tmp_path: Path
) -> None:
    write_photos(1, "top")
    write_photos(2, "top/mounted/2024", first=3)
    gone = write_photos(2, "top/other", first=7)
    store_images(collection, [tmp_path / "top"])
    shutil.rmtree(tmp_path / "top" / "mounted")
    (tmp_path / "top" / "mounted").mkdir()
    gone[0].unlink()
    added = store_images(collection, [tmp_path / "top"], prune=True)
    assert told(added) == (2, 1, {str(tmp_path / "top" / "mounted"): 2})
    # A folder that is gone with all that was in it lies in one that is there.
    (tmp_path / "top" / "mounted").rmdir()
    assert told(store_images(collection, [tmp_path / "top"], prune=True)) == (0, 2, {})


@pytest.mark.skipif(sys.platform == "win32", reason="acts errors of POSIX")
@pytest.mark.parametrize("error", [PermissionError, OSError, TimeoutError])
def test_what_may_not_be_looked_at_is_not_gone(
    error: type[OSError],
    collection: Collection,
    write_photos: WritePhotos,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    paths = write_photos(3)
    store_images(collection, [paths[0].parent])
    hidden = str(paths[0])
    real_stat, real_scandir = os.stat, os.scandir

    def stat(path: str, **options: bool) -> os.stat_result:
        if str(path) == hidden:
            raise error(5, "no answer", path)
        return real_stat(path, **options)

    class Scanned:
        """The folder without this file."""

        def __init__(self, path: str) -> None:
            self._entries = (each for each in real_scandir(path) if each.path != hidden)

        def __enter__(self) -> "Scanned":
            return self

        def __exit__(self, *exception: object) -> None:
            pass

        def __iter__(self) -> "Scanned":
            return self

        def __next__(self) -> os.DirEntry[str]:
            return next(self._entries)

    with monkeypatch.context() as patched:
        patched.setattr(os, "stat", stat)
        patched.setattr(os, "scandir", Scanned)
        added = store_images(collection, [paths[0].parent], prune=True)
    assert (told(added), added.unchanged, len(collection)) == ((0, 0, {}), 2, 3)


def test_a_file_that_became_a_folder_leaves_nothing_below_it(
    collection: Collection, write_photos: WritePhotos, tmp_path: Path
) -> None:
    write_photos(1, "p/sub")
    write_photos(1, "p", first=5)
    store_images(collection, [tmp_path / "p"])
    shutil.rmtree(tmp_path / "p" / "sub")
    (tmp_path / "p" / "sub").touch()  # not a folder any more
    assert told(store_images(collection, [tmp_path / "p"], prune=True)) == (0, 1, {})


def test_a_match_whose_file_is_gone_says_so(
    collection: Collection, write_photos: WritePhotos, tmp_path: Path
) -> None:
    paths = write_photos(2)
    query = tmp_path / "query.png"
    shutil.copy(paths[0], query)
    store_images(collection, paths)
    finder = Finder(collection)
    assert [match.exists for match in finder.find(query).matches] == [True, True]
    paths[0].unlink()
    first, second = finder.find(query).matches
    assert (first.reference, first.exists) == (str(paths[0]), False)
    assert (second.reference, second.exists) == (str(paths[1]), True)
    assert not finder.compare(query, str(paths[0])).exists
