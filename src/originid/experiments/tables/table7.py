"""Table 7 (Section 5.5): other functions in place of the linear map."""

from originid.errors import InputError
from originid.experiments.harness.ablations import compare_maps
from originid.experiments.harness.context import ExperimentContext
from originid.experiments.paper import TABLE_7
from originid.experiments.report.report import ExperimentReport

MAPS = ("convolution", "attention", "cosface")
NOTE = """\
All functions are learned with CosFace. Map cosface is the linear map. MLPs are in Figure 9."""


def run(context: ExperimentContext) -> ExperimentReport:
    """Judge a convolution and attention beside the linear map, on the first VAE.

    Args:
        context: the data, the encoders and the results that are kept.

    Raises:
        InputError: no VAE is given, the data or the VAE cannot be used, or there are too few pairs
            to learn from.
        ExtraError: the extra ``[train]`` is not installed.
    """
    if not context.inputs.vaes:
        raise InputError(
            "no VAE",
            "expected one VAE, as a convolution needs latents on a single grid",
            "give --vae DIR_OR_ID",
        )
    encoders = {next(iter(context.encoders)): context.main_encoder}
    return ExperimentReport(
        "table7",
        "Table 7: architectures",
        context.inputs,
        compare_maps(context, encoders, MAPS, TABLE_7, NOTE),
        note=context.dataset.note,
    )
