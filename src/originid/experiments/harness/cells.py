"""The cells of a table that are made from a judgement, with the names of their columns."""

from collections.abc import Mapping

import numpy as np

from originid.evaluation.metrics import bootstrap_interval
from originid.experiments.report.report import Cell, TableRow
from originid.types import Json

Judgement = Json
"""How well a method finds origins, as a JSON object that can be kept in a file.

It has the fields of ``originid evaluate --json``, percentages, and besides ``acc_of_group``, the
Acc of each origin group in [0, 1]. The judgement of something that is learned has
``fit_seconds``, the mean number of seconds that learning takes for a fold.
"""
SEEN_UNSEEN = ("seen mAP", "seen Acc", "unseen mAP", "unseen Acc")
"""The columns of `seen_unseen`."""
PAPER_SEEN_UNSEEN = tuple(f"paper: {name}" for name in SEEN_UNSEEN)
"""The columns of the paper's values beside those of `SEEN_UNSEEN`."""
LEARNED_MAP = (*SEEN_UNSEEN, "projected Acc", "s a fold")
"""The columns of `learned_map`."""
OVERALL = ("mAP", "Acc", "Acc 95 %", "projected Acc")
"""The columns of `overall`."""


def round1(value: float | None) -> Cell:
    """Round a percentage or a number of seconds to one decimal; None stays None."""
    return None if value is None else round(value, 1) + 0.0  # adding 0 makes 0 of -0


def interval(ends: list[float | None]) -> Cell:
    """Return the two ends of a 95 % interval as text in brackets, None if an end is unknown."""
    low, high = ends
    return None if low is None or high is None else f"[{low:.1f}, {high:.1f}]"


def overall(judgement: Judgement) -> TableRow:
    """Return mAP, Acc, the 95 % interval of Acc, and projected Acc, all over all queries."""
    return (
        round1(judgement["mAP"]),
        round1(judgement["acc"]),
        interval(judgement["ci95"]["acc"]),
        round1(judgement["projected"]["acc"]),
    )


def seen_unseen(judgement: Judgement) -> TableRow:
    """Return mAP and Acc on queries of the generator that training saw, then on all others.

    The cells of a part that has no queries are None.
    """
    by = judgement["by"]["training"]
    return tuple(
        round1(by[part][measure]) if part in by else None
        for part in ("seen", "unseen")
        for measure in ("mAP", "acc")
    )


def learned_map(judgement: Judgement) -> TableRow:
    """Return the cells of `seen_unseen`, projected Acc over all queries, and seconds to learn."""
    return (
        *seen_unseen(judgement),
        round1(judgement["projected"]["acc"]),
        round1(judgement["fit_seconds"]),
    )


def accuracy_gain(ours: Judgement, other: Judgement, seed: int) -> Cell:
    """Return by how many points of Acc one method is better than another, as text.

    Args:
        ours: the judgement of the first method.
        other: the judgement of the second method. Only origin groups that both judgements have
            are compared.
        seed: the seed of the resampling of origin groups that gives the 95 % interval.

    Returns:
        The mean gain over the groups and its 95 % interval, such as ``+1.5 [-0.2, +3.1]``.
    """
    mine: Mapping[str, float] = ours["acc_of_group"]
    theirs: Mapping[str, float] = other["acc_of_group"]
    shared = [group for group in mine if group in theirs]
    gains = np.array([100 * (mine[group] - theirs[group]) for group in shared])
    low, high = bootstrap_interval(gains, np.array(shared), seed=seed)
    return f"{gains.mean():+.1f} [{low:+.1f}, {high:+.1f}]"
