"""From what a judgement gives to cells of a table."""

from collections.abc import Mapping

import numpy as np

from originid.evaluation.metrics import bootstrap_interval
from originid.experiments.report.report import Cell
from originid.types import Json

SEEN_UNSEEN = ("seen mAP", "seen Acc", "unseen mAP", "unseen Acc")
PAPER_SEEN_UNSEEN = tuple(f"paper: {name}" for name in SEEN_UNSEEN)


def round1(value: float | None) -> Cell:
    """To one decimal, as percentages are printed."""
    return None if value is None else round(value, 1) + 0.0  # no -0


def interval(ends: list[float | None]) -> Cell:
    """A 95 % interval in brackets."""
    low, high = ends
    return None if low is None or high is None else f"[{low:.1f}, {high:.1f}]"


def overall(report: Json) -> tuple[Cell, ...]:
    """mAP, Acc, its 95 % interval, and projected Acc of all queries."""
    return (
        round1(report["mAP"]),
        round1(report["acc"]),
        interval(report["ci95"]["acc"]),
        round1(report["projected"]["acc"]),
    )


OVERALL = ("mAP", "Acc", "Acc 95 %", "projected Acc")


def seen_unseen(report: Json) -> tuple[Cell, ...]:
    """mAP and Acc on queries of the generator that maps saw, and on those of others."""
    by = report["by"]["training"]
    return tuple(
        round1(by[part][measure]) if part in by else None
        for part in ("seen", "unseen")
        for measure in ("mAP", "acc")
    )


def accuracy_gain(ours: Json, other: Json, seed: int) -> Cell:
    """How many points of Acc ours is ahead, with the 95 % interval over the same origin groups."""
    mine: Mapping[str, float] = ours["acc_of_group"]
    theirs: Mapping[str, float] = other["acc_of_group"]
    shared = [group for group in mine if group in theirs]
    gains = np.array([100 * (mine[group] - theirs[group]) for group in shared])
    low, high = bootstrap_interval(gains, np.array(shared), seed=seed)
    return f"{gains.mean():+.1f} [{low:+.1f}, {high:+.1f}]"
