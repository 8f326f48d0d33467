"""Table 4: how far the VAEs of generators differ."""

from originid.experiments.harness.context import ExperimentContext
from originid.experiments.report.report import Report
from originid.experiments.theory.run import run_parts


def run(context: ExperimentContext) -> Report:
    """Run this part of the theory alone."""
    return run_parts(context, "table4", "Table 4: VAEs differ", ("table4",))
