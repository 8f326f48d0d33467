"""The reliability diagram: stated false-match rates against observed frequencies, as a picture."""

from pathlib import Path

import numpy as np

from originid.errors import ExtraError
from originid.evaluation.metrics import bootstrap_interval
from originid.evaluation.trust import Trials, rates_of_strangers
from originid.system.storage import storage_errors
from originid.types import Floats64
from originid.verdict.presets import PRESETS

LOWEST = 1e-5  # stated rate at the left edge; rates below it are drawn there
STEPS = 41  # at which the interval is drawn
REPEATS = 200  # resamples of the interval: a shaded band needs no more


def refuse_missing_matplotlib() -> None:
    """Check that a diagram can be drawn, before hours of work.

    Raises:
        ExtraError: matplotlib is not installed.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise ExtraError("a reliability diagram", "experiments") from error


def interval_of_frequencies(trials: Trials, steps: Floats64) -> tuple[Floats64, Floats64]:
    """Return the 95 % interval of the observed frequency at some stated rates.

    Args:
        trials: what the queries found.
        steps: the stated rates, float64 of shape (k,).

    Returns:
        The lower and the upper ends, float64 of shape (k,), by the bootstrap over groups.
    """
    rates, _ = rates_of_strangers(trials)
    alone = [f"stranger {number}" for number in range(len(trials.strangers.rates))]
    groups = [*(f"group {group}" for group in trials.groups), *alone]
    ends = [bootstrap_interval(rates <= step, groups, REPEATS) for step in steps]
    low, high = np.array(ends).T
    return low, high


def draw_reliability(trials: Trials, path: Path) -> None:
    """Draw the share of queries without an origin that got a match at each stated rate or less.

    On the diagonal the promise is kept. Above it there are more false matches than stated, below
    it fewer. Both axes are logarithmic, because what matters are the small rates of the presets.

    Args:
        trials: what the queries found.
        path: the PNG file to write.

    Raises:
        ExtraError: matplotlib is not installed.
        StorageError: the file cannot be written.
    """
    refuse_missing_matplotlib()
    from matplotlib.figure import Figure  # without pyplot: no window, no global state

    rates, weights = rates_of_strangers(trials)
    order = np.argsort(rates, kind="stable")
    # All of each query's own weight, as the axis says and as the table counts.
    stated, observed = rates[order], np.cumsum(weights[order])
    steps = np.geomspace(LOWEST, 1, STEPS)
    figure = Figure(figsize=(5.5, 5), layout="constrained")
    axes = figure.add_subplot()
    axes.fill_between(
        steps,
        *interval_of_frequencies(trials, steps),
        alpha=0.2,
        linewidth=0,
        label="95 % interval",
    )
    axes.step(np.maximum(stated, LOWEST), observed, where="post", label="observed")
    axes.plot([LOWEST, 1], [LOWEST, 1], color="black", linewidth=0.8, label="as promised")
    for name, rate in PRESETS.items():
        axes.axvline(rate, color="grey", linewidth=0.8, linestyle=":")
        axes.annotate(name, (rate, 0.8), rotation=90, ha="right", va="top", color="grey")
    axes.set(xscale="log", yscale="log", xlim=(LOWEST, 1), ylim=(LOWEST, 1))
    axes.set_xlabel("stated false-match rate")
    axes.set_ylabel(f"share of {len(stated):,} queries without an origin, at this rate or less")
    axes.legend(loc="lower right")
    with storage_errors(path):
        figure.savefig(path, dpi=150, format="png")
