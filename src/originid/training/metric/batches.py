"""The rows that each step of metric learning sees: P classes, and K rows of each."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from originid.errors import InputError
from originid.types import Rows


class Batches:
    """Draws P x K batches, which depend only on the seed and the epoch.

    A pass visits the classes in random order, each at most once. Fewer than P classes may be left
    over at its end, and these wait for the next pass. A batch holds K different rows of a class or,
    where the class has fewer, all of its rows in turn. A class with only one row is used like any
    other: the rest is kept apart from it. But it teaches nothing about edits, so leave such rows
        out
    where there are many of them.

    Args:
        classes: The class of each row: int64 of shape (n,), counted from 0.
        origins: The number P of classes in a batch; all classes where there are fewer.
        images: The number K of rows of each class.
        seed: The seed of all draws.

    Raises:
        InputError: A class is negative, or fewer than two classes have rows.
    """

    def __init__(self, classes: NDArray[np.int64], origins: int, images: int, seed: int) -> None:
        if classes.size and classes.min() < 0:
            raise InputError(
                f"class {classes.min()} of row {classes.argmin()}",
                "expected classes that are at least 0",
                "number the origins from 0 on",
            )
        # The rows are sorted by class, so that a draw is arithmetic on two arrays: the first place
        # and the number of rows of each class.
        self._rows = np.argsort(classes, kind="stable")
        counts = np.bincount(classes, minlength=1)
        self.present = np.flatnonzero(counts)
        if len(self.present) < 2:
            raise InputError(
                f"{len(self.present)} origins with images",
                "expected at least two origins",
                "add pairs of other origins",
            )
        self._starts = (np.cumsum(counts) - counts)[self.present]
        self._counts = counts[self.present]
        self.origins = min(origins, len(self.present))
        self.images = images
        self._seed = seed

    @property
    def single(self) -> int:
        """The number of classes that have only one row."""
        return int((self._counts == 1).sum())

    def epoch(self, epoch: int, steps: int) -> Iterator[Rows]:
        """Draw the batches of an epoch, each int64 of shape (P, K), one class a line.

        Args:
            epoch: The number of the epoch, counted from 0.
            steps: The number of batches.
        """
        rng = np.random.default_rng([self._seed, epoch])
        whole = len(self.present) // self.origins  # full batches in one pass over the classes
        for step in range(steps):
            if step % whole == 0:
                order = rng.permutation(len(self.present))
            start = step % whole * self.origins
            yield self._draw(order[start : start + self.origins], rng)

    def _draw(self, chosen: Rows, rng: np.random.Generator) -> Rows:
        counts = self._counts[chosen]
        # Both kinds are drawn for all classes, so that no Python loop goes over the classes.
        members = np.where(
            (counts < self.images)[:, None],
            _all_in_turn(counts, self.images, rng),
            _distinct(counts, self.images, rng),
        )
        return np.asarray(self._rows[self._starts[chosen, None] + members], np.int64)


def _distinct(counts: Rows, k: int, rng: np.random.Generator) -> Rows:
    """Draw k numbers below each count, which differ from each other where the count allows it.

    Returns:
        int64 of shape (p, k).
    """
    drawn: Rows = np.empty((len(counts), k), np.int64)
    for i in range(k):
        # The i-th draw is a place among the numbers that are not drawn yet. Each earlier draw that
        # is not above it moves it up by one.
        number = (rng.random(len(counts)) * np.maximum(counts - i, 1)).astype(np.int64)
        for earlier in np.sort(drawn[:, :i], axis=1).T:
            number += number >= earlier
        drawn[:, i] = number
    return drawn


def _all_in_turn(counts: Rows, k: int, rng: np.random.Generator) -> Rows:
    """Put all numbers below each count in random order, and repeat that order until there are k.

    This is for counts of at most k. Larger counts give numbers that are not used.

    Returns:
        int64 of shape (p, k).
    """
    keys = np.where(np.arange(k) < counts[:, None], rng.random((len(counts), k)), np.inf)
    order = np.argsort(keys, axis=1)
    return np.take_along_axis(order, np.arange(k) % counts[:, None], axis=1)
