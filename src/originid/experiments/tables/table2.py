"""Table 2: public models as they are, beside ours."""

from originid.encoders.public.presets import BASELINES
from originid.experiments.harness.cells import OVERALL, accuracy_gain, overall, round1
from originid.experiments.harness.context import ExperimentContext
from originid.experiments.harness.public_models import judge_models
from originid.experiments.paper import TABLE_2, TABLE_10
from originid.experiments.report.report import Cell, Report, Table

NOTE = """\
Public models are compared by the cosine of their features, nothing is learned. ours ahead is the
Acc of the last row less this row's, over the same origin groups, with its 95 % interval by
resampling groups. ours are cross-validated; raw is the encoder alone."""


def run(context: ExperimentContext) -> Report:
    """Judge every public model that can be loaded here."""
    found, ours, skipped = judge_models(context)
    best = list(ours.values())[-1][1]
    rows = []
    for name, (family, report) in {**found, **ours}.items():
        paper = _paper(name)
        gain = None if report is best else accuracy_gain(best, report, context.inputs.seed)
        rows.append((name, family, *overall(report), gain, *paper))
    for name in skipped:
        family = BASELINES[name].family if name in BASELINES else "ours"
        rows.append((name, family, *[None] * 5, *_paper(name)))
    columns = ("model", "family", *OVERALL, "ours ahead", "paper: mAP", "paper: Acc")
    table = Table("Public models", columns, tuple(rows), NOTE)
    return Report(
        "table2",
        "Table 2: publicly available models",
        context.inputs,
        table,
        skipped=skipped,
        note=context.dataset.note,
    )


def _paper(name: str) -> tuple[Cell, Cell]:
    """The paper's figures of a model; for ours the means over its seven generators."""
    if name in BASELINES:
        return TABLE_2.get(name, (None, None))
    key = {"map raw": "none", "map full": "cosface"}.get(name.rpartition(", ")[2], "")
    return (round1(sum(TABLE_10[key]) / 7), None) if name.startswith("VAE") else (None, None)
