"""Which rows a step sees: P classes, K rows of each."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from originid.errors import InputError
from originid.types import Rows


class Batches:
    """P x K batches, the same for the same seed and epoch, whatever came before.

    A pass visits the classes in random order, each at most once; the classes left over, fewer
    than P, wait for the next pass. A batch holds K different rows of a class, or, where it has
    fewer, all of them in turn. A class with one row is used like any other, as a class to keep
    apart from; it teaches nothing about edits, so leave such rows out where they are many.

    Args:
        classes: int64 of shape (n,), at least 0; the class of each row.
        origins: P; fewer if there are not as many classes.
        images: K.
        seed: of all draws.

    Raises:
        InputError: a negative class, or fewer than two classes with rows.
    """

    def __init__(self, classes: NDArray[np.int64], origins: int, images: int, seed: int) -> None:
        if classes.size and classes.min() < 0:
            raise InputError(
                f"class {classes.min()} of row {classes.argmin()}",
                "expected classes from 0",
                "number the origins from 0",
            )
        # Rows sorted by class: a draw is then arithmetic on two arrays.
        self._rows = np.argsort(classes, kind="stable")
        counts = np.bincount(classes, minlength=1)
        self.present = np.flatnonzero(counts)
        if len(self.present) < 2:
            raise InputError(
                f"{len(self.present)} origins with images",
                "expected at least two",
                "add pairs of other origins",
            )
        self._starts = (np.cumsum(counts) - counts)[self.present]
        self._counts = counts[self.present]
        self.origins = min(origins, len(self.present))
        self.images = images
        self._seed = seed

    @property
    def single(self) -> int:
        """How many classes have one row."""
        return int((self._counts == 1).sum())

    def epoch(self, epoch: int, steps: int) -> Iterator[Rows]:
        """The batches of an epoch: int64 of shape (P, K), one class a line."""
        rng = np.random.default_rng([self._seed, epoch])
        whole = len(self.present) // self.origins
        for step in range(steps):
            if step % whole == 0:
                order = rng.permutation(len(self.present))
            start = step % whole * self.origins
            yield self._draw(order[start : start + self.origins], rng)

    def _draw(self, chosen: Rows, rng: np.random.Generator) -> Rows:
        counts = self._counts[chosen]
        members = np.where(
            (counts < self.images)[:, None],
            _all_in_turn(counts, self.images, rng),
            _distinct(counts, self.images, rng),
        )
        return np.asarray(self._rows[self._starts[chosen, None] + members], np.int64)


def _distinct(counts: Rows, k: int, rng: np.random.Generator) -> Rows:
    """Numbers below each count, (p, k), different from each other where the count allows."""
    drawn: Rows = np.empty((len(counts), k), np.int64)
    for i in range(k):
        # The i-th draw counts what is not drawn yet; going up past each earlier draw finds it.
        number = (rng.random(len(counts)) * np.maximum(counts - i, 1)).astype(np.int64)
        for earlier in np.sort(drawn[:, :i], axis=1).T:
            number += number >= earlier
        drawn[:, i] = number
    return drawn


def _all_in_turn(counts: Rows, k: int, rng: np.random.Generator) -> Rows:
    """All numbers below each count in random order, again and again, (p, k); counts up to k."""
    keys = np.where(np.arange(k) < counts[:, None], rng.random((len(counts), k)), np.inf)
    order = np.argsort(keys, axis=1)
    return np.take_along_axis(order, np.arange(k) % counts[:, None], axis=1)
