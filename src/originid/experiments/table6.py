"""Table 6: the supervision that W is learned by."""

from dataclasses import replace

from originid.experiments.ablations import compare, report
from originid.experiments.bench import Bench
from originid.experiments.paper import TABLE_6
from originid.experiments.report import Report

MAPS = ("softmax", "circle", "cosface", "full")
NOTE = "full is the closed form, which the paper does not have."


def run(bench: Bench) -> Report:
    """Judge W by each loss."""
    table = compare(bench, bench.encoders, MAPS, TABLE_6)
    return report(bench, "table6", "Table 6: supervision losses", replace(table, note=NOTE))
