"""Models, tables and JSON of strangers, through the command line: one error, and nothing else.

Each command ends within its time and with its own words, reads no network, and leaves every file
as it was.
"""

import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from extras import needs_torch
from fixture_types import Run, WritePhotos
from hostile_models import DESCRIPTIONS, ENCODERS, HUB, MAPS, Change, link, spec
from originid.encoders.trust import WEIGHTS
from originid.model import Model

LIMIT = 10.0  # seconds of a command; each takes far less than one

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs links and pipes")


@pytest.fixture
def place(
    tmp_path: Path, model: Model, write_photos: WritePhotos, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A folder with photos, a sound model, and a private file; no network can be used there."""
    write_photos(3)
    shutil.copytree(model.folder, tmp_path / "model")
    (tmp_path / "private.onnx").write_bytes(b"private")
    monkeypatch.chdir(tmp_path)

    def no_network(*given: object) -> None:
        """Fail the test."""
        raise AssertionError(f"the network was used: {given}")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, no_network)
    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    return tmp_path


def listing(folder: Path) -> dict[str, tuple[object, ...]]:
    """Every path below a folder with its kind, size, time and, for small files, its content."""

    def look(path: Path) -> tuple[object, ...]:
        """What is seen of one path."""
        info = path.lstat()
        small = path.is_file() and not path.is_symlink() and info.st_size < 10**7
        return info.st_mode, info.st_size, info.st_mtime_ns, path.read_bytes() if small else b""

    return {str(path.relative_to(folder)): look(path) for path in sorted(folder.rglob("*"))}


def refused(run: Run, folder: Path, *command: object, limit: float = LIMIT) -> str:
    """What a command says that must fail and change nothing."""
    before, start = listing(folder), time.monotonic()
    status, out, err = run(*command)
    assert time.monotonic() - start < limit
    assert status in (1, 2), err
    assert out == ""
    assert "Traceback" not in err
    lines = err.splitlines()
    assert lines[0].startswith("error: ")
    assert [line[:2] for line in lines[1:]] == ["  ", "  "], err
    assert len(err) < 3000
    assert all(c.isprintable() or c == "\n" for c in err)
    assert listing(folder) == before
    return err


CASES = {
    **{f"model.json: {name}": case for name, case in DESCRIPTIONS.items()},
    **{f"encoder: {name}": case for name, case in ENCODERS.items()},
    **{f"files: {name}": case for name, case in MAPS.items()},
}


@pytest.mark.parametrize("name", CASES)
def test_a_model_of_a_stranger_is_refused(name: str, place: Path, run: Run) -> None:
    change, message = CASES[name]
    change(place / "model")
    said = refused(run, place, "index", "photos", "--into", "new", "--model", "model")
    assert message in said


@needs_torch
@pytest.mark.parametrize("name", HUB)
def test_a_model_that_names_a_hub_downloads_nothing(name: str, place: Path, run: Run) -> None:
    spec(HUB[name])(place / "model")
    command = ("index", "photos", "--into", "new", "--model", "model")
    said = refused(run, place, *command, limit=60)  # torch is imported
    assert "hub id" in said


@needs_torch
def test_an_encoder_that_the_user_names_may_be_downloaded_and_that_is_told(
    place: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def answer(spec: str, stored: bool = False) -> None:
        """Note what is opened, and go no further."""
        asked.append((spec, stored))
        raise OSError("no network in tests")

    monkeypatch.setattr("originid.encoders.open_encoder", answer)
    (place / "pairs.csv").write_text("origin,query\na.png,b.png\n")
    command = ["evaluate", "pairs.csv", "--references", "photos", "--encoder"]
    status, _, err = run(*command, "diffusers:some/vae+edges")
    assert (status, asked) == (1, [("diffusers:some/vae+edges", False)])
    assert err.splitlines()[0] == (
        "some/vae is a model of the Hugging Face hub: what is not on this machine yet is downloaded"
    )
    assert "Hugging Face" not in run(*command, "pixels")[2]


def test_weights_in_a_trusted_folder_are_read(
    place: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec(f"baseline:simclr:{place / 'trusted' / 'w.pt'}")(place / "model")
    command = ("index", "photos", "--into", "new", "--model", "model")
    for folder in ("other", "trust", "trusted/../other"):
        monkeypatch.setenv(WEIGHTS, str(place / folder))
        said = refused(run, place, *command)
        assert f"set {WEIGHTS}={place / 'trusted' / 'w.pt'}" in said
    monkeypatch.setenv(WEIGHTS, os.pathsep.join(["/srv/none", str(place / "trusted")]))
    assert "outside of its folder" not in refused(run, place, *command)


def test_advice_is_quoted_for_the_shell(place: Path, run: Run) -> None:
    for encoder in ("python:os; rm -rf ~:x", "diffusers:/tmp/$(touch x)"):
        spec(encoder)(place / "model")
        said = refused(run, place, "index", "photos", "--into", "new", "--model", "model")
        assert "='os; rm -rf ~' and" in said or "='/tmp/$(touch x)' and" in said


STORED: dict[str, tuple[Change, str]] = {
    "a link": (link("model.json", "private.onnx"), "it is a symbolic link"),
    "a device": (link("map.safetensors", "/dev/zero"), "it is a symbolic link"),
    "a path": (spec("onnx:../../private.onnx"), "expected encoder.onnx in its own folder"),
    "a module": (spec("python:antigravity:x"), "wants to run the Python module 'antigravity'"),
    "weights": (spec("diffusers:../weights"), "weights outside of its folder"),
}


@pytest.mark.parametrize("name", STORED)
def test_a_collection_of_a_stranger_is_refused(name: str, place: Path, run: Run) -> None:
    assert run("index", "photos", "--into", "c", "--model", "model")[0] == 0
    change, message = STORED[name]
    change(place / "c" / "model")
    status, out, err = run("find", "photos/0001.png", "--in", "c")
    assert (status, out) == (1, "")
    assert message in err
    assert "Traceback" not in err


def test_only_the_files_that_model_json_names_are_copied(place: Path, run: Run) -> None:
    (place / "model" / "encoder-9.onnx").symlink_to(place / "private.onnx")
    (place / "model" / "encoder.onnx").symlink_to("/dev/zero")
    (place / "model" / "notes.txt").write_text("private")
    assert run("index", "photos", "--into", "c", "--model", "model")[0] == 0
    names = sorted(path.name for path in (place / "c" / "model").iterdir())
    assert names == ["map.safetensors", "model.json"]


TABLES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "the file is empty"),
    "binary": (bytes(range(256)) * 10, "bad.csv: line"),
    "40,000 columns": (
        b"origin,query," + b",".join(b"c%d" % i for i in range(40_000)) + b"\n",
        "line 1: a row of 40,002 cells",
    ),
    "a column again and again": (b"origin,query" + b",a" * 900 + b"\na,b\n", "'a' twice"),
    "a long row": (b"origin,query\n" + b"a," * 10**6 + b"\n", "line 2: a row that is too long"),
    "a quote without end": (b'origin,query\n"' + b"a,\n" * 10**6, "line"),
    "a long cell": (b"origin,query\na," + b"b" * 200_000 + b"\n", "field larger than"),
    "a zero byte": (b"origin,query\na\0,b\n", "line"),
    "a zero byte in the header": (b"origin\0,query\na,b\n", ""),
    "a long path": (b"origin,query\n" + b"a/" * 5000 + b",b\n", ""),
    "no query": (b"origin,query\na,\n", "line 2: query empty"),
    "hostile names": (b"origin,query,\x1b[31m\na\n", "line 2: 1 cells"),
    "many bad rows": (b"origin,query\n" + b"a\n" * 100_000, "and 99995 more"),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_a_stranger_is_refused(name: str, place: Path, run: Run) -> None:
    data, message = TABLES[name]
    (place / "bad.csv").write_bytes(data)
    for command in (
        ["evaluate", "bad.csv", "--references", "photos"],
        ["train", "bad.csv", "-o", "new", "--encoder", "pixels"],
    ):
        status, out, err = run(*command)
        assert status in (1, 2)
        assert (out, "Traceback" in err) == ("", False)
        assert message in err
        assert all(c.isprintable() or c == "\n" for c in err)
    assert not (place / "new").exists()


KINDS: dict[str, Callable[[Path], object]] = {
    "a pipe": os.mkfifo if hasattr(os, "mkfifo") else Path.mkdir,
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a folder": Path.mkdir,
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_file_is_refused_at_once(kind: str, place: Path, run: Run) -> None:
    for name in ("bad.csv", "bad.json"):
        KINDS[kind](place / name)
    (place / "pairs.csv").write_text("origin,query\na.png,b.png\n")
    for command in commands_with_files():
        said = refused(run, place, *command)
        # Some commands take folders too, and say what these lack.
        assert kind == "a folder" or "it is a pipe or a device" in said


def commands_with_files() -> Iterator[list[str]]:
    """Commands that read a table or settings."""
    yield ["evaluate", "bad.csv", "--references", "photos"]
    yield ["train", "bad.csv", "-o", "new", "--encoder", "pixels"]
    yield ["train", "pairs.csv", "-o", "new", "--encoder", "pixels", "--map", "bad.json"]
    yield ["generate", "photos", "-o", "new", "--generator", "small-flow", "--prompts", "bad.csv"]
    yield ["generate", "photos", "-o", "new", "--generator", "bad.json"]
    yield ["experiment", "table6", "-o", "new", "--scale", "bad.json"]


SETTINGS: dict[str, tuple[str, str]] = {
    "a list": ("[1]", "it holds a list"),
    "infinity": ('{"rank": 1e999}', "the number 1e999"),
    "NaN": ('{"rank": NaN}', "the number NaN"),
    "a huge number": ('{"rank": ' + "9" * 5000 + "}", "the number 9999"),
    "lists in lists": ("[" * 100_000, "nested more than 32 deep"),
    "objects in objects": ('{"a":' * 100_000, "nested more than 32 deep"),
    "an unknown key": ('{"generator": "sd2", "__class__": 1}', "__class__"),
    "a hostile key": ('{"generator": "sd2", "\\u001b[31m": 1}', "\\x1b[31m"),
    "half a character": ('{"generator": "\\ud800"}', "is not Unicode text"),
    "no text": ("\udcff", "it is not UTF-8"),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_of_a_stranger_are_refused(name: str, place: Path, run: Run) -> None:
    content, message = SETTINGS[name]
    (place / "bad.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    (place / "pairs.csv").write_text("origin,query\na.png,b.png\n")
    for command in commands_with_files():
        if "bad.json" in command:
            said = refused(run, place, *command)
            assert message in said or "setting" in said


@pytest.mark.parametrize(
    "command",
    [
        ["index", "pho\0tos", "--into", "new"],
        ["index", "photos", "--into", "n\0w"],
        ["index", "photos", "--into", "new", "--model", "a\0b"],
        ["find", "a\0b", "--in", "c"],
        ["show", "\0"],
        ["evaluate", "a\0.csv", "--references", "photos"],
        ["train", "a.csv", "-o", "n\0w"],
    ],
)
def test_a_zero_byte_in_an_option_is_refused(command: list[str], place: Path, run: Run) -> None:
    assert "a zero byte in" in refused(run, place, *command)
