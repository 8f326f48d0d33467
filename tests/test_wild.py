"""The benchmarks of moved edits: their counts by hand, and that they run on a few photos."""

import csv
import importlib
from pathlib import Path

import pytest

import wild
from fixture_types import WritePhotos
from originid.types import Answer, Match, Pair, Verdict

PAIR = Pair(Path("/a"), Path("/q"), "1")


def answer(reference: str, rate: float, view: str = "full") -> Answer:
    verdict = Verdict.ORIGIN if rate <= wild.STATED else Verdict.NONE
    return Answer("q", verdict, (Match(1, reference, 0.5, rate, view),))


def row(reference: str, rate: float, strange: float, view: str = "full") -> wild.Row:
    right = frozenset({"a"})
    return wild.Row(PAIR, answer(reference, rate, view), right, answer("c", strange), 0.02)


def test_a_line_by_hand() -> None:
    rows = [
        row("a", 1e-4, 0.5),  # found, and no stranger
        row("a", 0.5, 5e-3),  # found without certainty; as a stranger an origin at 0.01
        row("b", 1e-4, 5e-4),  # a wrong origin; as a stranger an origin at both rates
        row("a", 1e-4, 0.5, "mirrored"),
    ]
    expected = "| crop:25 | normal | 4 | 75.0 | 50.0 | 25.0 | 50.0 | 25.0 | 20 | 20 |"
    assert wild.line("crop:25", "normal", rows) == expected
    assert wild.line("none", "quick", rows[:1]).endswith("| 20 | - |")


def test_the_sample_has_one_pair_of_each_group() -> None:
    pairs = [Pair(Path(f"/{n}"), Path(f"/q{n}"), str(n % 5)) for n in range(20)]
    chosen = wild.sample(pairs, 4)
    assert len({pair.group for pair in chosen}) == len(chosen) == 4
    assert chosen == wild.sample(pairs, 4)


@pytest.mark.parametrize(
    "name",
    [
        "wild",
        pytest.param(
            "wild_stages",
            marks=pytest.mark.xfail(
                strict=True, raises=ImportError, reason="it asks for stages that are gone"
            ),
        ),
    ],
)
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
        writer.writerows((path, path, path.stem) for path in origins)
    moves = ["--moves", "none", "mirror", "--keep", str(tmp_path / "kept")]
    command = ["x", str(pairs), str(photos[0].parent), *moves]
    monkeypatch.setattr("sys.argv", command)
    importlib.import_module(name).main()
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("| mirror")]
    assert next(line for line in lines if line.startswith("| none")).count("100.0") >= 2
