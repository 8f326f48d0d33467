"""Figure 7 (Section 5.4): attacks on the queries, such as compression and blur."""

from originid.evaluation.attacks import parse_attack
from originid.experiments.harness.cells import OVERALL, accuracy_gain, overall, round1
from originid.experiments.harness.context import PACKAGED, ExperimentContext
from originid.experiments.harness.judging import judge_map
from originid.experiments.paper import FIGURE_7
from originid.experiments.report.report import ExperimentReport, Plot, Table

# By the attack: the JPEG quality, the sigma of the blur in pixels, the scale, and the opacity.
LEVELS: dict[str, tuple[str, ...]] = {
    "jpeg": ("90", "70", "50", "30", "10"),
    "blur": ("1", "2", "3", "5"),
    "resize": ("0.75", "0.5", "0.25", "0.125"),
    "watermark": ("0.25", "0.5", "0.75", "1"),
}
NOTE = """\
Maps are learned from pairs that are not attacked. The queries are attacked at their own size. The
column "change of Acc" is the Acc under the attack less the Acc without it. Its 95 % interval is in
brackets."""


def run(context: ExperimentContext) -> ExperimentReport:
    """Judge the packaged encoder with map full under every attack and level.

    Args:
        context: the data, the encoders and the results that are kept.

    Raises:
        InputError: the data or an encoder cannot be used, or there are too few pairs to learn from.
    """
    whole = judge_map(context, PACKAGED, "full")
    rows = [("none", *overall(whole), None, None, None)]
    lines = {}
    for name, levels in LEVELS.items():
        values = []
        for level in levels:
            attack = str(parse_attack(f"{name}:{level}"))
            judgement = judge_map(context, PACKAGED, "full", attack=attack)
            gained = round1(judgement["mAP"] - whole["mAP"])
            change = accuracy_gain(judgement, whole, context.inputs.seed)
            rows.append((attack, *overall(judgement), change, gained, FIGURE_7.get(attack)))
            values.append(judgement["acc"])
        lines[name] = (list(range(len(levels) + 1)), [whole["acc"], *values])
    columns = ("attack", *OVERALL, "change of Acc", "change of mAP", "paper: change of unseen mAP")
    plot = Plot(
        "Acc under attacks",
        "level of the attack, as in the table; 0: none",
        "Acc in %",
        lines,
    )
    return ExperimentReport(
        "figure7",
        "Figure 7: attacks",
        context.inputs,
        Table(f"Attacks, {PACKAGED}, map full", columns, tuple(rows), NOTE),
        plots={"acc": plot},
        note=context.dataset.note,
    )
