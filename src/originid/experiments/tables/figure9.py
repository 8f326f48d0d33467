"""Figure 9 (Section 5.5): MLPs of more layers in place of W."""

from originid.experiments.harness.cells import LEARNED_MAP, PAPER_SEEN_UNSEEN, learned_map
from originid.experiments.harness.context import ExperimentContext
from originid.experiments.harness.judging import judge_map
from originid.experiments.paper import TABLE_7
from originid.experiments.report.report import ExperimentReport, Plot, Table

MAPS = ("cosface", "mlp-2", "mlp-3", "mlp-4", "mlp-5", "mlp-6", "mlp-7")
NOTE = """\
In the paper, two layers gain on the seen generator and lose on unseen ones, and more layers lose
more. Its other values are only in the figure."""
POOLED = """\
 Latents here are the means of 2 x 2 positions of the encoder's latents, so that seven layers of
the width of the latent can be trained on a CPU."""


def run(context: ExperimentContext) -> ExperimentReport:
    """Judge one to seven layers, on the first encoder.

    Args:
        context: the data, the encoders and the results that are kept.

    Raises:
        InputError: the data or an encoder cannot be used, or there are too few pairs to learn from.
        ExtraError: the extra ``[train]`` is not installed.
    """
    label, spec = next(iter(context.encoders.items()))
    pooled = context.inputs.scale.pooled
    note, title = NOTE, label
    if pooled:
        note, title = NOTE + POOLED, f"{label}, latents of half the side"
    rows = []
    lines: dict[str, tuple[list[int], list[float]]] = {}
    for layers, map in enumerate(MAPS, start=1):
        judgement = judge_map(context, spec, map, seen=True, pooled=pooled)
        rows.append((layers, *learned_map(judgement), *TABLE_7.get(map, (None,) * 4)))
        for part, averages in judgement["by"]["training"].items():
            x, y = lines.setdefault(part, ([], []))
            x.append(layers)
            y.append(averages["acc"])
    columns = ("layers", *LEARNED_MAP, *PAPER_SEEN_UNSEEN)
    return ExperimentReport(
        "figure9",
        "Figure 9: layers in place of W",
        context.inputs,
        Table(title, columns, tuple(rows), note),
        plots={"acc": Plot("Acc by number of layers", "layers", "Acc in %", lines)},
        note=context.dataset.note,
    )
