"""Random trees of folders: the walk against a slow reading of its rules."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from originid.errors import InputError
from originid.images.find_files import (
    IMAGE_SUFFIXES,
    UNTIDY_FOLDERS,
    find_images,
    refuse_missing,
    tidiest,
)
from originid.types import Failure

FOLDERS = ["a", "b", "#recycle", "@eaDir", ".git", ".Trashes", "recycle"]
FILES = ["x.jpg", "y.PNG", "z.txt", ".x.jpg", "w.jpg.part", "noname"]
ways = st.lists(st.sampled_from(FOLDERS), max_size=3)
trees = st.lists(st.tuples(ways, st.sampled_from(FILES)), min_size=1, max_size=14)


def slow_walk(top: str, all_folders: bool) -> tuple[list[str], list[str]]:
    """Images and folders that are passed over, one folder at a time, in the order of the rules."""
    images, passed, inner = [], [], []
    for name in sorted(os.listdir(top)):
        path = f"{top}/{name}"
        if os.path.isdir(path):
            untidy = name.lower() in UNTIDY_FOLDERS
            if untidy and not all_folders:
                passed.append(path)
            elif untidy or name[0] != ".":
                inner.append(path)
        elif name[0] != "." and os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES:
            images.append(path)
    for folder in inner:
        more, over = slow_walk(folder, all_folders)
        images, passed = images + more, passed + over
    return images, passed


def walked(top: str, all_folders: bool) -> tuple[list[str], list[str], list[Failure]]:
    failures: list[Failure] = []
    passed: list[str] = []
    return list(find_images([top], failures.append, all_folders, passed.append)), passed, failures


@settings(deadline=None, max_examples=40)
@given(trees, st.booleans())
def test_a_walk_follows_the_rules(
    tmp_path_factory: pytest.TempPathFactory, tree: list[tuple[list[str], str]], all_folders: bool
) -> None:
    top = tmp_path_factory.mktemp("tree")
    for way, name in tree:
        folder = top.joinpath(*way)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    images, passed, failures = walked(str(top), all_folders)
    expected, over = slow_walk(str(top), all_folders)
    assert images == expected
    assert sorted(passed) == sorted(over)
    assert failures == []
    # Every folder that is passed over holds exactly what is missing from the whole walk.
    whole = set(walked(str(top), True)[0])
    assert set(images) == {p for p in whole if not any(p.startswith(f"{o}/") for o in passed)}


def test_an_untidy_folder_that_is_a_link_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.jpg").touch()
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "#recycle").symlink_to(tmp_path / "real")
    assert walked(str(tmp_path / "p"), False)[:2] == ([], [f"{tmp_path}/p/#recycle"])
    assert walked(str(tmp_path / "p"), True)[0] == [f"{tmp_path}/p/#recycle/a.jpg"]


def test_paths_and_texts_are_taken_and_an_empty_one_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    failures: list[Failure] = []
    given_as: list[str | os.PathLike[str]] = [tmp_path, str(tmp_path)]
    expected = [str(tmp_path / "a.jpg")] * 2
    assert list(find_images(given_as, failures.append)) == expected
    assert list(find_images([], failures.append)) == []
    assert list(find_images([""], failures.append)) == []
    assert [failure.path for failure in failures] == [""]


def test_images_come_before_the_whole_tree_was_walked(tmp_path: Path) -> None:
    """A caller can begin, and end, at the first image."""
    (tmp_path / "a.jpg").touch()
    failures: list[Failure] = []
    images = find_images([tmp_path, tmp_path / "gone"], failures.append)
    assert next(images) == str(tmp_path / "a.jpg")
    assert failures == []
    assert list(images) == []
    assert len(failures) == 1


def test_missing_folders_are_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    refuse_missing([])
    refuse_missing([tmp_path, str(tmp_path)])
    for missing in (file, tmp_path / "gone", ""):
        with pytest.raises(InputError) as caught:
            refuse_missing([tmp_path, missing, tmp_path / "later"])
        assert caught.value.given == f"no folder {missing}"
        assert caught.value.expected == "expected a folder of images"
        assert caught.value.todo == "check its name"


@given(st.lists(ways, min_size=1, max_size=6), st.sampled_from(FILES))
def test_no_path_is_tidier_than_the_tidiest(places: list[list[str]], name: str) -> None:
    paths = ["/".join([*way, name]) for way in places]

    def untidy(path: str) -> bool:
        return bool(UNTIDY_FOLDERS & {part.lower() for part in path.split("/")[:-1]})

    best = tidiest(paths)
    assert best in paths
    for path in paths:
        if untidy(path) == untidy(best):
            assert (len(best), best) <= (len(path), path)
        else:
            assert untidy(path)
    assert tidiest([best, best]) == best


def test_the_tidiest_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="empty"):
        tidiest([])
