"""Table 1: cosines of the singular values of two generators' maps."""

from originid.experiments.harness.context import ExperimentContext
from originid.experiments.report.report import Report
from originid.experiments.theory.run import run_parts


def run(context: ExperimentContext) -> Report:
    """Run this part of the theory alone."""
    return run_parts(
        context, "table1", "Table 1: singular values of two generators' maps", ("observation1",)
    )
