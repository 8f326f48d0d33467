"""The storm: a short one is exact, and it notices what is lost, kept, doubled or made up."""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("resource", reason="needs the limits of Unix")

from originid.collection.adding import store_images
from originid.collection.collection import open_collection
from storm import Process, Storm, answered_wrongly, begin, drawn, ended_wrongly, settle

BENCHMARK = Path(__file__).parent.parent / "benchmarks" / "storm.py"


def test_a_short_storm_is_exact() -> None:
    words = [sys.executable, str(BENCHMARK), "--rounds", "2", "--photos", "40", "--json"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads(done.stdout)
    assert (result["rounds"], result["wrong"], result["index, processes"]) == (2, 0, 12)
    assert result["photos acknowledged"] > 0


@pytest.fixture
def storm(tmp_path: Path) -> Storm:
    """A storm of eight photos, the first four of which are in the collection."""
    storm = begin(tmp_path, argparse.Namespace(photos=8, seed=0, disk=None))
    storm.present = set(list(storm.vectors)[:4])
    with open_collection(storm.place) as collection:
        store_images(collection, sorted(storm.present))
    return storm


def process(storm: Storm, name: str, photos: list[str], status: int, text: str = "") -> Process:
    output = storm.folder / f"output-{name}"
    output.write_text(text)
    return Process([name], photos, "ends", output, status=status)


def test_what_is_as_it_was_said_is_right(storm: Storm) -> None:
    there, absent = list(storm.vectors)[:4], list(storm.vectors)[4:]
    settle(storm, [process(storm, "index", there, 0), process(storm, "remove", absent, 0)])
    assert storm.wrong == []
    # A command that was cut off may have done a part, or nothing.
    settle(storm, [process(storm, "index", absent, -9), process(storm, "remove", there, -9)])
    assert storm.wrong == []
    assert storm.present == set(there)


def test_what_was_acknowledged_and_is_not_so_is_wrong(storm: Storm) -> None:
    there, absent = list(storm.vectors)[:4], list(storm.vectors)[4:]
    settle(storm, [process(storm, "index", absent[:1], 0), process(storm, "remove", there[:1], 0)])
    lost, kept = storm.wrong
    assert lost == f"lost: {absent[:1]}"
    assert kept == f"not removed, or never added: {there[:1]}"
    storm.wrong.clear()
    storm.present = set(there[:3])
    settle(storm, [])
    assert storm.wrong == [f"not removed, or never added: {there[3:]}"]


def test_another_vector_is_wrong(storm: Storm) -> None:
    first, second = list(storm.vectors)[:2]
    storm.vectors[first], storm.vectors[second] = storm.vectors[second], storm.vectors[first]
    settle(storm, [])
    assert storm.wrong[:2] == [
        "the vector of id 1 is another one",
        "the vector of id 2 is another one",
    ]


def test_answers_that_name_something_else_are_wrong(storm: Storm) -> None:
    there, absent = list(storm.vectors)[:4], list(storm.vectors)[4:]

    def wrong(*named: str) -> list[str]:
        line = json.dumps({"query": there[0], "matches": [{"reference": each} for each in named]})
        find = process(storm, "find", there[:1], 0, line)
        return list(answered_wrongly(find, storm, [find, process(storm, "index", absent[:1], 0)]))

    assert wrong(there[0], there[1], absent[0]) == []
    assert "first" in wrong(there[1], there[0])[0]
    assert "never added" in wrong(there[0], absent[1])[0]
    assert "0 answers" in "".join(answered_wrongly(process(storm, "find", there[:1], 0), storm, []))


@pytest.mark.parametrize(
    ("fate", "status", "text", "full", "right"),
    [
        ("ends", 0, "", False, True),
        ("ends", 1, "error: cannot write", False, False),
        ("ends", 1, "error: cannot write", True, True),
        ("ends", 1, "error: no working locks", True, False),
        ("full", 1, "error: cannot write", False, True),
        ("killed", -9, "", False, True),
        ("ends", -9, "", False, False),
        ("interrupted", 130, "interrupted", False, True),
        ("ends", 0, "Traceback (most recent", False, False),
    ],
)
def test_how_a_process_may_end(
    fate: str, status: int, text: str, full: bool, right: bool, storm: Storm
) -> None:
    ended = process(storm, "index", [], status, text)
    ended.fate = fate
    assert (list(ended_wrongly(ended, storm, full)) == []) is right


def test_a_round_gives_each_photo_to_one_process_of_a_kind(storm: Storm) -> None:
    processes = drawn(storm)
    for name in ("index", "remove"):
        given = [photo for each in processes if each.name == name for photo in each.photos]
        assert len(given) == len(set(given))
    removed = {photo for each in processes if each.name == "remove" for photo in each.photos}
    asked = {photo for each in processes if each.name == "find" for photo in each.photos}
    assert asked <= storm.present - removed
