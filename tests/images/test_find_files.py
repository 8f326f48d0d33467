"""Folders to image files: order, links, and names of every kind."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from originid.images.decode import read_bytes
from originid.images.find_files import IMAGE_SUFFIXES, UNTIDY_FOLDERS, find_images, tidiest
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


UNTIDY = ["#recycle", "@eaDir", ".thumbnails", ".Trashes", "$RECYCLE.BIN", "$Recycle.Bin",
          "@Recycle", ".@__thumb", "lost+found"]  # fmt: skip


@pytest.mark.parametrize("name", UNTIDY)
def test_recycle_bins_and_thumbnails_are_passed_over_and_told(photos: Path, name: str) -> None:
    grow(photos, "a.jpg", f"{name}/b.jpg", f"{name}/{name}/c.jpg", f"d/{name}/e.jpg", ".git/f.jpg")
    passed: list[str] = []
    failures: list[Failure] = []
    tidy = list(find_images(["photos"], failures.append, on_passed_over=passed.append))
    assert tidy == found("photos")[0] == ["photos/a.jpg"]
    assert passed == [f"photos/{name}", f"photos/d/{name}"]
    everything = find_images(["photos"], failures.append, all_folders=True)
    assert sorted(everything) == sorted(
        f"photos/{file}" for file in
        ("a.jpg", f"{name}/b.jpg", f"{name}/{name}/c.jpg", f"d/{name}/e.jpg")
    )  # fmt: skip
    assert failures == []


def test_an_untidy_folder_that_is_named_is_walked(photos: Path) -> None:
    grow(photos, "#recycle/a.jpg", "#recycle/@eaDir/a.jpg")
    assert found("photos/#recycle")[0] == ["photos/#recycle/a.jpg"]


def test_names_that_only_resemble_untidy_ones_are_walked(photos: Path) -> None:
    grow(photos, "recycle/a.jpg", "lost/b.jpg", "eaDir/c.jpg", "#recycle.jpg")
    assert len(found("photos")[0]) == 4


def test_the_tidiest_path_is_outside_of_bins_then_short_then_first() -> None:
    assert tidiest(["a/#recycle/x.jpg", "a/long/way/to/x.jpg"]) == "a/long/way/to/x.jpg"
    assert tidiest(["a/@EADIR/x.jpg", "a/photos of 2024/x.jpg"]) == "a/photos of 2024/x.jpg"
    assert tidiest(["c:\\$Recycle.Bin\\x.jpg", "c:\\photos\\of\\2024\\x.jpg"])[3:9] == "photos"
    assert tidiest(["photos/x.jpg", "x.jpg"]) == "x.jpg"
    assert tidiest(["b/x.jpg", "a/x.jpg"]) == "a/x.jpg"
    assert tidiest(["lost+found", "photos/x.jpg"]) == "lost+found"  # a file of that name
    assert tidiest(["only/#recycle/x.jpg"]) == "only/#recycle/x.jpg"


folders = st.lists(st.sampled_from(["a", "b", "#recycle", ".Trashes"]), max_size=3)


@given(st.lists(folders, min_size=1, max_size=6).flatmap(lambda ways: st.tuples(
    st.just(ways), st.permutations(ways))))  # fmt: skip
def test_the_tidiest_path_does_not_depend_on_the_order(
    ways: tuple[list[list[str]], list[list[str]]],
) -> None:
    first, second = ([os.path.join(*way, "x.jpg") for way in each] for each in ways)
    chosen = tidiest(first)
    assert chosen == tidiest(second)
    if any(UNTIDY_FOLDERS.isdisjoint(part.lower() for part in way) for way in ways[0]):
        assert UNTIDY_FOLDERS.isdisjoint(chosen.lower().split("/"))
