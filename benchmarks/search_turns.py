"""Timing runs that take turns, and the plain search by numpy that others are compared with."""

import time
from collections.abc import Callable, Sequence
from statistics import median

import numpy as np

from originid.types import Floats32, Ids
from search_process import TOP


def numpy_top(matrix: Floats32, queries: Floats32) -> Ids:
    """Return the ten best references in the plain way: one product, then the largest of each row.

    Args:
        matrix: the vectors of the references, float32 (n, dim).
        queries: the vectors of the queries, float32 (q, dim).

    Returns:
        The numbers of the references, int64 (q, TOP), the best first.
    """
    best = []
    for scores in queries @ matrix.T:
        top = np.argpartition(scores, -TOP)[-TOP:]
        best.append(top[np.argsort(-scores[top])])
    return np.array(best)


def seconds(run: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Return the seconds that a call takes, by a clock."""
    start = clock()
    run()
    return clock() - start


def in_turn(runs: Sequence[Callable[[int], float]], turns: int) -> list[list[float]]:
    """Call runs in turns, and return the result of each run in each turn.

    Args:
        runs: the runs; each is called with the number of the turn.
        turns: the number of turns, after one that warms up and is not counted.
    """
    told: list[list[float]] = [[] for _ in runs]
    for turn in range(turns + 1):
        for run, its in zip(runs, told, strict=True):
            time.sleep(0.05)  # the threads of an earlier product wait busily for more work
            its.append(run(turn))
    return [its[1:] for its in told]


def ratio(ours: list[float], theirs: list[float]) -> float:
    """Return the median of the ratios of the turns."""
    return median(a / b for a, b in zip(ours, theirs, strict=True))
