"""Collections of strangers, through the command line, in a process with little memory and time."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import hostile_collections
from fixture_types import Run, WritePhotos
from hostile_collections import OPEN, REFUSED, Change, sound_copy
from originid.model import Model

SECONDS = 20.0  # that a command may take

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs pipes and limits of memory")


@pytest.fixture
def place(tmp_path: Path, model: Model, write_photos: WritePhotos, run: Run) -> Path:
    """A folder with photos, private pictures and a pipe, and a sound collection of the photos."""
    write_photos(5)
    write_photos(5, "secret", first=50)
    os.mkfifo(tmp_path / "secret" / "pipe")
    command = ("index", tmp_path / "photos", "--into", tmp_path / "sound", "--model", model.folder)
    assert run(*command)[0] == 0
    return tmp_path


def tried(place: Path, changes: dict[str, Change]) -> dict[str, dict[str, Any]]:
    """What became of each command on the sound collection after each change."""
    names = {name: place / f"c{number}" for number, name in enumerate(changes)}
    for name, change in changes.items():
        sound_copy(place / "sound", names[name], change)
    done = subprocess.run(
        [sys.executable, hostile_collections.__file__, place / "photos", *names.values()],
        capture_output=True,
        text=True,
        timeout=4 * SECONDS + 10 * len(changes),
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    lines = iter(map(json.loads, done.stdout.splitlines()))
    return {name: {line["command"]: line for line in (next(lines) for _ in range(4))}
            for name in names}  # fmt: skip


def test_a_search_goes_on_and_opens_nothing_that_was_not_named(place: Path) -> None:
    for name, commands in tried(place, OPEN).items():
        for command, told in commands.items():
            assert told["opened"] == [], (name, command)
            assert told["seconds"] < SECONDS, (name, command)
            assert "Traceback" not in told["err"], (name, command)
            assert command == "explain" or told["status"] in (0, 1, 3), (name, told)
        found = json.loads(commands["find"]["out"])
        if name != "damaged codes":
            assert len(found["matches"]) == 5, name
            assert found["matches"][0]["score"] > 0.99, name
        shown = json.loads(commands["show"]["out"])
        assert shown["references"] == 5, name
        untrusted = [match for match in found["matches"] if not match["trusted"]]
        if untrusted:
            assert "not opened" in commands["find"]["err"], name
            assert "5 files may not be opened" in shown["compared"], name
            assert commands["explain"]["status"] == 1, name
            words = "is not in the collection" if "out of" in name else "may not be opened"
            assert words in commands["explain"]["err"], name


def test_what_cannot_be_a_collection_is_refused_with_one_error(place: Path) -> None:
    changes = {name: change for name, (change, _) in REFUSED.items()}
    for name, commands in tried(place, changes).items():
        words = REFUSED[name][1]
        for command, told in commands.items():
            assert told["seconds"] < SECONDS, (name, command)
            assert "Traceback" not in told["err"], (name, command)
            assert len(told["err"]) < 5000, (name, command)
        if words:
            error = commands["find"]["err"]
            assert commands["find"]["status"] == 1, name
            assert words in error, (name, error)
            assert len(error.splitlines()) == 3, (name, error)
