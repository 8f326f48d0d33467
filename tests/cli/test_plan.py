"""originid plan: what it prints, what it refuses, and prices of one's own."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fixture_types import Run
from originid.cli.plan import LABELS, duration, in_bytes
from originid.scale.tables import FOLDER, read_constants

RunJson = Callable[..., Any]
KEYS = {"value", "unit", "basis", "note", "ci95"}
BASES = {"measured", "extrapolated", "assumed", "stated", "not measured"}


@pytest.mark.parametrize("references", ["1", "50_000", "1,000,000", "1e9", "1e12"])
def test_the_json_of_a_plan(references: str, run_json: RunJson) -> None:
    made = run_json("plan", "--references", references, "--queries-per-second", "100")
    assert list(made) == ["references", "queries_per_second", "engine", "figures", "tested"]
    assert made["references"] == int(float(references.replace(",", "")))
    assert made["engine"]["name"] in ("folder", "milvus")
    assert list(made["engine"]) == ["name", "why", "others"]
    assert set(made["figures"]) == set(LABELS)
    for figure in made["figures"].values():
        assert set(figure) == KEYS
        assert figure["basis"] in BASES
        assert (figure["value"] is None) == (figure["basis"] == "not measured")
    assert all(isinstance(sentence, str) for sentence in made["tested"])


def test_a_small_size_is_a_folder_and_a_large_one_is_not(run: Run) -> None:
    status, out, err = run("plan", "--references", "10000")
    assert (status, err) == (0, "")
    assert "engine: folder: one machine is enough" in out
    assert "engine: milvus: " in run("plan", "--references", "1e12")[1]


def test_every_line_says_where_its_figure_comes_from(run: Run) -> None:
    _, out, _ = run("plan", "--references", "1e9")
    lines = out.splitlines()
    table = lines[lines.index("") + 1 :]
    table = table[table.index("") + 1 :]
    table = table[: table.index("")]
    assert len(table) == len(LABELS)
    assert all(any(basis in line for basis in BASES) for line in table)


@pytest.mark.parametrize(
    ("option", "given", "expected"),
    [
        ("--references", "0", "expected a number from 1 to 1,000,000,000,000"),
        ("--references", "-1", "expected a number from 1 to 1,000,000,000,000"),
        ("--references", "1e30", "expected a number from 1 to 1,000,000,000,000"),
        ("--references", "many", "expected a number from 1 to 1,000,000,000,000"),
        ("--references", "nan", "expected a number from 1 to 1,000,000,000,000"),
        ("--references", "", "expected a number from 1 to 1,000,000,000,000"),
        ("--references", "1.5", "expected a whole number"),
        ("--queries-per-second", "0", "expected a number from 0.001 to 1,000,000"),
        ("--queries-per-second", "inf", "expected a number from 0.001 to 1,000,000"),
    ],
)
def test_wrong_numbers_are_refused(option: str, given: str, expected: str, run: Run) -> None:
    words = [option, given] if option == "--references" else ["--references", "9", option, given]
    status, out, err = run("plan", *words)
    assert (status, out) == (2, "")
    first, second, third = err.splitlines()
    assert first == f"error: {option} {given}"
    assert second == f"  {expected}"
    example = third.removeprefix(f"  for example {option} ")
    status, _, _ = run("plan", "--references", "9", option, example)
    assert status == 0  # the advice works


def prices(tmp_path: Path, **changes: Any) -> Path:
    """A copy of the packaged prices with some entries changed."""
    table = json.loads((FOLDER / "prices.json").read_text(encoding="utf-8"))
    path = tmp_path / "prices.json"
    path.write_text(json.dumps({**table, **changes}), encoding="utf-8")
    return path


def test_prices_of_ones_own(tmp_path: Path, run_json: RunJson) -> None:
    machine = {"cores": 4, "memory_gb": 8, "disk_gb": 100, "per_hour": 7}
    path = prices(tmp_path, machine=machine, currency="CHF", source="our own rack")
    made = run_json("plan", "--references", "1e6", "--prices", path)
    cost = made["figures"]["cost_per_million"]
    rate = read_constants().embedding[0].per_second
    assert cost["value"] == pytest.approx(1e6 / rate / 4 / 3600 * 7)
    assert cost["unit"] == "CHF"
    assert "our own rack" in made["tested"][-1]


def test_a_smaller_machine_holds_less(tmp_path: Path, run_json: RunJson) -> None:
    machine = {"cores": 1, "memory_gb": 0.5, "disk_gb": 10, "per_hour": 0}
    path = prices(tmp_path, machine=machine)
    made = run_json("plan", "--references", "1e7", "--prices", path)
    assert made["figures"]["machines"]["value"] > 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{}", "it lacks 'format'"),
        ("[]", "it holds a list"),
        ("no json", "Expecting value"),
        ('{"format": 7}', "format 7, this version reads 1"),
        ('{"format": 1, "machine": 3}', "of another kind"),
        ('{"format": 1}', "it lacks 'machine'"),
    ],
)
def test_a_table_that_is_none(text: str, reason: str, tmp_path: Path, run: Run) -> None:
    path = tmp_path / "prices.json"
    path.write_text(text, encoding="utf-8")
    assert_refused(path, reason, run)


@pytest.mark.parametrize("cores", [0, -1, 2.5, "16", True, 1e30, None])
def test_a_machine_that_is_none(cores: object, tmp_path: Path, run: Run) -> None:
    machine = {"cores": cores, "memory_gb": 1, "disk_gb": 1, "per_hour": 1}
    assert_refused(prices(tmp_path, machine=machine), "cores is ", run)


def test_prices_that_are_missing(tmp_path: Path, run: Run) -> None:
    assert_refused(tmp_path / "none.json", "No such file", run)


def assert_refused(path: Path, reason: str, run: Run) -> None:
    status, out, err = run("plan", "--references", "1e6", "--prices", path)
    assert (status, out) == (1, "")
    first, second, third = err.splitlines()
    assert str(path) in first
    assert reason in first
    assert second.startswith("  expected a table of prices")
    assert str(FOLDER / "prices.json") in third


def test_sizes_and_times_in_words() -> None:
    assert [in_bytes(n) for n in (5, 1500, 2.5e6, 3e9, 4.56e12)] == [
        "5 bytes", "1.5 kB", "2.5 MB", "3 GB", "4.56 TB",
    ]  # fmt: skip
    assert [duration(s) for s in (0.0123, 5, 90, 7200, 86400, 864000)] == [
        "12.3 ms", "5 s", "1.5 min", "2 h", "24 h", "10 days",
    ]  # fmt: skip


def test_show_says_when_to_move(indexed: Path, run: Run) -> None:
    _, out, _ = run("show", indexed)
    line = next(line for line in out.splitlines() if line.startswith("growth"))
    assert "a query takes about " in line
    command = line.split("consider milvus: originid ")[1]
    assert run(*command.split())[0] == 0
