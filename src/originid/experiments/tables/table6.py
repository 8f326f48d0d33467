"""Table 6 (Section 5.5): the loss that W is learned with."""

from originid.experiments.harness.ablations import compare_maps
from originid.experiments.harness.context import ExperimentContext
from originid.experiments.paper import TABLE_6
from originid.experiments.report.report import ExperimentReport

MAPS = ("softmax", "circle", "cosface", "full")
NOTE = "Map full is the closed form, which the paper does not have."


def run(context: ExperimentContext) -> ExperimentReport:
    """Judge W with each loss, on every encoder of ours.

    Args:
        context: the data, the encoders and the results that are kept.

    Raises:
        InputError: the data or an encoder cannot be used, or there are too few pairs to learn from.
        ExtraError: the extra ``[train]`` is not installed.
    """
    return ExperimentReport(
        "table6",
        "Table 6: supervision losses",
        context.inputs,
        compare_maps(context, context.encoders, MAPS, TABLE_6, NOTE),
        note=context.dataset.note,
    )
