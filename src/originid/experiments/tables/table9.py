"""Table 9: public models beside ours, by kind of generator."""

from originid.encoders.public.presets import BASELINES
from originid.experiments.harness.cells import round1
from originid.experiments.harness.context import ExperimentContext
from originid.experiments.harness.public_models import judge_models
from originid.experiments.paper import GENERATORS, NOTES, TABLE_9, TABLE_10
from originid.experiments.report.report import Cell, Report, Table


def run(context: ExperimentContext) -> Report:
    """Judge every public model that can be loaded here, by kind of generator."""
    found, ours, skipped = judge_models(context)
    everything = {**found, **ours}
    families = list(next(iter(everything.values()))[1]["by"]["family"])
    rows = [
        (name, *(round1(report["by"]["family"][family]["mAP"]) for family in families))
        for name, (_, report) in everything.items()
    ]
    paper: list[tuple[Cell, ...]] = [
        (name, *TABLE_9[name]) for name in BASELINES if name in TABLE_9
    ]
    paper += [("ours, no map", *TABLE_10["none"]), ("ours", *TABLE_10["cosface"])]
    return Report(
        "table9",
        "Table 9: publicly available models by generator",
        context.inputs,
        Table("mAP by kind of generator", ("model", *families), tuple(rows)),
        {"paper": Table("The paper's mAP", ("model", *GENERATORS), tuple(paper), NOTES[1])},
        skipped=skipped,
        note=context.dataset.note,
    )
