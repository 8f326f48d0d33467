"""What experiments share: data, labels, and results that are computed once."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from originid.errors import InputError
from originid.experiments import (
    ExperimentContext,
    ExperimentInputs,
    run_one,
)
from originid.experiments.harness.labels import label_pair
from originid.experiments.tables import (
    figure7,
)
from originid.training.metric.settings import MetricLearning
from originid.types import Pair
from small_context import SMALLEST


def test_a_part_is_computed_once(context: ExperimentContext) -> None:
    calls: list[int] = []

    def compute() -> list[int]:
        calls.append(1)
        return [1, 2]

    assert context.cached("x", {"a": 1}, compute) == [1, 2]
    assert context.cached("x", {"a": 1}, compute) == [1, 2]
    assert len(calls) == 1
    context.cached("x", {"a": 2}, compute)
    assert len(calls) == 2


def test_a_part_is_computed_anew_for_other_data_and_when_damaged(
    material: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(material, data)
    inputs, values = ExperimentInputs(data=f"realpairs:{data}"), iter(range(9))

    def part() -> object:  # as a new process would
        return ExperimentContext(inputs, tmp_path / "out").cached("x", {}, lambda: next(values))

    assert [part(), part()] == [0, 0]
    (damaged,) = (tmp_path / "out" / "parts").iterdir()
    damaged.write_text('{"value')
    assert [part(), part()] == [1, 1]
    (data / "photos" / "00.png").unlink()
    assert [part(), part()] == [2, 2]
    manifest = data / "pairs" / "manifest.csv"
    manifest.write_text(manifest.read_text().replace("inversion", "other"))
    assert [part(), part()] == [3, 3]
    (data / "pairs" / "o1.png").write_bytes(b"no image")
    assert part() == 4


def test_files_that_cannot_be_used_are_reported(
    material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figure7, "LEVELS", {"jpeg": ("30",)})
    monkeypatch.setattr(figure7, "PACKAGED", SMALLEST)
    data = tmp_path / "data"
    shutil.copytree(material, data)
    (data / "pairs" / "q3-0.png").write_bytes(b"no image")
    inputs = ExperimentInputs(data=f"realpairs:{data}")
    for _ in range(2):  # computed, and from the parts
        report = run_one(ExperimentContext(inputs, tmp_path / "out"), tmp_path / "out", "figure7")
        assert [Path(failure.path).name for failure in report.failures] == ["q3-0.png"]
    stored = json.loads((tmp_path / "out" / "figure7.json").read_text())
    assert len(stored["unreadable"]) == 1


def test_a_seed_reaches_what_is_learned(context: ExperimentContext) -> None:
    other = ExperimentContext(replace(context.inputs, seed=5))
    learned = other.map_settings("mlp-2")
    assert isinstance(learned, MetricLearning)
    assert learned.seed == 5
    assert other.map_settings("full") == context.map_settings("full")


def test_a_part_that_fails_is_tried_again(context: ExperimentContext) -> None:
    def fails() -> None:
        raise InputError("given", "expected", "todo")

    with pytest.raises(InputError):
        context.cached("x", {}, fails)
    assert context.cached("x", {}, lambda: 3) == 3


def test_labels(material: Path) -> None:
    data = ExperimentContext(ExperimentInputs(data=f"realpairs:{material}")).dataset
    fields = {"model": "SD 1.5 x", "method": "Edit by ip2p", "kind": "instruct"}
    pair = Pair(Path("a"), Path("b"), "g", fields)
    found = label_pair(pair, data).fields
    assert (found["family"], found["training"]) == ("SD 1", "seen")
    assert found["paradigm"] == "InstructPix2Pix"
    other = label_pair(Pair(Path("a"), Path("b"), "g", {"model": "Bria"}), data).fields
    assert (other["family"], other["training"], other["paradigm"]) == ("other", "unseen", "")
