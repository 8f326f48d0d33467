"""The benchmarks of moved edits: their counts by hand, and that they run on a few photos."""

import csv
import importlib
import shutil
from pathlib import Path

import pytest

import wild
from fixture_types import WritePhotos
from originid.answer import Answer, Match
from originid.types import Pair, Verdict
from wild_collections import sample


def answer(reference: str, rate: float) -> Answer:
    verdict = Verdict.ORIGIN if rate <= wild.TIGHT else Verdict.NONE
    return Answer("q", verdict, (Match(1, reference, 0.5, rate),))


def row(reference: str, rate: float, strange: float, group: str = "1") -> wild.Row:
    pair = Pair(Path("/a"), Path("/q"), group)
    found = answer(reference, rate)
    return wild.Row(pair, frozenset({"a"}), answer("b", 1.0), found, answer("c", strange), 0.0)


def test_a_line_by_hand() -> None:
    rows = [
        row("a", 1e-4, 0.5),  # found, and no stranger
        row("a", 5e-3, 5e-3),  # found at 0.01 alone; as a stranger an origin there too
        row("b", 1e-4, 5e-4, "2"),  # a wrong origin; as a stranger an origin at both rates
        row("a", 0.5, 0.5, "3"),  # found without certainty
    ]
    # Averages over the groups: the first two rows are one.
    expected = "| crop:25 | 4 | 0.0 | 66.7 | 66.7 | 16.7 | 33.3 | 33.3 | 33.3 | 33.3 | 50.0 |"
    assert wild.line("crop:25", rows) == expected


def test_the_sample_has_one_pair_of_each_group() -> None:
    pairs = [Pair(Path(f"/{n}"), Path(f"/q{n}"), str(n % 5)) for n in range(20)]
    chosen = sample(pairs, 4)
    assert len({pair.group for pair in chosen}) == len(chosen) == 4
    assert chosen == sample(pairs, 4)


@pytest.mark.parametrize("name", ["wild", "wild_stages"])
def test_they_run(
    name: str,
    write_photos: WritePhotos,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    photos = write_photos(56)
    origins = write_photos(2, "origins", 900)
    pairs = tmp_path / "pairs.csv"
    with pairs.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("origin", "query", "origin_group"))
        edits = [shutil.copy(path, tmp_path / f"edit {path.name}") for path in origins]
        rows = zip(origins, edits, strict=True)
        writer.writerows((path, edit, path.stem) for path, edit in rows)
    moves = ["--moves", "none", "mirror", "--keep", str(tmp_path / "kept")]
    command = ["x", str(pairs), str(photos[0].parent), *moves]
    monkeypatch.setattr("sys.argv", command)
    importlib.import_module(name).main()
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("| mirror")]
    assert next(line for line in lines if line.startswith("| none")).count("100.0") >= 2
