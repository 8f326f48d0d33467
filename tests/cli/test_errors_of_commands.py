"""What each command says when it cannot do its work: three parts, no traceback, nothing made."""

import json
import os
from pathlib import Path

import pytest

from extras import needs_torch
from fixture_types import Run
from originid.model import Model

FAILING: dict[str, tuple[list[str], list[str]]] = {
    # What was given, and words of each of the three parts.
    "index: no model": (
        ["index", "photos", "--into", "new", "--model", "none"],
        ["model", "expected", "originid train --help"],
    ),
    "index: not a folder of ours": (
        ["index", "photos", "--into", "other"],
        ["other exists", "new or empty folder", "another name"],
    ),
    "find: no collection": (
        ["find", "photos", "--in", "other"],
        ["no collection at other", "collection.sqlite", "originid index"],
    ),
    "decide: no collection": (
        ["decide", "good.csv", "good.csv", "--yes", "--in", "none"],
        ["no collection at none", "collection.sqlite", "originid index"],
    ),
    "remove: no collection": (
        ["remove", "photos", "--from", "none"],
        ["no collection at none", "collection.sqlite", "originid index"],
    ),
    "upgrade: no collection": (
        ["upgrade", "photos"],
        ["no collection at photos", "collection.sqlite", "index photos --into photos-collection"],
    ),
    "show: no collection": (
        ["show", "photos"],
        ["no collection at photos", "collection.sqlite", "index photos --into photos-collection"],
    ),
    "show: a torn database": (["show", "torn"], ["torn", "expected", ""]),
    "evaluate: no manifest": (
        ["evaluate", "none.csv", "--references", "photos"],
        ["none.csv: No such file", "expected a CSV file", "check the path"],
    ),
    "evaluate: no column of origins": (
        ["evaluate", "bad.csv", "--references", "photos"],
        ["bad.csv", "origin", ""],
    ),
    "evaluate: no photos": (
        ["evaluate", "good.csv", "--references", "none"],
        ["none", "expected", ""],
    ),
    "evaluate: no such attack": (
        ["evaluate", "good.csv", "--references", "photos", "--attack", "rain:1"],
        ["rain", "jpeg", ""],
    ),
    "evaluate: an attack out of its range": (
        ["evaluate", "good.csv", "--references", "photos", "--attack", "jpeg:900"],
        ["900", "expected", ""],
    ),
    "train: no manifest": (
        ["train", "none.csv", "-o", "new"],
        ["none.csv: No such file", "expected a CSV file", "check the path"],
    ),
    "train: a model that is there": (
        ["train", "good.csv", "-o", "other", "--encoder", "tones", "--map", "raw"],
        ["other exists", "new or empty folder", "another name"],
    ),
    "train: no encoder": (
        ["train", "good.csv", "-o", "new", "--encoder", "nothing"],
        ["nothing", "pixels", ""],
    ),
    "train: settings that are no JSON": (
        ["train", "good.csv", "-o", "new", "--map", "bad.json"],
        ["bad.json", "expected", ""],
    ),
    "experiment: no such name": (
        ["experiment", "table99", "-o", "new"],
        ["no experiment 'table99'", "expected one of data, table1", "did you mean table9?"],
    ),
    "experiment: weights without a source": (
        ["experiment", "table2", "-o", "new", "--baseline", "simsiam"],
        ["--baseline simsiam", "and the source of its weights", "--baseline simsiam:"],
    ),
    "experiment: no such public model": (
        ["experiment", "table2", "-o", "new", "--baseline", "simsian:w.pt"],
        ["baseline 'simsian'", "expected one of", "did you mean simsiam?"],
    ),
    "experiment: no such data": (
        ["experiment", "data", "-o", "new", "--data", "imagenet"],
        ["data set 'imagenet'", "expected one of realpairs", "docs/datasets.md"],
    ),
    "experiment: data twice": (
        ["experiment", "data", "-o", "new", "--data", "pairs:x", "--pairs", "good.csv"],
        ["beside pairs", "expected either", "leave out"],
    ),
    "experiment: no such scale": (
        ["experiment", "data", "-o", "new", "--scale", "huge"],
        ["scale 'huge'", "expected small, paper", "choose one"],
    ),
    "experiment: a folder of others": (
        ["experiment", "data", "-o", "other", "--data", "pairs:."],
        ["other exists", "begun before", "another folder"],
    ),
    "demo: a folder of others": (
        ["demo", "-o", "other"],
        ["other exists", "new or empty folder", "another name"],
    ),
    "generate: no such generator": (
        ["generate", "photos", "-o", "new", "--generator", "sd-99"],
        ["sd-99", "expected", ""],
    ),
    "distill: a teacher of another shape": (
        ["distill", "photos", "--teacher", "tones", "-o", "new.onnx"],
        ["teacher tones", "an eighth of its images", "name a VAE encoder"],
    ),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, pairs: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with what can be wrong in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").symlink_to(pairs.parent / "photos")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter").write_text("dear")
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "collection.sqlite").write_bytes(b"SQLite format 3\0" + bytes(100))
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n")
    (tmp_path / "bad.json").write_text("{")
    lines = pairs.read_text(encoding="utf-8").splitlines()
    rows = [line.split(",") for line in lines[1:]]
    whole = [
        ",".join([f"{pairs.parent / a}", f"{pairs.parent / b}", *rest]) for a, b, *rest in rows
    ]
    (tmp_path / "good.csv").write_text("\n".join([lines[0], *whole]), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("case", FAILING)
def test_an_error_has_three_parts(case: str, folder: Path, run: Run) -> None:
    arguments, parts = FAILING[case]
    if arguments[0] == "experiment":
        pytest.importorskip("matplotlib", reason="needs the extra [experiments]")
    if arguments[0] in ("generate", "distill"):
        pytest.importorskip("torch", reason="needs the extra [generate] or [train]")
    before = sorted(path.name for path in folder.iterdir())
    status, out, err = run(*arguments)
    assert out == ""
    assert status in (1, 2)
    assert "Traceback" not in err
    lines = err.splitlines()
    assert len(lines) == 3, err
    given, expected, todo = lines
    assert given.startswith("error: ")
    for line, part in zip((given, expected, todo), parts, strict=True):
        assert part in line
    assert expected.startswith("  ")
    assert expected.strip()
    assert todo.startswith("  ")
    assert todo.strip()
    assert sorted(path.name for path in folder.iterdir()) == before
    assert [path.name for path in (folder / "other").iterdir()] == ["letter"]


@pytest.mark.parametrize("case", FAILING)
def test_with_json_an_error_is_still_on_stderr(case: str, folder: Path, run: Run) -> None:
    arguments, parts = FAILING[case]
    if arguments[0] == "experiment":
        pytest.importorskip("matplotlib", reason="needs the extra [experiments]")
    if arguments[0] in ("generate", "distill"):
        pytest.importorskip("torch", reason="needs the extra [generate] or [train]")
    status, out, err = run(*arguments, "--json")
    assert status in (1, 2)
    assert out == ""
    assert parts[0] in err


MISSING: dict[str, list[str]] = {
    "index": ["images", "--into"],
    "find": ["QUERY", "--in"],
    "remove": ["REFERENCE", "--from"],
    "show": ["COLLECTION"],
    "evaluate": ["PAIRS.csv", "--references"],
    "train": ["PAIRS.csv", "--output"],
    "distill": ["IMAGES", "--teacher"],
    "import-official": ["FILE", "--vae"],
    "experiment": ["NAME", "--output"],
}


@pytest.mark.parametrize("command", MISSING)
def test_what_is_missing_is_named(command: str, run: Run) -> None:
    status, out, err = run(command)
    assert (status, out) == (2, "")
    assert any(part in err for part in MISSING[command])


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["find", "a", "--in", "c", "--top", "none"], "--top"),
        (["index", "a", "--into", "c", "--workers", "0"], "--workers"),
        (["train", "a.csv", "-o", "m", "--dim", "many"], "--dim"),
        pytest.param(["distill", "a", "--teacher", "t", "-o", "e.bin"], ".onnx", marks=needs_torch),
        (["experiment", "data", "-o", "x", "--seed", "-1"], "--seed"),
        (["show", "c", "--verfy"], "--verify"),
    ],
)
def test_a_wrong_option_is_named(arguments: list[str], named: str, run: Run) -> None:
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert named in err


def test_a_disk_that_refuses_is_an_error(
    indexed: Path, model: Model, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    new = tmp_path / "new"
    status, out, err = run("index", indexed.parent / "photos", "--into", new, "--model",
                           model.folder)  # fmt: skip
    assert (status, out) == (1, "")
    assert "No space left on device" in err
    assert "free some space" in err
    assert not new.exists()


def test_names_of_any_bytes_reach_json_and_the_terminal(indexed: Path, run: Run) -> None:
    odd = os.fsdecode(b"caf\xe9\n.jpg")
    status, out, _ = run("find", odd, "--in", indexed, "--json")
    assert status == 1
    assert json.loads(out)["query"] == odd
    status, out, err = run("find", odd, "--in", indexed)
    assert (status, out) == (1, "")
    assert err.startswith("caf\\udce9\\n.jpg: error: ")
    assert len(err.splitlines()) == 1
