"""Table 1 (Section 4.2): cosines of the singular values of two generators' maps.

It is the part ``observation1`` of the experiment ``theory``, run alone.
"""

from originid.experiments.harness.context import ExperimentContext
from originid.experiments.report.report import ExperimentReport
from originid.experiments.theory.run import run_parts


def run(context: ExperimentContext) -> ExperimentReport:
    """Compare the singular values of maps of several generators.

    Args:
        context: the data, the encoders and the results that are kept.

    Raises:
        InputError: there are no pairs, or fewer than two generators with enough pairs.
        ExtraError: the extra ``[vae]`` is not installed, and a VAE is given.
    """
    return run_parts(
        context, "table1", "Table 1: singular values of two generators' maps", ("observation1",)
    )
