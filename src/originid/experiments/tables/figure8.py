"""Figure 8 (Section 5.5): the rank of W."""

from originid.encoders import open_encoder
from originid.experiments.harness.cells import LEARNED_MAP, learned_map
from originid.experiments.harness.context import ExperimentContext
from originid.experiments.harness.judging import judge_map
from originid.experiments.report.report import ExperimentReport, Plot, Table
from originid.training.fitting import FULL, basis_for

DIMS = (64, 128, 256, 512, 1024, 2048, 4096)
MAPS = ("cosface", "full")
NOTE = """\
In the paper the accuracy is the same from rank 4,096 down to 512, and then falls until 64. Its
values are only in the figure. W by CosFace is learned at each rank. The closed form keeps the
directions with the largest ratio of total to within-pair variance. Its rank is at most the number
of coefficients below the encoder's cutoff."""


def run(context: ExperimentContext) -> ExperimentReport:
    """Judge W by CosFace and by the closed form at each rank, on the first encoder.

    Args:
        context: the data, the encoders and the results that are kept.

    Raises:
        InputError: the data or an encoder cannot be used, or there are too few pairs to learn from.
        ExtraError: the extra ``[train]`` is not installed.
    """
    label, spec = next(iter(context.encoders.items()))
    encoder = open_encoder(spec)
    most = {"cosface": context.inputs.scale.most_rank, "full": basis_for(encoder, FULL).dim}
    rows = []
    lines: dict[str, tuple[list[int], list[float]]] = {}
    for map in MAPS:
        # Ranks above the most that there are all become that one, which is judged once.
        for dim in sorted({min(dim, most[map]) for dim in DIMS}):
            judgement = judge_map(context, spec, map, seen=True, dim=dim)
            rows.append((map, dim, *learned_map(judgement)))
            for part, averages in judgement["by"]["training"].items():
                x, y = lines.setdefault(f"{map}, {part}", ([], []))
                x.append(dim)
                y.append(averages["acc"])
    columns = ("map", "rank", *LEARNED_MAP)
    return ExperimentReport(
        "figure8",
        "Figure 8: the rank of W",
        context.inputs,
        Table(label, columns, tuple(rows), NOTE),
        plots={"acc": Plot("Acc by rank", "rank", "Acc in %", lines, log="x")},
        note=context.dataset.note,
    )
