"""Experiments of the paper: a file for each table and figure, and a line in `EXPERIMENTS`.

An experiment is a function of an `ExperimentContext`. It runs what it has data for and says what
it skipped.
"""

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from originid.errors import ExtraError, InputError
from originid.experiments.harness.context import ExperimentContext
from originid.experiments.inputs import Inputs
from originid.experiments.report.page import write_page
from originid.experiments.report.report import Report
from originid.experiments.report.timing import read_timings, timed
from originid.experiments.report.writing import open_folder, write_report

__all__ = [
    "ALL",
    "EXPERIMENTS",
    "Experiment",
    "ExperimentContext",
    "Inputs",
    "Report",
    "open_experiment",
    "open_folder",
    "run_all",
    "run_one",
]

Experiment = Callable[[ExperimentContext], Report]

EXPERIMENTS: dict[str, str] = {
    "data": "tables.data",
    **{f"table{number}": f"tables.table{number}" for number in range(1, 8)},
    "strength": "tables.table8",
    **{f"table{number}": f"tables.table{number}" for number in range(9, 12)},
    **{f"figure{number}": f"tables.figure{number}" for number in range(7, 10)},
    "failures": "tables.figure5",
    "discrepancy": "tables.figure2",
    "theory": "theory.run",
}
"""The module of each experiment, by name; its function is called ``run``."""
ALIASES = {"table8": "strength", "figure2": "discrepancy", "figure5": "failures"}
"""Other names of experiments: those of the paper."""
ALL = "all"


def open_experiment(name: str) -> Experiment:
    """The experiment of a name.

    Raises:
        InputError: there is none of that name.
    """
    name = ALIASES.get(name, name)
    if name not in EXPERIMENTS:
        known = ", ".join([*EXPERIMENTS, *ALIASES])
        raise InputError(
            f"no experiment {name!r}", f"expected one of {known}, or {ALL}", "check the name"
        )
    found: Experiment = import_module(f"originid.experiments.{EXPERIMENTS[name]}").run
    return found


def run_one(context: ExperimentContext, folder: Path, name: str) -> Report:
    """Run an experiment and write its report.

    Raises:
        InputError: none of that name, or none of the material that it needs.
        ExtraError: what it needs is not installed.
        StorageError: the disk refuses.
    """
    experiment = open_experiment(name)
    context.failures.clear()
    with timed(folder, ALIASES.get(name, name)):
        report = experiment(context)
    report = replace(report, failures=tuple(dict.fromkeys([*report.failures, *context.failures])))
    write_report(folder, report)
    return report


def run_all(context: ExperimentContext, folder: Path) -> tuple[list[Report], dict[str, str]]:
    """Run every experiment, write each report as it is done, then one page of all.

    Returns:
        The reports, and the reason for each experiment that could not be run.
    """
    reports: list[Report] = []
    missing: dict[str, str] = {}
    for name in EXPERIMENTS:
        try:
            reports.append(run_one(context, folder, name))
        except (InputError, ExtraError) as error:
            missing[name] = f"{error.given}; {error.expected}; {error.todo}"
        # As far as it is done, whatever becomes of the rest.
        write_page(folder / "index.html", reports, missing, read_timings(folder))
    return reports, missing
