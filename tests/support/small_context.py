"""Experiments on the smallest encoder that there is."""

from originid.experiments import ExperimentContext

SMALLEST = "tones"
"""344 coefficients: the closed form takes a tenth of a second. Of `tones+edges`, which has 1,999,
it takes ten seconds, and the tables here need dozens."""


class SmallContext(ExperimentContext):
    """Where an experiment runs that stands for ours by the smallest encoder."""

    @property
    def encoders(self) -> dict[str, str]:
        return {SMALLEST: SMALLEST}
