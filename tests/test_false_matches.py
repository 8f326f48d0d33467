"""The benchmark of false matches: its counts by hand, and that it runs on a few photos."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from asking import count
from fixture_types import WritePhotos
from originid.answer import Answer, Match
from originid.types import Verdict
from picture_kinds import BLANKS, blanks

BENCHMARK = Path(__file__).parent.parent / "benchmarks" / "false_matches.py"


def answer(rate: float, reference: str = "a") -> Answer:
    return Answer("q", Verdict.NONE, (Match(1, reference, 0.5, rate),))


def test_counts_by_hand() -> None:
    nothing = Answer("q", None, error="no image")
    found = count("part", "kind", 9, [answer(1e-5), answer(5e-3), nothing, answer(0.5)])
    assert found.queries == 3
    assert found.origins["strict"][0] == pytest.approx(1 / 3)
    assert found.origins["wide"][0] == pytest.approx(2 / 3)
    assert found.examples == [("q", "a", 1e-5)]


def test_the_right_one_and_another_one_are_told_apart() -> None:
    answers = [answer(1e-5, "a"), answer(1e-5, "b"), answer(1e-5, "b")]

    def shares(counted: str, groups: list[str] | None = None) -> float:
        found = count("p", "k", 9, answers, counted, groups, lambda _, name: name == "a")
        return found.origins["balanced"][0]

    assert shares("true") == pytest.approx(1 / 3)
    assert shares("wrong") == pytest.approx(2 / 3)
    assert shares("true", ["x", "y", "y"]) == pytest.approx(1 / 2)  # a group counts once


def test_blank_pictures_of_one_seed_are_the_same() -> None:
    for kind in BLANKS:
        first, again = (blanks(kind, 3, 5) for _ in range(2))
        assert [a.tobytes() for a in first] == [b.tobytes() for b in again]


def test_it_runs(write_photos: WritePhotos) -> None:
    folder = write_photos(64)[0].parent
    command = [
        sys.executable,
        str(BENCHMARK),
        str(folder),
        "--halves",
        "--effort",
        "quick",
        "--json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(row["kind"], row["references"], row["queries"]) for row in rows] == [
        ("photos", 32, 64),
        ("all together", 32, 64),
    ]
    refused = subprocess.run([*command[:2], "none"], capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "expected folders" in refused.stderr
