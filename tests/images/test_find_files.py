"""Folders to image files: order, links, and names of every kind."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from originid.images.decode import read_bytes
from originid.images.find_files import IMAGE_SUFFIXES, find_images
from originid.types import Failure


def found(*paths: str | os.PathLike[str]) -> tuple[list[str], list[Failure]]:
    failures: list[Failure] = []
    return list(find_images(paths, failures.append)), failures


def grow(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder "photos" in the working folder."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "photos"
    folder.mkdir()
    return folder


def test_folders_are_walked_in_order(photos: Path) -> None:
    grow(photos, "b.jpg", "a.PNG", "c/z.webp", "c/d/e.tiff", "a2/x.heic", "notes.txt", "README")
    grow(photos, ".hidden.jpg", ".git/x.jpg", "c/._a.jpg")
    expected = ["a.PNG", "b.jpg", "a2/x.heic", "c/z.webp", "c/d/e.tiff"]
    assert found("photos") == ([f"photos/{name}" for name in expected], [])
    assert found("photos/")[0][0] == "photos/a.PNG"
    assert found(photos)[0][0] == str(photos / "a.PNG")
    assert found(".")[0][0] == "./photos/a.PNG"


def test_a_file_that_is_named_is_always_yielded(photos: Path) -> None:
    grow(photos, ".hidden", "data.bin", "a.jpg")
    names = ["photos/data.bin", "photos/.hidden", "photos/a.jpg", "photos/a.jpg"]
    assert found(*names) == (names, [])


def test_every_suffix_is_found(photos: Path) -> None:
    grow(photos, *(f"a{suffix}" for suffix in IMAGE_SUFFIXES), "b.jpg.txt", "c.svg", "jpg")
    assert len(found("photos")[0]) == len(IMAGE_SUFFIXES)


def test_a_missing_path_is_a_failure_and_the_rest_goes_on(photos: Path) -> None:
    grow(photos, "a.jpg")
    paths, failures = found("nowhere", "null\0", "photos")
    assert paths == ["photos/a.jpg"]
    assert [failure.path for failure in failures] == ["nowhere", "null\0"]
    assert "No such file" in failures[0].reason


def test_a_folder_that_cannot_be_listed_is_a_failure(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grow(photos, "a.jpg", "locked/b.jpg", "open/c.jpg")
    real = os.scandir

    def scandir(path: str) -> object:
        if os.path.basename(path) == "locked":
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    expected = [Failure("photos/locked", "Permission denied")]
    assert found("photos") == (["photos/a.jpg", "photos/open/c.jpg"], expected)


def test_strange_names(photos: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("needs a file system that takes any bytes")
    names = [b"new\nline.jpg", b"\xff\xfe.jpg", "grüße.jpg".encode(), b" .jpg"]
    for name in names:
        (photos / os.fsdecode(name)).write_bytes(b"x")
    paths, failures = found("photos")
    assert failures == []
    assert sorted(os.fsencode(path) for path in paths) == sorted(b"photos/" + n for n in names)
    assert [read_bytes(path) for path in paths] == [b"x"] * 4


def test_links_are_followed_and_loops_end(photos: Path) -> None:
    grow(photos, "a.jpg", "sub/b.jpg")
    grow(photos.parent, "elsewhere/c.jpg", "elsewhere/d.jpg")
    (photos / "sub" / "up").symlink_to("..")
    (photos / "sub" / "self").symlink_to("self")
    (photos / "other").symlink_to(photos.parent / "elsewhere")
    (photos / "other2").symlink_to(photos.parent / "elsewhere")
    paths, failures = found("photos")
    expected = ["photos/a.jpg", "photos/other/c.jpg", "photos/other/d.jpg", "photos/sub/b.jpg"]
    assert paths == expected
    assert failures == [Failure("photos/sub/self", "broken link")]


def test_a_linked_file_comes_once(photos: Path) -> None:
    grow(photos, "b.jpg", "z/c.jpg", ".store/blob.jpg", "sub/blob")
    (photos / "a.jpg").symlink_to("b.jpg")  # before its file
    (photos / "y.jpg").symlink_to("b.jpg")  # after it
    (photos / "d.jpg").symlink_to("z/c.jpg")  # before its folder is entered
    (photos / "e.jpg").symlink_to(".store/blob.jpg")  # a file that does not come by itself
    (photos / "f.jpg").symlink_to(".store/blob.jpg")
    (photos / "g.jpg").symlink_to("sub/blob")
    (photos / "gone.jpg").symlink_to("nowhere")
    (photos / "gone").symlink_to("nowhere")
    (photos / ".gone").symlink_to("nowhere")
    paths, failures = found("photos")
    assert paths == [f"photos/{name}.jpg" for name in "bdeg"]
    assert {failure.path for failure in failures} == {"photos/gone.jpg", "photos/gone"}
    assert found("photos", "photos")[0] == 2 * paths


def test_a_tree_that_is_too_deep_is_a_failure(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def walk(*_: object, **__: object) -> Iterator[tuple[str, list[str], list[str]]]:
        yield "photos", ["deep"], ["a.jpg"]
        raise RecursionError

    grow(photos, "a.jpg", "b.bmp")
    monkeypatch.setattr(os, "walk", walk)
    paths, failures = found("photos", "photos/b.bmp")
    assert paths == ["photos/a.jpg", "photos/b.bmp"]
    assert [(failure.path, failure.reason[:14]) for failure in failures] == [
        ("photos", "folders nested")
    ]
