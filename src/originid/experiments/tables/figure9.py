"""Figure 9: MLPs of more layers in place of W."""

from originid.experiments.harness.ablations import measured
from originid.experiments.harness.cells import PAPER_SEEN_UNSEEN, SEEN_UNSEEN
from originid.experiments.harness.context import ExperimentContext
from originid.experiments.harness.judging import judge_map
from originid.experiments.paper import TABLE_7
from originid.experiments.report.report import Plot, Report, Table

MAPS = ("cosface", "mlp-2", "mlp-3", "mlp-4", "mlp-5", "mlp-6", "mlp-7")
NOTE = """\
The paper: two layers gain on the seen generator and lose on unseen ones, deeper ones lose more; its
other values are only in the figure."""
POOLED = """\
 Latents here are the means of 2 x 2 places of the encoder's, so that seven layers of the
latent's own width can be trained on a CPU."""


def run(context: ExperimentContext) -> Report:
    """Judge one to seven layers."""
    label, spec = next(iter(context.encoders.items()))
    pooled = context.inputs.scale.pooled
    note, title = NOTE, label
    if pooled:
        note, title = NOTE + POOLED, f"{label}, latents of half the side"
    rows = []
    lines: dict[str, tuple[list[int], list[float]]] = {}
    for layers, map in enumerate(MAPS, start=1):
        report = judge_map(context, spec, map, seen=True, pooled=pooled)
        rows.append((layers, *measured(report), *TABLE_7.get(map, (None,) * 4)))
        for part in report["by"]["training"]:
            x, y = lines.setdefault(part, ([], []))
            x.append(layers)
            y.append(report["by"]["training"][part]["acc"])
    columns = ("layers", *SEEN_UNSEEN, "projected Acc", "s a fold", *PAPER_SEEN_UNSEEN)
    return Report(
        "figure9",
        "Figure 9: layers in place of W",
        context.inputs,
        Table(title, columns, tuple(rows), note),
        plots={"acc": Plot("Acc by number of layers", "layers", "Acc in %", lines)},
        note=context.dataset.note,
    )
