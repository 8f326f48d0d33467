"""originid upgrade: what it prints, and what show says of newer models."""

import json
import shlex
from pathlib import Path

import pytest

from fixture_types import Run
from originid.collection import newer_model as editions
from originid.collection.collection import create_collection, open_collection
from originid.collection.newer_model import EDITIONS, newer_model
from originid.model import Model, open_model
from originid.model_description import packaged_models


def test_a_collection_gets_another_model(
    run: Run, indexed: Path, other_model: Model, tmp_path: Path
) -> None:
    status, out, err = run("upgrade", indexed, "--model", other_model.folder)
    assert (status, err) == (0, "")
    known = f"model {other_model.folder} ({other_model.fingerprint[:8]})"
    assert out == f"{indexed}: 30 references with the vectors of {known}\n"
    status, out, err = run("upgrade", indexed, "--model", other_model.folder)
    assert (status, err) == (0, "")
    assert out == f"{indexed}: 30 references; they have the vectors of {known} already\n"
    assert run("find", tmp_path / "photos" / "0003.png", "--in", indexed)[0] == 0


def test_what_cannot_be_read_is_named_and_the_advice_works(
    run: Run, indexed: Path, other_model: Model, tmp_path: Path
) -> None:
    (tmp_path / "photos" / "0003.png").unlink()
    command = ["upgrade", indexed, "--model", other_model.folder]
    status, out, err = run(*command)
    assert status == 1
    assert out == f"cannot be read: {tmp_path / 'photos' / '0003.png'}: without their file\n"
    given, expected, todo = err.splitlines()
    assert given == "error: 1 reference of 30 cannot be read: 1 without their file"
    assert expected == "  expected the files of all references: vectors are made from them"
    assert "begun, or going on" in run("show", indexed)[1]
    status, out, _ = run(*command, "--json")
    done = json.loads(out)
    assert (status, done["finished"], done["references"]) == (1, False, 30)
    assert [row["path"] for row in done["left_out"]] == [str(tmp_path / "photos" / "0003.png")]
    shown = next(line for line in run("show", indexed)[1].splitlines() if "begun" in line)
    status, out, err = run(*shlex.split(shown.rpartition(": originid ")[2]))  # goes on with it
    assert status == 1
    assert err.startswith(f"{given}\n{expected}\n")
    advised = shlex.split(todo.rpartition(": originid ")[2])
    status, out, err = run(*advised)
    assert (status, err) == (0, "")
    assert "29 references" in out
    assert "1 reference left out" in out
    shown = json.loads(run("show", indexed, "--json")[1])
    assert (shown["fingerprint"], shown["upgrade_begun"]) == (other_model.fingerprint, False)


def test_an_upgrade_that_is_given_up_is_told(
    run: Run, indexed: Path, other_model: Model, model: Model, tmp_path: Path
) -> None:
    (tmp_path / "photos" / "0003.png").unlink()
    assert run("upgrade", indexed, "--model", other_model.folder)[0] == 1
    status, out, _ = run("upgrade", indexed, "--model", model.folder)
    assert status == 0
    first, second = out.splitlines()
    assert first == "the upgrade to another model, which was begun before, is given up"
    assert second.endswith(" already")
    assert "begun" not in run("show", indexed)[1]


def test_files_that_may_not_be_opened_are_explained(
    run: Run, indexed: Path, other_model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "another account"))
    status, _, err = run("upgrade", indexed, "--model", other_model.folder)
    assert status == 1
    assert "30 with a file that may not be opened" in err
    assert f"set ORIGINID_TRUSTED_FOLDERS={tmp_path / 'photos'} and run the command again" in err


def test_show_tells_of_a_newer_edition_and_upgrade_takes_it(
    run: Run, indexed: Path, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_up = tmp_path / "editions.json"
    made_up.write_text(json.dumps({"neural": ["0" * 32], "default": ["1" * 32, model.fingerprint]}))
    assert json.loads(run("show", indexed, "--json")[1])["newer_model"] is None
    assert newer_model(model.fingerprint, made_up) == "default"
    monkeypatch.setattr(editions.newer_model, "__defaults__", (made_up,))
    assert json.loads(run("show", indexed, "--json")[1])["newer_model"] == "default"
    (line,) = [line for line in run("show", indexed)[1].splitlines() if line.startswith("newer")]
    assert line.startswith("newer model        model default has a newer edition; to use it: ")
    assert run(*shlex.split(line.rpartition(": originid ")[2]))[0] == 0
    with open_collection(indexed) as collection:
        assert collection.model.fingerprint == open_model("default").fingerprint
    assert "newer model" not in run("show", indexed)[1]


@pytest.mark.parametrize("name", packaged_models())
def test_the_editions_of_packaged_models_are_listed(name: str) -> None:
    present = open_model(name).fingerprint
    known = json.loads(EDITIONS.read_text(encoding="utf-8"))[name]
    assert known[-1] == present, f"add {present} to the end of {name} in {EDITIONS.name}"
    assert newer_model(present) is None
    assert all(newer_model(earlier) == name for earlier in known[:-1])


def test_a_model_of_somebody_has_no_newer_edition(model: Model) -> None:
    assert newer_model(model.fingerprint) is None


def test_the_packaged_model_of_its_name_is_the_default(run: Run, tmp_path: Path) -> None:
    create_collection(tmp_path / "n", open_model("neural")).close()
    assert "model neural" in run("upgrade", tmp_path / "n")[1]
