"""Table 10 (Appendix F): trained networks and maps, by family of generators."""

from originid.datasets.oripid import GENERATORS
from originid.experiments.harness.cells import round1
from originid.experiments.harness.context import ExperimentContext
from originid.experiments.harness.trained_methods import judge_methods, note
from originid.experiments.paper import TABLE_10
from originid.experiments.report.report import ExperimentReport, Table, TableRow


def run(context: ExperimentContext) -> ExperimentReport:
    """Judge trained networks and maps on each family of generators.

    Args:
        context: the data, the encoders and the results that are kept.

    Raises:
        InputError: the data or an encoder cannot be used, or there are too few pairs to learn from.
        ExtraError: the extra ``[train]`` is not installed.
    """
    found = judge_methods(context)
    families = list(next(iter(found.values()))[1]["by"]["family"])
    rows: list[TableRow] = [
        (name, *(round1(judgement["by"]["family"][family]["mAP"]) for family in families))
        for name, (_, judgement) in found.items()
    ]
    paper: list[TableRow] = [(name, *values) for name, values in TABLE_10.items()]
    return ExperimentReport(
        "table10",
        "Table 10: trained methods by generator",
        context.inputs,
        Table("mAP by kind of generator", ("method", *families), tuple(rows), note(context)),
        {"paper": Table("The paper's mAP", ("method", *GENERATORS), tuple(paper))},
        note=context.dataset.note,
    )
