"""The experiments of the paper: one file for each table and figure, listed in `EXPERIMENTS`.

An experiment is a function that takes an `ExperimentContext` and returns an `ExperimentReport`. It
runs every part that it has data for. The report says which parts were skipped, and why.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from originid.errors import ExtraError, InputError
from originid.experiments.harness.context import ExperimentContext
from originid.experiments.inputs import ExperimentInputs
from originid.experiments.report.page import write_page
from originid.experiments.report.report import ExperimentReport
from originid.experiments.report.timing import read_timings, timed
from originid.experiments.report.writing import open_folder, write_report
from originid.system.progress import time_left
from originid.system.text import closest

__all__ = [
    "ALL",
    "EXPERIMENTS",
    "Experiment",
    "ExperimentContext",
    "ExperimentInputs",
    "ExperimentReport",
    "open_experiment",
    "open_folder",
    "run_all",
    "run_one",
]

Experiment = Callable[[ExperimentContext], ExperimentReport]
"""Runs one experiment and returns its report. It writes no report itself."""

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
"""The module of each experiment, by the experiment's name. Its function is called ``run``."""
ALIASES = {"table8": "strength", "figure2": "discrepancy", "figure5": "failures"}
"""The paper's names of experiments that are called otherwise here, and their names here."""
ALL = "all"
"""The name that stands for every experiment."""


def open_experiment(name: str) -> Experiment:
    """Import an experiment.

    Args:
        name: the name of the experiment, a key of `EXPERIMENTS` or of `ALIASES`.

    Returns:
        The function that runs the experiment.

    Raises:
        InputError: there is no experiment of that name.
        ExtraError: the experiment needs a package that is not installed.
    """
    name = ALIASES.get(name, name)
    if name not in EXPERIMENTS:
        known = ", ".join([*EXPERIMENTS, *ALIASES])
        raise InputError(
            f"no experiment {name!r}",
            f"expected one of {known}, or {ALL}",
            closest(name, [*EXPERIMENTS, *ALIASES, ALL], "see originid experiment --help"),
        )
    # Some experiments import torch, which takes seconds, so only the wanted one is imported.
    found: Experiment = import_module(f"originid.experiments.{EXPERIMENTS[name]}").run
    return found


def run_one(context: ExperimentContext, folder: Path, name: str) -> ExperimentReport:
    """Run one experiment, and write its report and the time that it took.

    Args:
        context: the data, the encoders and the results that are kept.
        folder: the folder that the files of the report are written into.
        name: the name of the experiment, as for `open_experiment`.

    Raises:
        InputError: there is no experiment of that name, or no data that it needs.
        ExtraError: the experiment needs a package that is not installed.
        StorageError: a file cannot be written.
    """
    experiment = open_experiment(name)
    context.failures.clear()
    with timed(folder, ALIASES.get(name, name)):
        report = experiment(context)
    report = replace(report, failures=tuple(dict.fromkeys([*report.failures, *context.failures])))
    write_report(folder, report)
    return report


def run_all(
    context: ExperimentContext, folder: Path
) -> tuple[list[ExperimentReport], dict[str, str]]:
    """Run every experiment, and write each report when it is done and one page of all reports.

    Args:
        context: the data, the encoders and the results that are kept.
        folder: the folder that the reports and ``index.html`` are written into.

    Returns:
        The reports in the order of `EXPERIMENTS`, and for each experiment that could not be run
        the reason by the experiment's name.

    Raises:
        StorageError: a file cannot be written.
    """
    reports: list[ExperimentReport] = []
    missing: dict[str, str] = {}
    start = time.monotonic()
    for number, name in enumerate(EXPERIMENTS):
        left = time_left(time.monotonic() - start, number, len(EXPERIMENTS))
        where = f"experiment {number + 1} of {len(EXPERIMENTS)}"
        context.say(f"{where}: {name}{left and f'; {left} for all, if the others are like those'}")
        try:
            reports.append(run_one(context, folder, name))
        except (InputError, ExtraError) as error:
            missing[name] = f"{error.given}; {error.expected}; {error.todo}"
        # The page is written each time, so that a run that is cut off leaves a page too.
        write_page(folder / "index.html", reports, missing, read_timings(folder))
    return reports, missing
