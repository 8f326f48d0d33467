"""Tables of one kind: some ways to learn the map, judged on the seen and on unseen generators."""

from collections.abc import Mapping

from originid.experiments.harness.cells import PAPER_SEEN_UNSEEN, SEEN_UNSEEN, round1, seen_unseen
from originid.experiments.harness.context import ExperimentContext
from originid.experiments.harness.judging import judge_map
from originid.experiments.report.report import Report, Table
from originid.types import Json

Paper = Mapping[str, tuple[float, float, float, float]]
COLUMNS = ("encoder", "map", *SEEN_UNSEEN, "projected Acc", "s a fold", *PAPER_SEEN_UNSEEN)


def compare(
    context: ExperimentContext, specs: Mapping[str, str], maps: tuple[str, ...], paper: Paper
) -> Table:
    """A row for every encoder and map, each trained on the seen generator."""
    rows = []
    for label, spec in specs.items():
        for map in maps:
            report = judge_map(context, spec, map, seen=True)
            rows.append((label, map, *measured(report), *paper.get(map, (None,) * 4)))
    return Table("Maps", COLUMNS, tuple(rows))


def measured(report: Json) -> tuple[float | int | str | None, ...]:
    """Accuracy on seen and unseen generators, projected Acc of all, and seconds to learn."""
    return (
        *seen_unseen(report),
        round1(report["projected"]["acc"]),
        round1(report["fit_seconds"]),
    )


def report(
    context: ExperimentContext, name: str, title: str, table: Table, **tables: Table
) -> Report:
    """A report of one table, and others under their names."""
    return Report(name, title, context.inputs, table, tables, note=context.dataset.note)
