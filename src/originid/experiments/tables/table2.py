"""Table 2 (Section 5.2): public models as they are, beside ours."""

from originid.encoders.public.presets import BASELINES
from originid.experiments.harness.cells import OVERALL, accuracy_gain, overall, round1
from originid.experiments.harness.context import ExperimentContext
from originid.experiments.harness.public_models import judge_models
from originid.experiments.paper import TABLE_2, TABLE_10
from originid.experiments.report.report import Cell, ExperimentReport, Table

NOTE = """\
Of public models the cosines of their features are taken; nothing is learned. The column "ours
ahead" is the Acc of the last row of ours less the Acc of this row, over the same origin groups,
with the 95 % interval by resampling groups. The rows of the family ours are cross-validated. Map
raw is the encoder alone."""


def run(context: ExperimentContext) -> ExperimentReport:
    """Judge every public model that can be loaded here, and our encoders.

    Args:
        context: the data, the encoders and the results that are kept.

    Raises:
        InputError: the data or an encoder cannot be used.
        ExtraError: the extra ``[vae]`` is not installed, and a VAE is given.
    """
    public, ours, skipped = judge_models(context)
    # The last one is the packaged encoder with map full, or raw where pairs are too few to learn.
    best = list(ours.values())[-1][1]
    rows = []
    for name, (family, judgement) in {**public, **ours}.items():
        paper = _paper(name)
        gain = None if judgement is best else accuracy_gain(best, judgement, context.inputs.seed)
        rows.append((name, family, *overall(judgement), gain, *paper))
    # A model that is not on this machine still has a row, with the paper's values.
    for name in skipped:
        family = BASELINES[name].family if name in BASELINES else "ours"
        rows.append((name, family, *[None] * 5, *_paper(name)))
    columns = ("model", "family", *OVERALL, "ours ahead", "paper: mAP", "paper: Acc")
    table = Table("Public models", columns, tuple(rows), NOTE)
    return ExperimentReport(
        "table2",
        "Table 2: publicly available models",
        context.inputs,
        table,
        skipped=skipped,
        note=context.dataset.note,
    )


def _paper(name: str) -> tuple[Cell, Cell]:
    """Return the paper's values of a model; ours have the mean mAP over its seven generators."""
    if name in BASELINES:
        return TABLE_2.get(name, (None, None))
    key = {"map raw": "none", "map full": "cosface"}.get(name.rpartition(", ")[2], "")
    return (round1(sum(TABLE_10[key]) / 7), None) if name.startswith("VAE") else (None, None)
