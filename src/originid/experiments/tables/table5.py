"""Table 5: the choice of the VAE encoder."""

from originid.errors import InputError
from originid.experiments.harness.ablations import measured, report
from originid.experiments.harness.cells import PAPER_SEEN_UNSEEN, SEEN_UNSEEN
from originid.experiments.harness.context import ExperimentContext, label
from originid.experiments.harness.judging import judge_map
from originid.experiments.paper import TABLE_5
from originid.experiments.report.report import Report, Table

NOTE = """\
The paper's claim: any well-trained VAE serves, with differences below one point on unseen
generators. Each VAE is judged among the origins and the same photos, so figures are comparable
with one another only."""


def run(context: ExperimentContext) -> Report:
    """Judge every VAE, without a map and with the closed form."""
    if not context.inputs.vaes:
        raise InputError("no VAE", "expected at least one", "give --vae DIR_OR_ID, several times")
    rows = [
        (
            label(vae),
            map,
            *measured(judge_map(context, f"diffusers:{vae}", map, seen=True, few=True)),
        )
        for vae in context.inputs.vaes
        for map in ("raw", "full")
    ]
    columns = ("VAE", "map", *SEEN_UNSEEN, "projected Acc", "s a fold")
    paper = tuple((name, *values) for name, values in TABLE_5.items())
    return report(
        context,
        "table5",
        "Table 5: VAE encoders",
        Table("VAEs", columns, tuple(rows), NOTE),
        paper=Table("The paper", ("VAE", *PAPER_SEEN_UNSEEN), paper),
    )
