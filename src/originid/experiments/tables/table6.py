"""Table 6: the supervision that W is learned by."""

from dataclasses import replace

from originid.experiments.harness.ablations import compare, report
from originid.experiments.harness.context import ExperimentContext
from originid.experiments.paper import TABLE_6
from originid.experiments.report.report import Report

MAPS = ("softmax", "circle", "cosface", "full")
NOTE = "full is the closed form, which the paper does not have."


def run(context: ExperimentContext) -> Report:
    """Judge W by each loss."""
    table = compare(context, context.encoders, MAPS, TABLE_6)
    return report(context, "table6", "Table 6: supervision losses", replace(table, note=NOTE))
