"""Experiments of the paper: one file each, and a line in `EXPERIMENTS`.

An experiment is a function of `Inputs` that runs what it has material for and says what it skipped.
"""

from collections.abc import Callable

from originid.errors import InputError
from originid.experiments.report import Inputs, Report, write_report

__all__ = ["EXPERIMENTS", "Experiment", "Inputs", "Report", "open_experiment", "write_report"]

Experiment = Callable[[Inputs, Callable[[int, int], None]], Report]
"""Takes the inputs, and what is called with the images done and the images in all."""


def _theory() -> Experiment:
    from originid.experiments.theory import run

    return run


EXPERIMENTS: dict[str, Callable[[], Experiment]] = {"theory": _theory}
"""What imports each experiment, by name."""


def open_experiment(name: str) -> Experiment:
    """The experiment of a name.

    Raises:
        InputError: there is none of that name.
    """
    if name not in EXPERIMENTS:
        raise InputError(
            f"no experiment {name!r}", f"expected one of {', '.join(EXPERIMENTS)}", "check the name"
        )
    return EXPERIMENTS[name]()
