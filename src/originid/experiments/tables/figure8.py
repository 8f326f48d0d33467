"""Figure 8: the rank of W."""

from originid.experiments.harness.ablations import measured
from originid.experiments.harness.cells import SEEN_UNSEEN
from originid.experiments.harness.context import ExperimentContext
from originid.experiments.harness.judging import judge_map
from originid.experiments.report.report import Plot, Report, Table
from originid.training.fitting import FULL, basis_for

DIMS = (64, 128, 256, 512, 1024, 2048, 4096)
MAPS = ("cosface", "full")
NOTE = """\
The paper: flat from 4,096 down to 512, then falling to 64; its values are only in the figure. W by
CosFace is learned at its rank; the closed form keeps the directions of the largest ratio of
variances, and at most the coefficients below the encoder's cutoff."""


def run(context: ExperimentContext) -> Report:
    """Judge W by CosFace and the closed form at each rank."""
    label, spec = next(iter(context.encoders.items()))
    encoder = context.open(spec)
    most = {"cosface": context.inputs.scale.most_rank, "full": basis_for(encoder, FULL).dim}
    rows = []
    lines: dict[str, tuple[list[int], list[float]]] = {}
    for map in MAPS:
        for dim in sorted({min(dim, most[map]) for dim in DIMS}):
            report = judge_map(context, spec, map, seen=True, dim=dim)
            rows.append((map, dim, *measured(report)))
            for part in report["by"]["training"]:
                x, y = lines.setdefault(f"{map}, {part}", ([], []))
                x.append(dim)
                y.append(report["by"]["training"][part]["acc"])
    columns = ("map", "rank", *SEEN_UNSEEN, "projected Acc", "s a fold")
    return Report(
        "figure8",
        "Figure 8: the rank of W",
        context.inputs,
        Table(label, columns, tuple(rows), NOTE),
        plots={"acc": Plot("Acc by rank", "rank", "Acc in %", lines, log="x")},
        note=context.dataset.note,
    )
