"""Experiments of the paper: a file for each table and figure, and a line in `EXPERIMENTS`.

An experiment is a function of a `Bench` that runs what it has material for and says what it
skipped.
"""

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from originid.errors import ExtraError, InputError
from originid.experiments.bench import Bench
from originid.experiments.page import write_page
from originid.experiments.report import Inputs, Report
from originid.experiments.timing import read_timings, timed
from originid.experiments.writing import open_folder, write_report

__all__ = [
    "ALL",
    "EXPERIMENTS",
    "Bench",
    "Experiment",
    "Inputs",
    "Report",
    "open_experiment",
    "open_folder",
    "run_all",
    "run_one",
]

Experiment = Callable[[Bench], Report]

EXPERIMENTS: dict[str, tuple[str, str]] = {
    "data": ("data", "run"),
    "table1": ("theory", "run_table1"),
    "table2": ("table2", "run"),
    "table3": ("table3", "run"),
    "table4": ("theory", "run_table4"),
    "table5": ("table5", "run"),
    "table6": ("table6", "run"),
    "table7": ("table7", "run"),
    "strength": ("strength", "run"),
    "table9": ("table2", "run_by_generator"),
    "table10": ("table3", "run_by_generator"),
    "table11": ("table11", "run"),
    "figure7": ("figure7", "run"),
    "figure8": ("figure8", "run"),
    "figure9": ("figure9", "run"),
    "failures": ("failures", "run"),
    "discrepancy": ("discrepancy", "run"),
    "theory": ("theory", "run"),
}
"""Module and function of each experiment, by name."""
ALIASES = {"table8": "strength"}
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
    module, function = EXPERIMENTS[name]
    found: Experiment = getattr(import_module(f"originid.experiments.{module}"), function)
    return found


def run_one(bench: Bench, folder: Path, name: str) -> Report:
    """Run an experiment and write its report.

    Raises:
        InputError: none of that name, or none of the material that it needs.
        ExtraError: what it needs is not installed.
        StorageError: the disk refuses.
    """
    experiment = open_experiment(name)
    bench.failures.clear()
    with timed(folder, ALIASES.get(name, name)):
        report = experiment(bench)
    report = replace(report, failures=tuple(dict.fromkeys([*report.failures, *bench.failures])))
    write_report(folder, report)
    return report


def run_all(bench: Bench, folder: Path) -> tuple[list[Report], dict[str, str]]:
    """Run every experiment, write each report as it is done, then one page of all.

    Returns:
        The reports, and the reason for each experiment that could not be run.
    """
    reports: list[Report] = []
    missing: dict[str, str] = {}
    for name in EXPERIMENTS:
        try:
            reports.append(run_one(bench, folder, name))
        except (InputError, ExtraError) as error:
            missing[name] = f"{error.given}; {error.expected}; {error.todo}"
        # As far as it is done, whatever becomes of the rest.
        write_page(folder / "index.html", reports, missing, read_timings(folder))
    return reports, missing
