"""Table 7: what stands in place of the linear map."""

from dataclasses import replace

from originid.errors import InputError
from originid.experiments.harness.ablations import compare, report
from originid.experiments.harness.context import ExperimentContext
from originid.experiments.paper import TABLE_7
from originid.experiments.report.report import Report

MAPS = ("convolution", "attention", "cosface")
NOTE = "All by CosFace; cosface is the linear map. MLPs are in Figure 9."


def run(context: ExperimentContext) -> Report:
    """Judge a convolution and attention beside the linear map."""
    if not context.inputs.vaes:
        raise InputError(
            "no VAE",
            "expected one: a convolution wants latents on one grid",
            "give --vae DIR_OR_ID",
        )
    specs = {next(iter(context.encoders)): context.main_encoder}
    table = compare(context, specs, MAPS, TABLE_7)
    return report(context, "table7", "Table 7: architectures", replace(table, note=NOTE))
