"""The examples that a map is fitted to: what edits change, and natural images."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from originid.latents.stores import Store
from originid.training.samples import LabelledRows, OfficialSamples, Samples, within_class_rows
from originid.types import Floats32, Floats64, Latents, Rows

BLOCK = 4096  # rows read at a time: 64 MB of the paper's latents; fewer slow matrix products down


class Examples(Protocol):
    """Latents to learn from, in the two forms that the ways of learning need."""

    def differences(self) -> Iterator[tuple[Latents, Floats64, Rows]]:
        """Stream what edits change.

        Yields:
            Differences E(g) - E(o), float32 of shape (k, latent_dim); their weights, float64 of
            shape (k,); and the numbers of their origin groups, int64 of shape (k,).
        """
        ...

    def natural(self) -> Iterator[Latents]:
        """Stream the latents of natural images, each float32 of shape (k, latent_dim)."""
        ...

    @property
    def samples(self) -> Samples:
        """Origins and queries as samples, with one class for each origin group."""
        ...


@dataclass(frozen=True, eq=False)
class PairExamples:
    """The examples of a manifest's pairs and of other natural images.

    Args:
        store: The store that holds the latents.
        origins: The row of each pair's origin in the store: int64 of shape (q,).
        queries: The row of each pair's query in the store: int64 of shape (q,).
        groups: The origin group of each pair, q of them.
        natural_rows: The rows of the natural images in the store: int64 of shape (n,).
    """

    store: Store
    origins: Rows
    queries: Rows
    groups: Sequence[str]
    natural_rows: Rows

    def differences(self) -> Iterator[tuple[Latents, Floats64, Rows]]:
        """Stream E(g) - E(o), weighted so that every origin group has the same weight in all."""
        weights, numbers = group_weights(self.groups), group_numbers(self.groups)
        for block in _blocks(len(self.queries)):
            change = self.store.take(self.queries[block]) - self.store.take(self.origins[block])
            yield change, weights[block], numbers[block]

    def natural(self) -> Iterator[Latents]:
        """Stream the latents of the natural images."""
        for block in _blocks(len(self.natural_rows)):
            yield self.store.take(self.natural_rows[block])

    @cached_property
    def samples(self) -> Samples:
        """Origins and queries as samples. An image that is in several pairs is one sample."""
        # An image that is in several groups keeps the class of its first appearance.
        numbers = np.tile(group_numbers(self.groups), 2)
        rows, first = np.unique(np.concatenate([self.origins, self.queries]), return_index=True)
        return LabelledRows(self.store, rows, numbers[first])


@dataclass(frozen=True, eq=False)
class ClassExamples:
    """The examples of latents of which only the class is known, as in the official layout.

    Nothing says which member of a class is the origin. So all of them count as natural images, and
    what edits change is read from how the members scatter about the mean of their class.

    Args:
        samples: The latents and their classes.
    """

    samples: OfficialSamples

    def differences(self) -> Iterator[tuple[Latents, Floats64, Rows]]:
        """Stream rows that stand for differences, as `within_class_rows` explains."""
        return within_class_rows(self.samples, BLOCK)

    def natural(self) -> Iterator[Latents]:
        """Stream the latents of all samples."""
        for block in _blocks(len(self.samples.classes)):
            yield self.samples.take(np.arange(block.start, block.stop))


def natural_mean(examples: Examples) -> Floats32:
    """Return the mean latent of the natural images, or zeros where there are none.

    Args:
        examples: The examples whose natural images are averaged.

    Returns:
        float32 of shape (latent_dim,).
    """
    total, count = np.zeros(examples.samples.latent_dim), 0
    for latents in examples.natural():
        total += latents.sum(axis=0, dtype=np.float64)
        count += len(latents)
    return np.asarray(total / max(count, 1), np.float32)


def group_weights(groups: Sequence[str]) -> Floats64:
    """Return a weight for each pair, so that every origin group has the same weight in all.

    Args:
        groups: The origin group of each pair, q of them.

    Returns:
        float64 of shape (q,).
    """
    counts = Counter(groups)
    return np.array([1 / counts[group] for group in groups])


def group_numbers(groups: Sequence[str]) -> Rows:
    """Return the number of each pair's group, where groups are numbered as they first appear.

    Args:
        groups: The origin group of each pair, q of them.

    Returns:
        int64 of shape (q,), from 0.
    """
    number: dict[str, int] = {}
    return np.array([number.setdefault(group, len(number)) for group in groups], np.int64)


def _blocks(count: int) -> Iterator[slice]:
    return (slice(start, min(start + BLOCK, count)) for start in range(0, count, BLOCK))
