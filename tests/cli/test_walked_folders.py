"""What `index` and `show` say of files in folders: not read, gone, or named again."""

import os
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fixture_types import Run, WritePhotos
from image_files import encoded, natural
from originid.cli.output import SHOWN

RunJson = Callable[..., Any]
Link = Callable[[Path, Path], None]


def test_images_that_are_not_read_are_named(indexed: Path, run: Run, run_json: RunJson) -> None:
    photos = indexed.parent / "photos"
    for name in ("a.cr2", "b.nef", "c.psd", "notes.txt"):
        (photos / name).write_bytes(b"")
    status, out, err = run("index", photos, "--into", indexed)
    assert (status, err) == (0, "")
    told = "3 files are images that originid does not read: 2 RAW (cr2, nef), 1 Photoshop"
    assert out.splitlines()[1:] == [told]
    done = run_json("index", photos, "--into", indexed)
    assert [(Path(row["path"]).name, row["reason"]) for row in done["skipped"]] == [
        ("a.cr2", "an image that originid does not read: RAW"),
        ("b.nef", "an image that originid does not read: RAW"),
        ("c.psd", "an image that originid does not read: Photoshop"),
    ]
    assert len(run("index", photos, "--into", indexed, "--only-suffixes")[1].splitlines()) == 1
    status, out, err = run("find", photos, "--in", indexed, "--top", 1)
    assert err == f"{photos}: {told}\n"


def test_a_folder_of_nothing_that_is_read_fails(indexed: Path, tmp_path: Path, run: Run) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "a.cr2").touch()
    status, out, _ = run("index", tmp_path / "raw", "--into", indexed)
    assert status == 1
    assert "1 file is an image that originid does not read: 1 RAW (cr2)" in out


def test_gone_references_are_told_and_pruned(indexed: Path, run: Run, run_json: RunJson) -> None:
    photos = indexed.parent / "photos"
    (photos / "0000.png").unlink()
    out = run("index", photos, "--into", indexed)[1]
    assert out.splitlines()[1:] == ["1 reference is gone: --prune drops it"]
    (photos / "0001.png").unlink()
    out = run("index", photos, "--into", indexed)[1]
    assert out.splitlines()[1:] == ["2 references are gone: --prune drops them"]
    found = run_json("find", photos / "0002.png", "--in", indexed, "--top", 30)
    assert {match["exists"] for match in found["matches"]} == {True, False}
    out = run("find", photos / "0002.png", "--in", indexed, "--top", 30)[1]
    assert sum(line.endswith("  (the file is gone)") for line in out.splitlines()) == 2
    done = run_json("index", photos, "--into", indexed, "--prune")
    assert (done["gone"], done["pruned"], done["references"]) == (0, 2, 28)


def test_pruned_ones_are_counted_in_words(indexed: Path, run: Run) -> None:
    photos = indexed.parent / "photos"
    (photos / "0000.png").unlink()
    out = run("index", photos, "--into", indexed, "--prune")[1]
    assert "29 unchanged, 1 pruned in" in out
    assert len(out.splitlines()) == 1


def test_the_advice_drops_what_a_missing_disk_keeps(
    indexed: Path, tmp_path: Path, write_photos: WritePhotos, run: Run, run_json: RunJson
) -> None:
    disk = tmp_path / "my disk"
    for path in write_photos(2, "my disk", first=50):
        run("index", path, "--into", indexed)
        path.unlink()
    status, out, _ = run("index", disk, "--into", indexed, "--prune")
    assert status == 0
    (line,) = out.splitlines()[1:]
    assert line.startswith(f"2 references are gone and kept: there is no file in {disk}")
    done = run_json("index", disk, "--into", indexed, "--prune")
    assert (done["gone"], done["pruned"]) == (2, 0)
    assert done["kept"] == [{"folder": str(disk), "references": 2}]
    program, *command = shlex.split(line.partition("To drop them: ")[2])
    assert program == "originid"
    assert run(*command) == (0, f"{indexed}: 2 removed; 30 references\n", "")


def test_many_empty_folders_are_not_all_told(
    indexed: Path, tmp_path: Path, write_photos: WritePhotos, run: Run
) -> None:
    folders = [f"many/{number:02}" for number in range(SHOWN + 2)]
    paths = [write_photos(1, folder, first=80)[0] for folder in folders]
    (tmp_path / "many" / "note.txt").touch()
    run("index", tmp_path / "many", "--into", indexed)
    for path in paths:
        path.unlink()
    lines = run("index", tmp_path / "many", "--into", indexed)[1].splitlines()
    assert len(lines) == 1 + SHOWN + 1
    assert lines[-1] == "... and so in 2 more folders: --json lists them"


@pytest.mark.parametrize("link", [os.link, os.symlink])
def test_further_names_are_counted(
    link: Link, indexed: Path, tmp_path: Path, run: Run, run_json: RunJson
) -> None:
    photo, name = indexed.parent / "photos" / "0003.png", tmp_path / "name.png"
    link(photo, name)
    out = run("index", name, "--into", indexed)[1]
    assert "0 added, 1 further name in" in out
    assert run_json("show", indexed)["further_names"] == 1
    assert "further names      1\n" in run("show", indexed)[1]
    answer = run_json("find", name, "--in", indexed, "--top", 1)
    assert answer["matches"][0]["copies"] == [str(name)]
    out = run("remove", photo, "--from", indexed)[1]
    assert out == f"{indexed}: 0 removed, 1 further name removed; 30 references\n"
    answer = run_json("find", name, "--in", indexed, "--top", 1)
    assert answer["matches"][0]["reference"] == str(name)


def test_show_verifies_the_content(indexed: Path, run: Run, run_json: RunJson) -> None:
    assert run("show", "--verify=content", indexed) == run("show", indexed, "--verify-content")
    status, out, _ = run("show", indexed, "--verify-content")
    assert (status, out.splitlines()[-1]) == (
        0,
        "verified           no problems; compared: content of 30 files",
    )
    verified = run_json("show", indexed, "--verify")
    assert verified["compared"] == "size, times and inode of 30 files"
    path = indexed.parent / "photos" / "0004.png"
    path.write_bytes(path.read_bytes() + b"x")
    status, out, _ = run("show", indexed, "--verify-content")
    assert status == 1
    assert out.splitlines()[-2:] == [
        f"problem: {path}: its content is not the one that was indexed",
        "verified           1 problem; compared: content of 30 files",
    ]


def test_a_file_that_is_cut_short_is_taken_with_a_note(
    indexed: Path, tmp_path: Path, run: Run, run_json: RunJson
) -> None:
    data = encoded(natural(304, 304), "JPEG")
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / "a.jpg").write_bytes(data[: len(data) * 8 // 10])
    status, out, err = run("index", tmp_path / "cut", "--into", indexed)
    assert (status, err) == (0, "")
    note = out.splitlines()[1].removeprefix(f"{tmp_path / 'cut' / 'a.jpg'}: ")
    assert re.fullmatch(r"the file is cut short: \d+% of the rows are grey", note)
    (tmp_path / "b.jpg").write_bytes(data[: len(data) * 8 // 10 + 1])
    assert f"note: {note[:25]}" in run("find", tmp_path / "b.jpg", "--in", indexed)[1]
    (tmp_path / "cut" / "a.jpg").write_bytes(data[: len(data) * 9 // 10])
    done = run_json("index", tmp_path / "cut", "--into", indexed)
    assert [row["note"][:22] for row in done["notes"]] == ["the file is cut short:"]
