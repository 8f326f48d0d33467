"""Tables of what torch trains or makes."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from originid.experiments import (
    ExperimentContext,
    ExperimentInputs,
    ExperimentReport,
    open_experiment,
)
from originid.experiments.harness import small_edits
from originid.experiments.scale import Scale
from originid.experiments.tables import (
    table3,
)
from originid.experiments.tables import table8 as strength
from small_context import SMALLEST, SmallContext


def test_trained_networks_and_costs(
    monkeypatch: pytest.MonkeyPatch,
    write_report_of: Callable[[str], ExperimentReport],
    context: ExperimentContext,
    tmp_path: Path,
) -> None:
    pytest.importorskip("torch", reason="needs the extra [train]")
    pytest.importorskip("pytorch_metric_learning", reason="needs the extra [train]")
    from originid.experiments import scale
    from originid.experiments.harness import judging_networks as networks
    from originid.experiments.harness import trained_methods
    from originid.experiments.trained_networks.settings import PRESETS

    quick = {name: replace(PRESETS[name], steps=3) for name in ("ibn-net", "qaconv-gs")}
    for module in (scale, trained_methods, table3):
        monkeypatch.setattr(module, "PRESETS", quick)
    for module in (trained_methods, table3):
        monkeypatch.setattr(module, "MAPS", {"raw": "none", "full": ""})
    monkeypatch.setattr(table3, "BASE", "full")
    report = write_report_of("table3")
    rows = {row["method"]: row for row in report.summary.to_json()}
    assert rows["qaconv-gs"]["paper: unseen mAP"] == 75.8
    assert rows["tones, map full"]["unseen Acc"] > rows["ibn-net"]["unseen Acc"]
    costs = {row["method"]: row for row in report.tables["costs"].to_json()}
    assert costs["tones, map full"]["matching ratio"] == 1
    assert costs["qaconv-gs"]["matching ratio"] > 1
    assert costs["qaconv-gs"]["paper: matching ratio"] == 875
    again = open_experiment("table3")(context)
    assert again.to_json() == report.to_json()  # from the parts: nothing is trained or timed anew
    families = write_report_of("table10")  # from the same parts
    assert {row["method"] for row in families.summary.to_json()} == set(rows)
    assert families.summary.columns == ("method", "SD 1", "SDXL")
    by_method = {row["method"]: row for row in families.summary.to_json()}
    assert by_method["tones, map full"]["SD 1"] == rows["tones, map full"]["seen mAP"]
    assert len(families.tables["paper"].columns) == 8
    # At the paper's scale images are read as they are needed, and features are in a file.
    monkeypatch.setattr(scale, "PAPER", quick)
    monkeypatch.setattr(networks, "HELD", 0)
    large = SmallContext(replace(context.inputs, scale=Scale(paper=True)), tmp_path / "large")
    found = networks.judge_network(large, "qaconv-gs")
    assert found["acc"] == networks.judge_network(context, "qaconv-gs")["acc"]
    assert [path.name for path in (tmp_path / "large").iterdir()] == ["parts"]


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of diffusers
class TestSmallGenerators:
    """Both experiments have the same edits made, which takes most of their time."""

    @pytest.fixture
    def context(self, material: Path, monkeypatch: pytest.MonkeyPatch) -> ExperimentContext:
        pytest.importorskip("diffusers", reason="needs the extra [generate]")
        pytest.importorskip("transformers", reason="needs the extra [generate]")
        from originid.generation.diffusion.presets import GENERATORS

        for name in small_edits.SMALL_GENERATORS:  # an eighth of their work
            quick = replace(GENERATORS[name], size=128, steps=10)
            monkeypatch.setitem(GENERATORS, name, quick)
        monkeypatch.setattr(small_edits, "LEVELS", (0.1, 0.9))
        monkeypatch.setattr(strength, "TAUGHT", (0.1,))
        inputs = ExperimentInputs(data=f"realpairs:{material}", scale=Scale(images=12))
        return SmallContext(inputs, material / "edits", material / "latents")

    def test_the_strength_of_edits(
        self, monkeypatch: pytest.MonkeyPatch, write_report_of: Callable[[str], ExperimentReport]
    ) -> None:
        monkeypatch.setattr(strength, "ENCODERS", {SMALLEST: SMALLEST})
        monkeypatch.setattr(strength, "PACKAGED", SMALLEST)
        report = write_report_of("strength")
        rows = report.summary.to_json()
        assert len(rows) == 6
        assert np.mean([row["0.1"] for row in rows]) > np.mean([row["0.9"] for row in rows]) + 10

    def test_generators_are_told_apart_by_their_noise(
        self, write_report_of: Callable[[str], ExperimentReport]
    ) -> None:
        report = write_report_of("discrepancy")
        rows = {row["generator"]: row for row in report.summary.to_json()}
        assert rows["balanced"]["right in %"] > 90
        assert rows["by chance"]["right in %"] == 50
        same = {row["generator"]: row for row in report.tables["same"].to_json()}
        assert same["small-ddpm"]["images"] == 2 * same["the photo"]["images"]
        assert same["balanced"]["right in %"] > 60
