"""Figure 7: attacks on the queries."""

from originid.evaluation.attacks import parse_attack
from originid.experiments.harness.cells import OVERALL, accuracy_gain, overall, round1
from originid.experiments.harness.context import PACKAGED, ExperimentContext
from originid.experiments.harness.judging import judge_map
from originid.experiments.paper import FIGURE_7
from originid.experiments.report.report import Plot, Report, Table

LEVELS: dict[str, tuple[str, ...]] = {
    "jpeg": ("90", "70", "50", "30", "10"),
    "blur": ("1", "2", "3", "5"),
    "resize": ("0.75", "0.5", "0.25", "0.125"),
    "watermark": ("0.25", "0.5", "0.75", "1"),
}
NOTE = """\
Maps are learned from pairs that are not attacked; the queries are attacked at their own size.
change is the Acc under the attack less that without, with its 95 % interval."""


def run(context: ExperimentContext) -> Report:
    """Judge the packaged encoder under every attack and level."""
    whole = judge_map(context, PACKAGED, "full")
    rows = [("none", *overall(whole), None, None, None)]
    lines = {}
    for name, levels in LEVELS.items():
        values = []
        for level in levels:
            attack = str(parse_attack(f"{name}:{level}"))
            report = judge_map(context, PACKAGED, "full", attack=attack)
            gained = round1(report["mAP"] - whole["mAP"])
            change = accuracy_gain(report, whole, context.inputs.seed)
            rows.append((attack, *overall(report), change, gained, FIGURE_7.get(attack)))
            values.append(report["acc"])
        lines[name] = (list(range(len(levels) + 1)), [whole["acc"], *values])
    columns = ("attack", *OVERALL, "change of Acc", "change of mAP", "paper: change of unseen mAP")
    plot = Plot(
        "Acc under attacks",
        "level of the attack, as in the table; 0: none",
        "Acc in %",
        lines,
    )
    return Report(
        "figure7",
        "Figure 7: attacks",
        context.inputs,
        Table(f"Attacks, {PACKAGED}, map full", columns, tuple(rows), NOTE),
        plots={"acc": plot},
        note=context.dataset.note,
    )
