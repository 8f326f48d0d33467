"""Table 7: what stands in place of the linear map."""

from dataclasses import replace

from originid.errors import InputError
from originid.experiments.ablations import compare, report
from originid.experiments.bench import Bench
from originid.experiments.paper import TABLE_7
from originid.experiments.report import Report

MAPS = ("convolution", "attention", "cosface")
NOTE = "All by CosFace; cosface is the linear map. MLPs are in Figure 9."


def run(bench: Bench) -> Report:
    """Judge a convolution and attention beside the linear map."""
    if not bench.inputs.vaes:
        raise InputError(
            "no VAE",
            "expected one: a convolution wants latents on one grid",
            "give --vae DIR_OR_ID",
        )
    specs = {next(iter(bench.encoders)): bench.main_encoder}
    table = compare(bench, specs, MAPS, TABLE_7)
    return report(bench, "table7", "Table 7: architectures", replace(table, note=NOTE))
