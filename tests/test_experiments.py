"""The experiments: tables on small material, results that outlive a kill, the page of all."""

import csv
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image as PILImage

from originid import cli
from originid.baselines.presets import BASELINES
from originid.datasets import Dataset
from originid.encoders import Encoder
from originid.errors import InputError
from originid.experiments import (
    EXPERIMENTS,
    Bench,
    Inputs,
    Report,
    data,
    discrepancy,
    figure7,
    figure8,
    figure9,
    open_experiment,
    open_folder,
    paper,
    run_one,
    strength,
    table2,
    table3,
    table6,
    table7,
    table11,
)
from originid.experiments.bench import label_pair
from originid.experiments.cells import ahead, seen_unseen
from originid.experiments.judging import divide, judge_map, pool
from originid.experiments.page import to_html
from originid.experiments.report import Plot, Table
from originid.experiments.scale import Scale
from originid.experiments.timing import Timing, read_timings, timed
from originid.experiments.writing import to_csv, to_markdown, write_report
from originid.maps import Map
from originid.pairs import read_pairs
from originid.testing import textured_image
from originid.training import fitting
from originid.training.examples import Examples
from originid.training.fitting import Settings, read_map_settings
from originid.training.metric.settings import MetricLearning
from originid.types import Pair

MODELS = ("SD 1.4", "SDXL-Turbo")
METHODS = ("EDICT", "InstructPix2Pix", "img2img", "PnP")


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """RealPairs in small: 48 origins of 8 sources, two generators with an edit of each."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "photos").mkdir()
    (folder / "pairs").mkdir()
    rng = np.random.default_rng(0)
    for seed in range(30):
        PILImage.fromarray(textured_image(seed + 900)).save(folder / "photos" / f"{seed:02}.png")
    header = ["origin", "query", "origin_group", "source", "model", "method", "kind"]
    with open(folder / "pairs" / "manifest.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for i in range(48):
            origin = textured_image(i)
            PILImage.fromarray(origin).save(folder / "pairs" / f"o{i}.png")
            for j, model in enumerate(MODELS):
                noise = rng.normal(0, 12 + 20 * j, origin.shape)
                query = np.clip(origin * rng.uniform(0.5, 1, 3) + noise, 0, 255).astype(np.uint8)
                PILImage.fromarray(query).save(folder / "pairs" / f"q{i}-{j}.png")
                kind = [f"g{i}", f"source{i % 8}", model, METHODS[i % 4], "inversion"]
                writer.writerow([f"o{i}.png", f"q{i}-{j}.png", *kind])
    return folder


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The structured form in place of the full one, which takes a hundred times as long."""
    monkeypatch.setitem(fitting.CLOSED_FORMS, "full", fitting.CLOSED_FORMS["structured"])


@pytest.fixture
def bench(material: Path, tmp_path: Path) -> Bench:
    inputs = Inputs(data=f"realpairs:{material}", scale=Scale(images=12))
    return Bench(inputs, tmp_path / "out", tmp_path / "latents")


def test_every_experiment_can_be_opened() -> None:
    pytest.importorskip("torch", reason="needs the extra [train]")
    assert all(callable(open_experiment(name)) for name in (*EXPERIMENTS, "table8"))
    numbers = {int(name.removeprefix("table")) for name in EXPERIMENTS if name.startswith("table")}
    assert numbers | {8} == set(range(1, 12))


@pytest.mark.parametrize("module", [figure8, figure9, table3, table6, table7])
def test_the_maps_of_an_experiment_exist(module: ModuleType) -> None:
    for name in module.MAPS:
        read_map_settings(name)


def test_a_part_is_computed_once(bench: Bench) -> None:
    calls: list[int] = []

    def compute() -> list[int]:
        calls.append(1)
        return [1, 2]

    assert bench.part("x", {"a": 1}, compute) == [1, 2]
    assert bench.part("x", {"a": 1}, compute) == [1, 2]
    assert len(calls) == 1
    bench.part("x", {"a": 2}, compute)
    assert len(calls) == 2


