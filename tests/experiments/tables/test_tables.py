"""Each table and figure on small material."""

import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image as PILImage

from extras import HAS_TORCH
from originid.datasets import Dataset
from originid.datasets.pairs import read_pairs
from originid.encoders.public.presets import BASELINES
from originid.errors import InputError
from originid.experiments import (
    ExperimentContext,
    ExperimentInputs,
    ExperimentReport,
    open_experiment,
)
from originid.experiments.harness import public_models
from originid.experiments.harness.cells import Judgement, seen_unseen
from originid.experiments.tables import (
    data,
    figure7,
    figure8,
    figure9,
    table2,
    table3,
    table6,
    table7,
    table11,
)
from originid.experiments.tables import figure2 as discrepancy
from originid.training.fitting import read_map_settings
from small_context import SmallContext


@pytest.mark.parametrize("module", [figure8, figure9, table3, table6, table7])
def test_the_maps_of_an_experiment_exist(module: ModuleType) -> None:
    for name in module.MAPS:
        read_map_settings(name)


def test_data_of_one_generator_have_every_figure(material: Path, tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.csv"
    lines = (material / "pairs" / "manifest.csv").read_text().splitlines()
    kept = [line for line in lines[1:] if "SDXL" in line]
    rows = [",".join(f"{material / 'pairs' / cell}" if i < 2 else cell
                     for i, cell in enumerate(line.split(","))) for line in kept]  # fmt: skip
    pairs.write_text("\n".join([lines[0], *rows]))
    context = SmallContext(ExperimentInputs(pairs=pairs, references=material / "photos"))
    report = {"by": {"training": {"seen": {"mAP": 1.0, "acc": 2.0}}}}
    assert seen_unseen(report) == (1.0, 2.0, None, None)
    for module in (figure8, figure9):
        quick = {"MAPS": ("full",), "DIMS": (8,)}
        with pytest.MonkeyPatch.context() as patch:
            for name in quick:
                if hasattr(module, name):
                    patch.setattr(module, name, quick[name])
            found = module.run(context)
        assert all(row[-1] is not None or row[2] is not None for row in found.summary.rows)
        assert len(found.plots) == 1


def test_tables_of_maps(
    context: ExperimentContext,
    monkeypatch: pytest.MonkeyPatch,
    write_report_of: Callable[[str], ExperimentReport],
) -> None:
    monkeypatch.setattr(figure7, "LEVELS", {"jpeg": ("50",), "blur": ("2",)})
    monkeypatch.setattr(figure7, "PACKAGED", "tones")
    monkeypatch.setattr(figure8, "DIMS", (16, 9999))
    monkeypatch.setattr(figure8, "MAPS", ("full",))
    attacks = write_report_of("figure7").summary.to_json()
    assert [row["attack"] for row in attacks] == ["none", "jpeg:50", "blur:2"]
    ranks = write_report_of("figure8").summary.to_json()
    assert ranks[0]["rank"] == 16
    assert 16 < ranks[1]["rank"] < 9999  # all that there is
    paradigms = write_report_of("table11")
    assert "IP-Adapter" in paradigms.skipped
    first = paradigms.summary.to_json()[0]
    assert (first["paradigm"], first["queries"]) == ("InstructPix2Pix", 24)
    assert (first["paper: mAP"], first["paper: Acc"]) == (68.2, 67.1)
    assert ("clip" if HAS_TORCH else "originid[baselines]") in paradigms.skipped["CLIP"]
    monkeypatch.setattr(table11, "CLIP_SPEC", "tones")
    rows = [row for row in write_report_of("table11").summary.to_json() if row["encoder"] == "CLIP"]
    assert [row["map"] for row in rows] == ["raw", "full"] * 3
    assert table11._paper("IP-Adapter", "CLIP", "full") == (36.6, 27.8)


def test_public_models_that_cannot_be_loaded_are_named(
    write_report_of: Callable[[str], ExperimentReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("imagehash", reason="needs the extra [baselines]")
    some = {name: BASELINES[name] for name in ("phash", "clip", "asl")}
    monkeypatch.setattr(table2, "BASELINES", some)
    report = write_report_of("table2")
    rows = {row["model"]: row for row in report.summary.to_json()}
    assert rows["phash"]["mAP"] is not None
    assert rows["asl"]["mAP"] is None
    assert rows["asl"]["paper: mAP"] == 5.2
    assert "asl" in report.skipped
    assert rows["tones, map full"]["ours ahead"] is None
    by = write_report_of("table9")
    assert by.tables["paper"].to_json()[-1]["SDXL"] == 81.5


def test_public_models_need_no_pairs_to_learn_from(
    material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("imagehash", reason="needs the extra [baselines]")
    monkeypatch.setattr(table2, "BASELINES", {"phash": BASELINES["phash"]})
    folder = tmp_path / "pairs"
    shutil.copytree(material / "pairs", folder)
    manifest = folder / "manifest.csv"
    few = manifest.read_text(encoding="utf-8").splitlines(keepends=True)[:4]
    manifest.write_text("".join(few), encoding="utf-8")
    report = table2.run(
        SmallContext(ExperimentInputs(pairs=manifest, references=material / "photos"))
    )
    rows = {row["model"]: row for row in report.summary.to_json()}
    assert rows["phash"]["ours ahead"] is not None
    assert rows["tones, map raw"]["Acc"] == 100
    assert rows["tones, map full"]["Acc"] is None
    assert "sources" in report.skipped["tones, map full"]


def test_finds_and_misses_are_shown(write_report_of: Callable[[str], ExperimentReport]) -> None:
    report = write_report_of("failures")
    row = report.summary.to_json()[0]
    assert row["origin groups"] == 48
    assert "finds-tones" in report.sheets
    assert ("misses-tones" in report.sheets) == (row["with a miss"] > 0)


def test_the_data_are_counted(
    write_report_of: Callable[[str], ExperimentReport], material: Path
) -> None:
    report = write_report_of("data")
    rows = {row["what"]: row for row in report.summary.to_json()}
    assert (rows["queries"]["here"], rows["origins"]["here"]) == (96, 48)
    assert (rows["references"]["here"], rows["references"]["paper"]) == (78, 1_000_000)
    assert rows["files missing"]["here"] == 0
    assert "missing" not in report.tables
    generators = {row["model"]: row["here"] for row in report.tables["generators"].to_json()}
    assert generators["SD 1.4"] == generators["SDXL-Turbo"] == 48


def test_missing_files_are_listed(tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_text("origin,query,generator\na.png,b.png,SDXL\n")
    PILImage.new("RGB", (64, 64)).save(tmp_path / "a.png")
    report = data.run(ExperimentContext(ExperimentInputs(data=f"pairs:{tmp_path}")))
    (row,) = report.tables["missing"].to_json()
    assert row == {"path": str(tmp_path.resolve() / "b.png")}
    assert report.summary.to_json()[-1]["here"] == 1


def test_one_generator_cannot_be_told_apart(material: Path) -> None:
    pairs = [
        p for p in read_pairs(material / "pairs" / "manifest.csv") if "SD 1" in p.fields["model"]
    ]
    data = Dataset("realpairs", None, tuple(pairs), (material / "photos",), "model", "SD 1", "")
    with pytest.raises(InputError, match="at least two"):
        discrepancy.run(ExperimentContext(ExperimentInputs(), dataset=data))


def test_losses_are_compared_on_seen_and_unseen_generators(
    write_report_of: Callable[[str], ExperimentReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table6, "MAPS", ("none", "structured"))  # in place of what torch learns
    rows = write_report_of("table6").summary.to_json()
    assert [(row["encoder"], row["map"]) for row in rows] == [
        ("tones", "none"),
        ("tones", "structured"),
    ]
    for row in rows:
        assert 0 <= row["unseen Acc"] <= row["seen Acc"] <= 100  # the unseen one edits more
        assert row["paper: seen mAP"] is None
        assert row["s a fold"] >= 0


@pytest.mark.parametrize("name", ["table5", "table7"])
def test_what_compares_vaes_wants_one(name: str, context: ExperimentContext) -> None:
    with pytest.raises(InputError, match="no VAE") as caught:
        open_experiment(name)(context)
    assert "--vae DIR_OR_ID" in caught.value.todo


def test_the_weights_of_a_public_model_can_be_named(
    material: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def judge(context: ExperimentContext, spec: str, map: str) -> Judgement:
        asked.append(spec)
        raise InputError("no weights", "expected some", f"name the file: {spec}:FILE")

    monkeypatch.setattr(public_models, "judge_map", judge)
    some = {name: BASELINES[name] for name in ("simsiam", "clip")}
    monkeypatch.setattr(public_models, "BASELINES", some)
    inputs = ExperimentInputs(
        pairs=material / "pairs" / "manifest.csv",
        references=material / "photos",
        baselines={"simsiam": "weights.pt"},
    )
    context = SmallContext(inputs)
    monkeypatch.setattr(SmallContext, "encoders", {})
    _, _, skipped = public_models.judge_models(context)
    assert asked == ["baseline:simsiam:weights.pt", "baseline:clip"]
    assert skipped["clip"].endswith("; here by --baseline clip:SOURCE")
    assert "baselines" not in inputs.to_json()  # a folder of reports may get more of them
    with pytest.raises(InputError, match="baseline 'simsian'"):
        ExperimentInputs(baselines={"simsian": "weights.pt"})
