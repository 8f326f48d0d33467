"""originid index with inputs other than files and folders."""

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from local_web import local_web
from shards import write_shards

Run = Callable[..., tuple[int, str, str]]
WritePhotos = Callable[..., list[Path]]


@pytest.fixture
def shards(tmp_path: Path, write_photos: WritePhotos, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of two shards with three photos each, in the current folder."""
    monkeypatch.chdir(tmp_path)
    return [path.name for path in write_shards(write_photos(6), tmp_path, 3)]


def test_shards_are_indexed_found_and_removed(run: Run, shards: list[str]) -> None:
    status, out, _ = run("index", *shards, "--into", "archive", "--json")
    told = json.loads(out)
    assert (status, told["added"], told["skipped"]) == (0, 6, [])
    status, out, _ = run("find", "photos/0004.png", "--in", "archive", "--top", "1")
    assert status == 0
    assert "000001.tar!/000001000001.png  (the picture is in an archive)" in out
    assert "photo 000001000001" in out
    status, _, err = run("explain", "photos/0004.png", "--in", "archive", "-o", "e.png")
    assert status == 1
    assert "its picture is in an archive" in err
    status, out, _ = run("show", "archive", "--verify")
    assert status == 0
    assert "of 0 files, nothing of 6 pictures without a file here" in out
    status, out, _ = run("remove", shards[0], "--from", "archive")
    assert (status, out) == (0, "archive: 3 removed; 3 references\n")


def test_a_list_is_fetched_as_the_option_says(
    run: Run, shards: list[str], write_photos: WritePhotos
) -> None:
    with local_web() as web:
        port = web({"/a.png": (200, Path("photos/0001.png").read_bytes())})
        Path("urls.txt").write_text(f"http://127.0.0.1:{port}/a.png\n")
        status, _, err = run("index", "urls.txt", "--into", "archive")
        assert status == 1
        assert f"an address with the port {port}" in err
        status, out, _ = run("index", "urls.txt", "--into", "archive", "--fetch", "private=yes")
    assert (status, out.partition(" in ")[0]) == (0, "archive: 1 added")
    status, out, _ = run("find", "photos/0001.png", "--in", "archive", "--top", "1")
    assert (status, "(the picture is with its owner)" in out) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--fetch", "delay=soon"], 2, "--fetch delay=soon"),
        (["--watch"], 2, "--watch with the file 000000.tar"),
        (["s3://bucket/a", "--watch"], 2, "--watch with the file 000000.tar"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_made(
    run: Run, shards: list[str], arguments: list[str], status: int, words: str
) -> None:
    pytest.importorskip("watchfiles")
    found, _, err = run("index", shards[0], *arguments, "--into", "archive")
    assert (found, words in err) == (status, True)
    assert not Path("archive").exists()


def test_a_missing_shard_makes_no_collection(run: Run, shards: list[str]) -> None:
    status, _, err = run("index", "missing.tar", "--into", "archive")
    assert (status, "no file or folder missing.tar" in err) == (1, True)
    assert not Path("archive").exists()


def test_a_list_of_nothing_is_said_to_be_one(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("addresses.csv").write_text("url,caption\n")
    Path("folder").mkdir()
    status, _, err = run("index", "addresses.csv", "folder", "--into", "made")
    assert status == 0
    assert "no images found in addresses.csv: none is listed there\n" in err
    assert "no images found in folder; looked for files whose names end in " in err


def test_a_list_of_paths_is_known_and_the_advice_works(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_photos: WritePhotos
) -> None:
    monkeypatch.chdir(tmp_path)
    photos = write_photos(2)
    Path("paths.txt").write_text("".join(f"{photo}\n" for photo in photos))
    Path("empty.txt").write_text("")
    shutil.copy(photos[0], "picture.txt")
    status, out, err = run("index", "paths.txt", "empty.txt", "picture.txt", "--into", "made")
    assert status == 0
    assert "1 added, 2 skipped" in out
    for name in ("paths.txt", "empty.txt"):
        assert f"skipped {name}: a text whose first line is no address; a list of paths" in err
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(Path("paths.txt").read_bytes())))
    assert "2 added" in run("index", "-", "--into", "made")[1]


def test_an_empty_list_on_standard_input_is_said_to_be_one(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
    _, _, err = run("index", "-", "--into", tmp_path / "made")
    assert err == "no images found on the list of standard input\n"