def test_a_part_is_computed_anew_for_other_data_and_when_damaged(
    material: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(material, data)
    inputs, values = Inputs(data=f"realpairs:{data}"), iter(range(9))

    def part() -> object:  # as a new process would
        return Bench(inputs, tmp_path / "out").part("x", {}, lambda: next(values))

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


def test_the_same_inputs_may_be_spelled_in_other_ways(
    material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    open_folder(out, Inputs(data=f"realpairs:{material}"))
    (out / "table2.csv").write_text("")
    open_folder(out, Inputs(data=f"realpairs:{material}/"))
    monkeypatch.chdir(material.parent)
    open_folder(out, Inputs(data=f"realpairs:{material.name}"))
    monkeypatch.setenv("ORIGINID_DATA", str(material))
    open_folder(out, Inputs(data="realpairs"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="other inputs: data"):
        open_folder(out, Inputs(data=f"realpairs:{material.name}"))
    (out / "inputs.json").write_text("[1]")
    with pytest.raises(InputError, match=r"inputs\.json cannot be used: it holds a list"):
        open_folder(out, Inputs(data="realpairs"))


def test_data_of_one_generator_have_every_figure(material: Path, tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.csv"
    lines = (material / "pairs" / "manifest.csv").read_text().splitlines()
    kept = [line for line in lines[1:] if "SDXL" in line]
    rows = [",".join(f"{material / 'pairs' / cell}" if i < 2 else cell
                     for i, cell in enumerate(line.split(","))) for line in kept]  # fmt: skip
    pairs.write_text("\n".join([lines[0], *rows]))
    bench = Bench(Inputs(pairs=pairs, references=material / "photos"))
    report = {"by": {"training": {"seen": {"mAP": 1.0, "acc": 2.0}}}}
    assert seen_unseen(report) == (1.0, 2.0, None, None)
    for module in (figure8, figure9):
        quick = {"MAPS": ("full",), "DIMS": (8,)}
        with pytest.MonkeyPatch.context() as patch:
            for name in quick:
                if hasattr(module, name):
                    patch.setattr(module, name, quick[name])
            found = module.run(bench)
        assert all(row[-1] is not None or row[2] is not None for row in found.summary.rows)
        assert len(found.plots) == 1


def test_files_that_cannot_be_used_are_reported(
    material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figure7, "LEVELS", {"jpeg": ("30",)})
    data = tmp_path / "data"
    shutil.copytree(material, data)
    (data / "pairs" / "q3-0.png").write_bytes(b"no image")
    inputs = Inputs(data=f"realpairs:{data}")
    for _ in range(2):  # computed, and from the parts
        report = run_one(Bench(inputs, tmp_path / "out"), tmp_path / "out", "figure7")
        assert [Path(failure.path).name for failure in report.failures] == ["q3-0.png"]
    stored = json.loads((tmp_path / "out" / "figure7.json").read_text())
    assert len(stored["unreadable"]) == 1


def test_a_seed_reaches_what_is_learned(bench: Bench) -> None:
    other = Bench(replace(bench.inputs, seed=5))
    learned = other.map_settings("mlp-2")
    assert isinstance(learned, MetricLearning)
    assert learned.seed == 5
    assert other.map_settings("full") == bench.map_settings("full")


def test_a_part_that_fails_is_tried_again(bench: Bench) -> None:
    def fails() -> None:
        raise InputError("given", "expected", "todo")

    with pytest.raises(InputError):
        bench.part("x", {}, fails)
    assert bench.part("x", {}, lambda: 3) == 3


def test_time_is_added_until_an_experiment_is_done(tmp_path: Path) -> None:
    def interrupted() -> None:
        with timed(tmp_path, "x"):
            time.sleep(0.15)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert read_timings(tmp_path) == {}
    with timed(tmp_path, "x"):
        time.sleep(0.15)
    timing = read_timings(tmp_path)["x"]
    assert timing.seconds >= 0.3 - 0.1  # each is rounded to a tenth of a second
    assert 0 <= timing.core_seconds <= timing.seconds  # it slept
    with timed(tmp_path, "x"):
        time.sleep(0.15)
    assert read_timings(tmp_path)["x"] == timing


def test_attacks_share_the_maps_of_what_is_not_attacked(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits: list[object] = []
    fit = fitting.fit_map

    def counted(examples: Examples, encoder: Encoder, settings: Settings | None) -> Map:
        fits.append(settings)
        return fit(examples, encoder, settings)

    monkeypatch.setattr("originid.evaluation.trial.fit_map", counted)
    judge_map(bench, "tones", "structured")
    shared = judge_map(bench, "tones", "structured", attack="blur:1")
    assert len(fits) == 4
    judge_map(bench, "tones", "none", attack="blur:1")
    assert len(fits) == 8
    fresh = Bench(bench.inputs)
    alone = judge_map(fresh, "tones", "structured", attack="blur:1")
    assert {**alone, "fit_seconds": 0} == {**shared, "fit_seconds": 0}


def test_a_folder_holds_reports_of_one_set_of_inputs(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    open_folder(folder, Inputs(seed=0))
    open_folder(folder, Inputs(seed=1))  # as nothing was made of the others
    (folder / "parts").mkdir()
    open_folder(folder, Inputs(seed=1))
    with pytest.raises(InputError, match="seed"):
        open_folder(folder, Inputs(seed=2))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").touch()
    with pytest.raises(InputError, match="exists"):
        open_folder(tmp_path / "other", Inputs())


def test_inputs_are_one_or_the_other() -> None:
    with pytest.raises(InputError, match="either"):
        Inputs(data="realpairs", references=Path("x"))
    with pytest.raises(InputError, match="expected a data set"):
        _ = Bench(Inputs()).dataset


def test_judging_is_what_evaluate_prints(
    bench: Bench, material: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["evaluate", material / "pairs" / "manifest.csv", "--references"]
    arguments += [material / "photos", "--encoder", "tones", "--map", "structured", "--json"]
    assert cli.run([str(each) for each in arguments]) == 0
    printed = json.loads(capsys.readouterr().out)
    judged = judge_map(bench, "tones", "structured")
    for name in ("queries", "groups", "references", "mAP", "acc", "projected", "ci95"):
        assert judged[name] == printed[name]
    assert np.mean(list(judged["acc_of_group"].values())) == pytest.approx(judged["acc"] / 100)


def test_what_is_learned_saw_no_unseen_generator(bench: Bench) -> None:
    _, found = bench.material("tones")
    trial = divide(bench, found, seen=True)
    everything = np.ones(len(found.pairs), bool)
    taught = trial.taught(everything)
    assert {found.pairs[row].fields["model"] for row in np.flatnonzero(taught)} == {"SD 1.4"}
    assert divide(bench, found, seen=True, upper=True).taught(everything).all()
    for fold in range(4):
        inside = {found.pairs[row].group for row in np.flatnonzero(trial.folds == fold)}
        outside = {found.pairs[row].group for row in np.flatnonzero(trial.folds != fold)}
        assert not inside & outside


def test_a_data_set_with_training_pairs_is_judged_on_the_others(material: Path) -> None:
    pairs = read_pairs(material / "pairs" / "manifest.csv")
    data = Dataset("x", tuple(pairs[:60]), tuple(pairs[60:]), (material / "photos",), "", "", "")
    bench = Bench(Inputs(), dataset=data)
    _, found = bench.material("tones")
    trial = divide(bench, found, seen=False)
    assert [pair.query for pair in trial.tested] == [pair.query for pair in pairs[60:]]
    assert not {pair.origin for pair in pairs[:60]} & set(trial.references)
    assert judge_map(bench, "tones", "structured")["queries"] == len(pairs) - 60


def test_labels(material: Path) -> None:
    data = Bench(Inputs(data=f"realpairs:{material}")).dataset
    fields = {"model": "SD 1.5 x", "method": "Edit by ip2p", "kind": "instruct"}
    pair = Pair(Path("a"), Path("b"), "g", fields)
    found = label_pair(pair, data).fields
    assert (found["family"], found["training"]) == ("SD 1", "seen")
    assert found["paradigm"] == "InstructPix2Pix"
    other = label_pair(Pair(Path("a"), Path("b"), "g", {"model": "Bria"}), data).fields
    assert (other["family"], other["training"], other["paradigm"]) == ("other", "unseen", "")


def test_pooled_latents_are_means_of_four(bench: Bench) -> None:
    encoder, found = bench.material("tones")
    small, pooled = pool(encoder, found)
    (c, h, w), (_, half, _) = encoder.shapes[0], small.shapes[0]
    assert half == h // 2
    block = found.store.take(np.array([3]))[0, : c * h * w].reshape(c, h, w)
    mine = pooled.store.take(np.array([3]))[0, : c * half * half].reshape(c, half, half)
    assert mine[1, 2, 0] == pytest.approx(block[1, 4:6, 0:2].mean(), abs=1e-5)
    images = np.zeros((1, encoder.size, encoder.size, 3), np.uint8)
    assert small.encode(images).shape == (1, pooled.store.latent_dim)


def test_ahead_is_the_mean_gain_over_shared_groups() -> None:
    ours = {"acc_of_group": {"a": 1.0, "b": 1.0, "c": 0.0}}
    other = {"acc_of_group": {"a": 0.0, "b": 1.0}}
    assert str(ahead(ours, other, 0)).startswith("+50.0 [+0.0, +100.0]")


def test_tables_of_maps(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, write_report_of: Callable[[str], Report]
) -> None:
    monkeypatch.setattr(figure7, "LEVELS", {"jpeg": ("50",), "blur": ("2",)})
    monkeypatch.setattr("originid.experiments.bench.PACKAGED", "tones")
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
    assert "clip" in paradigms.skipped["CLIP"]
    monkeypatch.setattr(table11, "CLIP_SPEC", "tones")
    rows = [row for row in write_report_of("table11").summary.to_json() if row["encoder"] == "CLIP"]
    assert [row["map"] for row in rows] == ["raw", "full"] * 3
    assert table11._paper("IP-Adapter", "CLIP", "full") == (36.6, 27.8)


@pytest.fixture
def write_report_of(bench: Bench) -> Callable[[str], Report]:
    pytest.importorskip("matplotlib", reason="needs the extra [experiments]")

    def make(name: str) -> Report:
        report = open_experiment(name)(bench)
        assert bench.folder is not None
        write_report(bench.folder, report)
        assert json.loads((bench.folder / f"{name}.json").read_text())["summary"]
        for key in report.plots:
            with PILImage.open(bench.folder / f"{name}-{key}.png") as plot:
                assert plot.width > 500
        for key in report.sheets:
            with PILImage.open(bench.folder / f"{name}-{key}.jpg") as sheet:
                assert sheet.width > 200
        return report

    return make


def test_public_models_that_cannot_be_loaded_are_named(
    write_report_of: Callable[[str], Report], monkeypatch: pytest.MonkeyPatch
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
    assert rows["tones+edges, map full"]["ours ahead"] is None
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
    report = table2.run(Bench(Inputs(pairs=manifest, references=material / "photos")))
    rows = {row["model"]: row for row in report.summary.to_json()}
    assert rows["phash"]["ours ahead"] is not None
    assert rows["tones+edges, map raw"]["Acc"] == 100
    assert rows["tones+edges, map full"]["Acc"] is None
    assert "sources" in report.skipped["tones+edges, map full"]


def test_finds_and_misses_are_shown(write_report_of: Callable[[str], Report]) -> None:
    report = write_report_of("failures")
    row = report.summary.to_json()[0]
    assert row["origin groups"] == 48
    assert "finds-tones-edges" in report.sheets
    assert ("misses-tones-edges" in report.sheets) == (row["with a miss"] > 0)


def test_the_data_are_counted(write_report_of: Callable[[str], Report], material: Path) -> None:
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
    report = data.run(Bench(Inputs(data=f"pairs:{tmp_path}")))
    (row,) = report.tables["missing"].to_json()
    assert row == {"path": str(tmp_path.resolve() / "b.png")}
    assert report.summary.to_json()[-1]["here"] == 1


def test_one_generator_cannot_be_told_apart(material: Path) -> None:
    pairs = [
        p for p in read_pairs(material / "pairs" / "manifest.csv") if "SD 1" in p.fields["model"]
    ]
    data = Dataset("realpairs", None, tuple(pairs), (material / "photos",), "model", "SD 1", "")
    with pytest.raises(InputError, match="at least two"):
        discrepancy.run(Bench(Inputs(), dataset=data))


def test_trained_networks_and_costs(
    monkeypatch: pytest.MonkeyPatch,
    write_report_of: Callable[[str], Report],
    bench: Bench,
    tmp_path: Path,
) -> None:
    pytest.importorskip("torch", reason="needs the extra [train]")
    pytest.importorskip("pytorch_metric_learning", reason="needs the extra [train]")
    from originid.experiments import networks, scale
    from originid.training.networks.settings import PRESETS

    quick = {name: replace(PRESETS[name], steps=3) for name in ("ibn-net", "qaconv-gs")}
    monkeypatch.setattr(scale, "PRESETS", quick)
    monkeypatch.setattr(table3, "PRESETS", quick)
    monkeypatch.setattr(table3, "MAPS", {"raw": "none", "full": ""})
    monkeypatch.setattr(table3, "BASE", "full")
    report = write_report_of("table3")
    rows = {row["method"]: row for row in report.summary.to_json()}
    assert rows["qaconv-gs"]["paper: unseen mAP"] == 75.8
    assert rows["tones+edges, map full"]["unseen Acc"] > rows["ibn-net"]["unseen Acc"]
    costs = {row["method"]: row for row in report.tables["costs"].to_json()}
    assert costs["tones+edges, map full"]["matching ratio"] == 1
    assert costs["qaconv-gs"]["matching ratio"] > 1
    assert costs["qaconv-gs"]["paper: matching ratio"] == 875
    again = open_experiment("table3")(bench)
    assert again.to_json() == report.to_json()  # from the parts: nothing is trained or timed anew
    # At the paper's scale images are read as they are needed, and features are in a file.
    monkeypatch.setattr(scale, "PAPER", quick)
    monkeypatch.setattr(networks, "HELD", 0)
    large = Bench(replace(bench.inputs, scale=Scale(paper=True)), tmp_path / "large")
    found = networks.judge_network(large, "qaconv-gs")
    assert found["acc"] == networks.judge_network(bench, "qaconv-gs")["acc"]
    assert [path.name for path in (tmp_path / "large").iterdir()] == ["parts"]


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of diffusers
class TestSmallGenerators:
    """Both experiments have the same edits made, which takes most of their time."""

    @pytest.fixture
    def bench(self, material: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
        pytest.importorskip("diffusers", reason="needs the extra [generate]")
        pytest.importorskip("transformers", reason="needs the extra [generate]")
        monkeypatch.setattr(strength, "LEVELS", (0.1, 0.9))
        monkeypatch.setattr(strength, "TAUGHT", (0.1,))
        inputs = Inputs(data=f"realpairs:{material}", scale=Scale(images=12))
        return Bench(inputs, material / "edits", material / "latents")

    def test_the_strength_of_edits(
        self, monkeypatch: pytest.MonkeyPatch, write_report_of: Callable[[str], Report]
    ) -> None:
        monkeypatch.setattr(strength, "ENCODERS", {"tones+edges": "tones+edges"})
        report = write_report_of("strength")
        rows = report.summary.to_json()
        assert len(rows) == 6
        assert np.mean([row["0.1"] for row in rows]) > np.mean([row["0.9"] for row in rows]) + 10

    def test_generators_are_told_apart_by_their_noise(
        self, write_report_of: Callable[[str], Report]
    ) -> None:
        report = write_report_of("discrepancy")
        rows = {row["generator"]: row for row in report.summary.to_json()}
        assert rows["balanced"]["right in %"] > 90
        assert rows["by chance"]["right in %"] == 50
        same = {row["generator"]: row for row in report.tables["same"].to_json()}
        assert same["small-ddpm"]["images"] == 2 * same["the photo"]["images"]
        assert same["balanced"]["right in %"] > 60


def test_the_paper_agrees_with_itself() -> None:
    for name, values in paper.TABLE_10.items():
        if name != "upper":
            assert values[0] == paper.TABLE_3[name][0]
        assert np.mean(values[1:]) == pytest.approx(paper.TABLE_3[name][2], abs=0.06)
    for acc in paper.TABLE_8.values():
        assert len(acc) == len(paper.STRENGTHS)
        assert list(acc) == sorted(acc, reverse=True)


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.images: list[str] = []
        self.cells = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.cells += tag == "td"
        self.images += [dict(attributes)["src"] or ""] if tag == "img" else []


def test_the_page_holds_everything(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra [experiments]")
    table = Table("T <1>", ("a", "paper: b"), ((1.0, None), ("<x>", 2)), "A note.")
    plot = Plot("P", "x", "y", {"one": ([1, 2], [1, 2])})
    inputs = Inputs(vaes=("/somewhere/taesd",))
    report = Report("r", "R", inputs, table, plots={"p": plot}, skipped={"s": "why"}, note="Data.")
    html = to_html([report], {"other": "no <data>"}, {"r": Timing(90, 120, True)})
    links = _Links()
    links.feed(html)
    assert links.cells == 4
    assert links.images[0].startswith("data:image/png;base64,")
    for text in (
        "&lt;x&gt;",
        "n/a",
        "A note.",
        "s: why",
        "other: no &lt;data&gt;",
        "Data.",
        "1.5 min",
    ):
        assert text in html
    command = "originid experiment r -o OUT --vae taesd --seed 0"
    for page in (html, to_markdown(report)):
        assert command in page
        assert "/somewhere" not in page


def test_a_table_as_csv() -> None:
    table = Table("T", ("a", "b"), (("x,y", None), (1.5, "z")))
    assert to_csv(table) == 'a,b\n"x,y",\n1.5,z\n'


def test_all_of_them_from_the_command_line(
    material: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra [experiments]")
    some = {name: EXPERIMENTS[name] for name in ("table5", "table11")}
    monkeypatch.setattr("originid.experiments.EXPERIMENTS", some)
    arguments = ["experiment", "all", "-o", tmp_path / "out", "--data", f"realpairs:{material}"]
    assert cli.run([str(each) for each in arguments]) == 0
    printed = capsys.readouterr()
    assert "not run: table5: no VAE" in printed.out
    assert "index.html" in printed.out
    assert "map: data realpairs, encoder tones+edges" in printed.err
    page = (tmp_path / "out" / "index.html").read_text()
    assert "Table 11" in page
    assert cli.run([str(each) for each in arguments]) == 0
    assert "map: data" not in capsys.readouterr().err  # everything came from the parts
    assert (tmp_path / "out" / "index.html").read_text() == page
