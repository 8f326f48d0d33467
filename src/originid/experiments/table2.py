"""Table 2: public models as they are, beside ours. Table 9: the same by generator."""

from originid.baselines.paper import GENERATORS
from originid.baselines.presets import BASELINES
from originid.errors import ExtraError, InputError
from originid.experiments.bench import Bench
from originid.experiments.cells import OVERALL, ahead, overall, round1
from originid.experiments.judging import judge_map
from originid.experiments.paper import NOTES, TABLE_10
from originid.experiments.report import Cell, Report, Table
from originid.types import Json

Judged = dict[str, tuple[str, Json]]
"""The family and the result of each model."""

NOTE = """\
Public models are compared by the cosine of their features, nothing is learned. ours ahead is the
Acc of the last row less this row's, over the same origin groups, with its 95 % interval by
resampling groups. ours are cross-validated; raw is the encoder alone."""


def judge_models(bench: Bench) -> tuple[Judged, Judged, dict[str, str]]:
    """What every model that can be loaded reaches, what ours do, and why others were not run."""
    found: Judged = {}
    skipped: dict[str, str] = {}
    for name, baseline in BASELINES.items():
        try:
            report = judge_map(bench, f"baseline:{name}", "raw")
        except (InputError, ExtraError) as error:
            skipped[name] = f"{error.given}; {error.todo}"
        else:
            found[name] = (baseline.family, report)
    ours: Judged = {}
    for label, spec in bench.encoders.items():
        for map in ("raw", "full"):
            name = f"{label}, map {map}"
            try:
                ours[name] = ("ours", judge_map(bench, spec, map))
            except InputError as error:
                if map == "raw":
                    raise
                skipped[name] = f"{error.given}; {error.todo}"  # too few pairs to learn from
    return found, ours, skipped


def run(bench: Bench) -> Report:
    """Judge every public model that can be loaded here."""
    found, ours, skipped = judge_models(bench)
    best = list(ours.values())[-1][1]
    rows = []
    for name, (family, report) in {**found, **ours}.items():
        paper = _paper(name)
        gain = None if report is best else ahead(best, report, bench.inputs.seed)
        rows.append((name, family, *overall(report), gain, *paper))
    for name in skipped:
        family = BASELINES[name].family if name in BASELINES else "ours"
        rows.append((name, family, *[None] * 5, *_paper(name)))
    columns = ("model", "family", *OVERALL, "ours ahead", "paper: mAP", "paper: Acc")
    table = Table("Public models", columns, tuple(rows), NOTE)
    return Report(
        "table2",
        "Table 2: publicly available models",
        bench.inputs,
        table,
        skipped=skipped,
        note=bench.dataset.note,
    )


def run_by_generator(bench: Bench) -> Report:
    """The same results by kind of generator."""
    found, ours, skipped = judge_models(bench)
    everything = {**found, **ours}
    families = list(next(iter(everything.values()))[1]["by"]["family"])
    rows = [
        (name, *(round1(report["by"]["family"][family]["mAP"]) for family in families))
        for name, (_, report) in everything.items()
    ]
    paper: list[tuple[Cell, ...]] = [
        (name, *(baseline.paper_by_generator or {}).values())
        for name, baseline in BASELINES.items()
        if baseline.paper_by_generator
    ]
    paper += [("ours, no map", *TABLE_10["none"]), ("ours", *TABLE_10["cosface"])]
    return Report(
        "table9",
        "Table 9: publicly available models by generator",
        bench.inputs,
        Table("mAP by kind of generator", ("model", *families), tuple(rows)),
        {"paper": Table("The paper's mAP", ("model", *GENERATORS), tuple(paper), NOTES[1])},
        skipped=skipped,
        note=bench.dataset.note,
    )


def _paper(name: str) -> tuple[Cell, Cell]:
    """The paper's figures of a model; for ours the means over its seven generators."""
    if name in BASELINES:
        return BASELINES[name].paper_mAP, BASELINES[name].paper_acc
    key = {"map raw": "none", "map full": "cosface"}.get(name.rpartition(", ")[2], "")
    return (round1(sum(TABLE_10[key]) / 7), None) if name.startswith("VAE") else (None, None)
