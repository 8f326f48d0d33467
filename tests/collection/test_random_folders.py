"""Random changes of a folder: after a run, the collection is what the folder is."""

import os
import shutil
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from originid.collection.adding import store_images
from originid.collection.collection import Collection, create_collection
from originid.finder import Finder
from originid.model import Model
from originid.testing import write_photos

NAMES = ["a.png", "b.png", "c.png", "d"]
name = st.sampled_from(NAMES)
picture = st.integers(0, 2)
change = st.one_of(
    st.tuples(st.just("write"), name, picture),  # in place, where there is a file
    st.tuples(st.just("replace"), name, picture),  # as an editor saves
    st.tuples(st.just("link"), name, name),
    st.tuples(st.just("symlink"), name, name),
    st.tuples(st.just("copy"), name, name),
    st.tuples(st.just("move"), name, name),
    st.tuples(st.just("delete"), name, st.just("")),
)
runs = st.lists(st.lists(change, min_size=1, max_size=4), min_size=1, max_size=4)


def apply(folder: Path, pictures: list[Path], kind: str, one: str, other: str | int) -> None:
    """Change a folder, if that is possible; the time of each file is set back."""
    path = folder / one
    if kind in ("write", "replace"):
        data = pictures[int(other)].read_bytes()
        if kind == "replace" or path.is_symlink():
            path.unlink(missing_ok=True)
        path.write_bytes(data)
        os.utime(path, (1e9, 1e9))
        return
    target = folder / str(other)
    if not path.exists() or (kind != "delete" and target.resolve() == path.resolve()):
        return
    if kind == "delete":
        path.unlink()
        return
    if kind == "symlink" and path.is_symlink():
        return
    target.unlink(missing_ok=True)
    if kind == "link":
        os.link(path, target, follow_symlinks=False)
    elif kind == "symlink":
        target.symlink_to(path)
    elif kind == "copy":
        shutil.copy2(path, target)
    else:
        os.replace(path, target)


def stored(collection: Collection) -> set[frozenset[str]]:
    rows = list(collection.references())
    names = collection.database.names([row.id for row in rows])
    return {
        frozenset([row.location, *(each.location for each in names.get(row.id, []))])
        for row in rows
    }


def there(folder: Path) -> set[frozenset[str]]:
    """The paths of each file, by its inode."""
    found: dict[int, set[str]] = {}
    for path in folder.iterdir():
        if path.exists():
            found.setdefault(path.stat().st_ino, set()).add(str(path))
    return {frozenset(paths) for paths in found.values()}


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
@settings(max_examples=40)
@given(runs, st.booleans())
def test_a_collection_follows_a_folder(
    tmp_path_factory: pytest.TempPathFactory,
    model: Model,
    steps: list[list[tuple[str, str, str | int]]],
    by_paths: bool,
) -> None:
    top = tmp_path_factory.mktemp("random")
    pictures = write_photos(top / "pictures", 3)
    folder = top / "folder"
    folder.mkdir()
    (folder / "note.txt").touch()  # so that an empty folder is not taken for a missing disk
    with create_collection(top / "c", model) as collection:
        for changes in steps:
            for each in changes:
                apply(folder, pictures, *each)
            # A walk takes a link inside of a folder for its target; files that are named come all.
            files = sorted(path for path in folder.iterdir() if path.name in NAMES)
            given_paths = [*files, folder] if by_paths else [folder]
            store_images(collection, given_paths, workers=1, prune=True)
            expected = {paths for paths in there(folder) if str(folder / "note.txt") not in paths}
            if by_paths:
                assert stored(collection) == expected
            else:
                assert all(any(paths <= each for each in expected) for paths in stored(collection))
                assert len(collection) == len(expected)
            assert list(collection.verify(content=True)) == []
            assert list(collection.verify()) == []
            again = store_images(collection, given_paths, workers=1, prune=True)
            assert (again.added, again.updated, again.moved, again.names) == (0, 0, 0, 0)
            for path in files:
                if path.exists():
                    (match, *_) = Finder(collection).find(path, top=1).matches
                    assert str(path) in (match.reference, *match.copies) or not by_paths
                    assert match.exists
