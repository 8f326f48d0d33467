"""What an error recommends was tried: each command runs in a shell, and no photo is lost by it."""

import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from fixture_types import Run, WritePhotos
from originid.cli.output import SHOWN
from originid.system.text import quoted, shell_command

COMMAND = re.compile(r"(?:originid|mkdir|cd) .*$", re.MULTILINE)
BROKEN = SHOWN + 5
SOURCE = Path(__file__).parents[2] / "src"
ODD = ["my c", "it's", "-c", "$HOME", "a\nb", os.fsdecode(b"caf\xe9"), "a;rm -r photos", "\\x41"]


@pytest.fixture
def folder(tmp_path: Path, write_photos: WritePhotos, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with photos, broken files, and what the advice calls PHOTOS and QUERY."""
    for name in ("photos", "PHOTOS", "bad"):
        write_photos(2, name)
    os.link(tmp_path / "photos" / "0000.png", tmp_path / "QUERY")
    write_photos(1, ".", first=9)
    for number in range(BROKEN):
        (tmp_path / "bad" / f"{number}.jpg").write_text("no image")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def contents(folder: Path) -> dict[str, str]:
    """The digest of each image below a folder."""
    images = sorted([*folder.rglob("*.png"), *folder.rglob("*.jpg"), folder / "QUERY"])
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in images}


def in_shell(command: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Give a command to bash, where ``originid`` is this code."""
    script = f'originid() {{ {shlex.quote(sys.executable)} -m originid "$@"; }}\n{command}\n'
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1"}
    return subprocess.run(["bash", "-c", script], cwd=folder, env=environment, text=True,
                          errors="replace", capture_output=True, timeout=60,
                          check=False)  # fmt: skip


# What is given, and the command that the error recommends.
ADVISED: dict[str, tuple[list[str], str]] = {
    "a folder of photos instead of a collection": (
        ["find", "QUERY", "--in", "photos"],
        "originid index photos --into photos-collection",
    ),
    "the working folder instead of a collection": (
        ["show", "bad/.."],
        "originid index bad/.. --into {folder}-collection",
    ),
    "no collection": (["show", "my c"], "originid index PHOTOS --into 'my c'"),
    "an empty folder": (["show", "empty"], "originid index PHOTOS --into empty"),
    "no model": (["index", "photos", "--into", "c", "--model", "?"], "originid train --help"),
    "no generator": (["generate", "photos", "-o", "set"], "originid generate --list"),
    "many broken files": (["index", "bad", "--into", "b c"], "originid show 'b c' --json"),
    "many broken files, again": (["show", "made"], "originid show made --json"),
    "a reference that is not there": (
        ["decide", "QUERY", "0009.png", "--yes", "--in", "made"],
        "originid find QUERY --in made",
    ),
    "the same, explained": (
        ["explain", "QUERY", "0009.png", "--in", "made", "-o", "e.png"],
        "originid find QUERY --in made",
    ),
    "no decision": (
        ["decide", "QUERY", "0009.png", "--forget", "--in", "made"],
        "originid show made --decisions --json",
    ),
    "no folder for evidence": (
        ["explain", "QUERY", "--in", "made", "-o", "my folder/e.png"],
        "mkdir -p 'my folder'",
    ),
    "an empty collection": (
        ["find", "QUERY", "--in", "nothing yet"],
        "originid index PHOTOS --into 'nothing yet'",
    ),
}


@pytest.mark.parametrize("case", ADVISED)
def test_the_recommended_command_works_and_keeps_every_photo(
    case: str, folder: Path, run: Run
) -> None:
    run("index", "bad", "--into", "made")
    run("index", "empty", "--into", "nothing yet")
    before = contents(folder)
    given, command = ADVISED[case]
    _, _, err = run(*given)
    advised = COMMAND.findall(err)[-1]
    assert advised == command.format(folder=folder)
    done = in_shell(advised, folder)
    # The status 3 is an answer of find: no origin.
    assert done.returncode in ((0, 3) if "originid find" in advised else (0,)), done.stderr
    assert contents(folder) == before
    if advised.endswith("--json"):
        assert len(json.loads(done.stdout)["skipped"]) == BROKEN


@pytest.mark.parametrize("name", ODD)
def test_a_collection_of_any_name_can_be_copied_from_the_advice(
    name: str, folder: Path, run: Run
) -> None:
    (folder / name).write_text("")  # the shell finds it under the name that is quoted
    option = Path(name)
    command = shell_command("show", option, "--json").replace("originid show", "ls")
    done = in_shell(command.replace("--json", ""), folder)
    assert done.returncode == 0, done.stderr
    status, _, err = run("show", "--", name)
    assert status == 1
    assert err.endswith("name the folder that originid index made\n")
    (folder / name).unlink()
    status, _, err = run("show", "--", name)
    assert status == 1
    assert shell_command("index", Path("PHOTOS"), "--into", option) in err


@pytest.mark.parametrize(
    ("word", "written"),
    [
        ("photos", "photos"),
        ("", "''"),
        ("--in", "--in"),
        (Path("-c"), "./-c"),
        (Path("my c"), "'my c'"),
        ("it's", "'it'\"'\"'s'"),
        ("grüße", "'grüße'"),
        ("a\nb'\\", "$'a\\x0ab\\x27\\x5c'"),
        (os.fsdecode(b"caf\xe9"), "$'caf\\xe9'"),
    ],
)
def test_how_a_word_is_quoted(word: str | Path, written: str) -> None:
    assert quoted(word) == written


@pytest.mark.parametrize("photos", ["photos", "empty"])
@pytest.mark.parametrize("into", ["{}", "{}/", "./{}", "other/../{}"])
def test_the_folder_of_photos_never_becomes_a_collection(
    photos: str, into: str, folder: Path, run: Run
) -> None:
    (folder / "other").mkdir()
    before = sorted(folder.rglob("*"))
    status, out, err = run("index", photos, "--into", into.format(photos))
    assert (status, out) == (1, "")
    assert "choose another name for the collection, such as " in err
    assert not re.search(r"remove|delete", err)
    assert sorted(folder.rglob("*")) == before


def test_nothing_is_made_of_names_that_do_not_exist(folder: Path, run: Run) -> None:
    status, out, err = run("index", "fotos", "bilder", "--into", "new")
    assert (status, out) == (1, "")
    assert err.startswith("error: no file or folder fotos and 1 more\n")
    assert not (folder / "new").exists()
    status, _, err = run("index", "fotos", "photos", "--into", "new")  # one of them exists
    assert status == 0
    assert "skipped fotos: No such file" in err
    status, _, err = run("index", "fotos", "--into", "new")  # the collection is there already
    assert status == 1
    assert "skipped fotos: No such file" in err


@pytest.mark.parametrize("command", [["index", "empty", "--into"], ["find", "empty", "--in"]])
def test_an_empty_folder_is_said_to_be_empty(command: list[str], folder: Path, run: Run) -> None:
    run("index", "photos", "--into", "c")
    _, _, err = run(*command, "c")
    assert err.startswith("no images found in empty; looked for files whose names end in ")
    assert ".jpg, " in err


def test_an_empty_collection_is_said_to_be_empty(folder: Path, run: Run) -> None:
    run("index", "empty", "--into", "c")
    status, out, err = run("find", "QUERY", "--in", "c")
    assert (status, out) == (3, "QUERY: none: the collection is empty\n")
    assert err == "c is empty; add photos: originid index PHOTOS --into c\n"


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps a folder in which a process works")
def test_a_working_folder_that_is_gone(folder: Path) -> None:
    command = f"mkdir gone; cd gone; rmdir ../gone; originid find {folder}/QUERY --in {folder}/c"
    done = in_shell(command, folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        "error: the folder in which you are working does not exist any more",
        "  expected a folder to work in: names of files are relative to it",
        "  go to another folder: cd ~",
    ]
