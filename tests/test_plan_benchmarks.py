"""The benchmarks behind `originid plan`: their arithmetic by hand, and that they run."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import plan_constants
import projection_shares
from fixture_types import WritePhotos
from originid.evaluation.projection import projected_acc
from originid.evaluation.protocol import Truth
from originid.scale.expected import read_expected
from originid.scale.tables import read_constants
from originid.verdict.lead import LISTED

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
ROW = {
    "references": 1000,
    "disk_mb": 4.0,
    "peak_mb": 100.0,
    "single_ms": 5.0,
    "queries_per_s": 250.0,
    "first_open_s": 0.5,
    "recall_at_1": 0.99,
    "numpy_single_ms": 1.0,
}
INDEXING = {
    "machine": "m",
    "workers": 1,
    "photos": {"images": 20, "images_per_s": 400.0, "store_s": 0.01},
    "12 megapixels": {"images": 2, "images_per_s": 20.0},
}


def lines(*rows: dict[str, float]) -> str:
    return "\n".join(map(json.dumps, rows)) + "\n"


def test_rows_of_a_search_become_points() -> None:
    larger = {**ROW, "references": 9000, "single_ms": 9.0}
    first, second = plan_constants.points(lines(larger, {**ROW, "disk_mb": 9.0}, ROW))
    assert first == {
        "references": 1000,
        "disk_bytes": 4 * 2**20,  # the last row of a size counts
        "memory_bytes": 100 * 2**20,
        "query_s": 0.005,
        "batch_s": 0.004,
        "build_s": 0.5,
        "recall": 0.99,
    }
    assert (second["references"], second["query_s"]) == (9000, 0.009)


def test_rows_of_a_server_become_points_too() -> None:
    row = {key: value for key, value in ROW.items() if key not in ("peak_mb", "first_open_s")}
    (point,) = plan_constants.points(lines({**row, "server_mb": 200.0, "build_s": 7.0}))
    assert (point["memory_bytes"], point["build_s"]) == (200 * 2**20, 7)


def test_rates_of_several_workers_are_refused() -> None:
    assert [each["per_second"] for each in plan_constants.embedding(json.dumps(INDEXING))] == [
        400, 20,
    ]  # fmt: skip
    with pytest.raises(ValueError, match="2 workers"):
        plan_constants.embedding(json.dumps({**INDEXING, "workers": 2}))


def test_the_table_is_written_from_rows_and_keeps_other_engines(tmp_path: Path) -> None:
    search, indexing, milvus = (tmp_path / name for name in ("search", "indexing", "milvus"))
    search.write_text(lines(ROW, {**ROW, "references": 2000}))
    indexing.write_text(json.dumps(INDEXING))
    milvus.write_text(lines({**ROW, "single_ms": 20.0}))
    out = tmp_path / "constants.json"
    script: list[str | Path] = [
        sys.executable,
        BENCHMARKS / "plan_constants.py",
        "PHOTOS",
        "-o",
        out,
    ]
    script += ["--search", search, "--indexing", indexing]
    subprocess.run([*script, "--engine", f"milvus={milvus}", "--remark", "alone"], check=True)
    subprocess.run([*script, "--remark", "alone"], check=True)
    table = read_constants(out)
    assert table.machine.endswith("; alone")
    assert table.storing == pytest.approx(2000)
    assert table.folder.query.at(1500) == pytest.approx(0.005)
    assert table.engines["milvus"] is not None
    assert table.engines["milvus"].query.values == (0.02,)
    assert table.engines["postgresql"] is None
    wrong = [*script, "--engine", "oracle=x"]
    assert subprocess.run(wrong, capture_output=True, check=False).returncode == 2


def test_who_stays_first() -> None:
    first, p = np.array([True, True, False]), np.array([0.0, 1e-4, 1e-2])
    few = projection_shares.still_first(first, p, 1000, 100)
    assert few == pytest.approx([1, 1, np.exp(-1)])
    many = projection_shares.still_first(first, p, 1000, 11_000)
    assert many == pytest.approx([1, np.exp(-1), 0])
    # Where all came first, as many more strangers do what the protocol's projection says.
    assert many[1] == pytest.approx(projected_acc(1e-4, 10_000))


def test_accuracy_at_the_counted_size_is_the_count_and_never_rises() -> None:
    rng = np.random.default_rng(0)
    first, p = rng.random(50) < 0.8, 10 ** rng.uniform(-9, -3, 50)
    p = np.where(first, p, 2e-3)
    groups = [str(i // 2) for i in range(50)]
    points = projection_shares.accuracy(first, p, groups, 1000, (100, 10_000, 1_000_000))
    assert [point["references"] for point in points] == [100, 1000, 10_000, 1_000_000]
    assert points[1]["value"] == pytest.approx(100 * first.mean())
    values = [point["value"] for point in points]
    assert values == sorted(values, reverse=True)
    assert all(point["low"] <= point["value"] <= point["high"] for point in points)


@pytest.mark.parametrize("draw", ["exponential", "uniform"])
def test_the_best_of_many_strangers_are_foreseen(draw: str) -> None:
    rng = np.random.default_rng(1)
    scores = getattr(rng, draw)(size=20_000)
    foreseen = projection_shares.highest_strangers(scores[:2000], 20_000)
    seen = np.sort(scores)[::-1][: LISTED - 1]
    assert foreseen.shape == (LISTED - 1,)
    assert (np.diff(foreseen) < 0).all()
    assert foreseen[20] == pytest.approx(seen[20], rel=0.2)


def test_a_right_verdict_needs_a_lead_and_the_first_rank() -> None:
    rng = np.random.default_rng(2)

    def unit(rows: np.ndarray) -> np.ndarray:
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)

    references = unit(rng.normal(size=(3000, 64)))
    queries = unit(references[:2] + 0.01 * unit(rng.normal(size=(2, 64))))
    nothing = (np.zeros(0, np.int64),) * 2
    truth = Truth((np.array([0]), np.array([5])), nothing)  # the second one is of another origin
    p = np.array([1e-5, 1e-5])

    def chances(needed: float) -> list[float]:
        found = projection_shares.right_verdicts(queries, references, truth, p, needed, 103_000)
        return [float(each) for each in found]

    assert chances(3.0) == pytest.approx([np.exp(-1), 0])
    assert chances(1e6) == [0, 0]


def test_the_projection_runs_and_writes_a_table_that_can_be_read(
    tmp_path: Path, write_photos: WritePhotos
) -> None:
    photos = write_photos(430)
    rows = ["origin,query,source,band"]
    for number, photo in enumerate(photos[1:9]):
        band = ("tight", "moved", "redrawn")[number % 3]
        rows.append(f"{photo},{photos[0]},s{number % 4},{band}")
    pairs, out = tmp_path / "pairs.csv", tmp_path / "expected.json"
    pairs.write_text("\n".join(rows))
    command: list[str | Path] = [
        sys.executable,
        BENCHMARKS / "projection.py",
        pairs,
        "--references",
    ]
    command += [Path(photos[0]).parent, "--about", "a few", "--crops", "1", "-o", out]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    printed = json.loads(done.stdout)
    assert len(printed["parts"]) == 1
    assert read_expected(out).pairs == "a few"
