"""Table 5 (Section 5.5): the choice of the VAE encoder."""

from originid.errors import InputError
from originid.experiments.harness.cells import LEARNED_MAP, PAPER_SEEN_UNSEEN, learned_map
from originid.experiments.harness.context import ExperimentContext, short_name
from originid.experiments.harness.judging import judge_map
from originid.experiments.paper import TABLE_5
from originid.experiments.report.report import ExperimentReport, Table

NOTE = """\
The paper claims that any well-trained VAE will do, with differences below one point on unseen
generators. Each VAE is judged among the origins and the same few photos. So these values can be
compared with one another, but not with those of other tables."""


def run(context: ExperimentContext) -> ExperimentReport:
    """Judge every VAE, without a map and with the closed form.

    Args:
        context: the data, the encoders and the results that are kept.

    Raises:
        InputError: no VAE is given, the data or a VAE cannot be used, or there are too few pairs to
            learn from.
        ExtraError: the extra ``[vae]`` is not installed.
    """
    if not context.inputs.vaes:
        raise InputError(
            "no VAE", "expected at least one VAE", "give --vae DIR_OR_ID once or several times"
        )
    rows = []
    for vae in context.inputs.vaes:
        for map in ("raw", "full"):
            judgement = judge_map(context, f"diffusers:{vae}", map, seen=True, few=True)
            rows.append((short_name(vae), map, *learned_map(judgement)))
    paper = tuple((name, *values) for name, values in TABLE_5.items())
    return ExperimentReport(
        "table5",
        "Table 5: VAE encoders",
        context.inputs,
        Table("VAEs", ("VAE", "map", *LEARNED_MAP), tuple(rows), NOTE),
        {"paper": Table("The paper", ("VAE", *PAPER_SEEN_UNSEEN), paper)},
        note=context.dataset.note,
    )
