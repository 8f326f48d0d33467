"""Table 4 (Section 5.3): how far the VAEs of generators differ.

It is the part ``table4`` of the experiment ``theory``, run alone.
"""

from originid.experiments.harness.context import ExperimentContext
from originid.experiments.report.report import ExperimentReport
from originid.experiments.theory.run import run_parts


def run(context: ExperimentContext) -> ExperimentReport:
    """Measure how much the VAEs differ.

    Args:
        context: the data, the encoders and the results that are kept.

    Raises:
        InputError: there are fewer than two VAEs, or no photos.
        ExtraError: the extra ``[vae]`` is not installed.
    """
    return run_parts(context, "table4", "Table 4: VAEs differ", ("table4",))
