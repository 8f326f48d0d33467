"""Table 10: trained networks and maps, by kind of generator."""

from originid.experiments.harness.cells import round1
from originid.experiments.harness.context import ExperimentContext
from originid.experiments.harness.trained_methods import judge_methods, note
from originid.experiments.paper import GENERATORS, TABLE_10
from originid.experiments.report.report import Cell, Report, Table


def run(context: ExperimentContext) -> Report:
    """Judge trained networks and maps, by kind of generator."""
    found = judge_methods(context)
    families = list(next(iter(found.values()))[1]["by"]["family"])
    rows: list[tuple[Cell, ...]] = [
        (name, *(round1(report["by"]["family"][family]["mAP"]) for family in families))
        for name, (_, report) in found.items()
    ]
    paper: list[tuple[Cell, ...]] = [(name, *values) for name, values in TABLE_10.items()]
    return Report(
        "table10",
        "Table 10: trained methods by generator",
        context.inputs,
        Table("mAP by kind of generator", ("method", *families), tuple(rows), note(context)),
        {"paper": Table("The paper's mAP", ("method", *GENERATORS), tuple(paper))},
        note=context.dataset.note,
    )
