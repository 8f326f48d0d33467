"""What a map is fitted to: differences that edits make, and natural images."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from originid.latents.stores import Store
from originid.training.samples import LabelledRows, OfficialSamples, Samples, within_class_rows
from originid.types import Floats32, Floats64, Latents, Rows

BLOCK = 4096  # rows at a time: 64 MB of the paper's latents; fewer make matrix products slower


class Examples(Protocol):
    """Latents to learn from, in the two forms that the ways to learn need."""

    def differences(self) -> Iterator[tuple[Latents, Floats64, Rows]]:
        """What edits change: rows (k, latent_dim), their weights (k,), their groups (k,)."""
        ...

    def natural(self) -> Iterator[Latents]:
        """Latents (k, latent_dim) of natural images."""
        ...

    @property
    def samples(self) -> Samples:
        """Origins and queries, one class per origin group."""
        ...


@dataclass(frozen=True, eq=False)
class PairExamples:
    """Pairs of a manifest, and other images.

    Args:
        store: has the latents.
        origins: rows of the pairs' origins, (q,).
        queries: rows of the pairs' queries, (q,).
        groups: of the pairs, q of them.
        natural_rows: rows of natural images, (n,).
    """

    store: Store
    origins: Rows
    queries: Rows
    groups: Sequence[str]
    natural_rows: Rows

    def differences(self) -> Iterator[tuple[Latents, Floats64, Rows]]:
        """As of `Examples`: E(g) - E(o), weighted so that every group weighs the same in all."""
        weights, numbers = group_weights(self.groups), group_numbers(self.groups)
        for block in _blocks(len(self.queries)):
            change = self.store.take(self.queries[block]) - self.store.take(self.origins[block])
            yield change, weights[block], numbers[block]

    def natural(self) -> Iterator[Latents]:
        """As of `Examples`."""
        for block in _blocks(len(self.natural_rows)):
            yield self.store.take(self.natural_rows[block])

    @cached_property
    def samples(self) -> Samples:
        """As of `Examples`; an image of several pairs is one sample."""
        numbers = np.tile(group_numbers(self.groups), 2)
        rows, first = np.unique(np.concatenate([self.origins, self.queries]), return_index=True)
        return LabelledRows(self.store, rows, numbers[first])


@dataclass(frozen=True, eq=False)
class ClassExamples:
    """Latents of which only the class is known, as in the official layout.

    Which of a class is the origin is not told, so all are taken for natural images, and what edits
    change is the scatter about the mean of a class.
    """

    samples: OfficialSamples

    def differences(self) -> Iterator[tuple[Latents, Floats64, Rows]]:
        """As of `Examples`, see `within_class_rows`."""
        return within_class_rows(self.samples, BLOCK)

    def natural(self) -> Iterator[Latents]:
        """As of `Examples`."""
        for block in _blocks(len(self.samples.classes)):
            yield self.samples.take(np.arange(block.start, block.stop))


def natural_mean(examples: Examples) -> Floats32:
    """The mean latent of natural images, (latent_dim,) float32; zeros where there are none."""
    total, count = np.zeros(examples.samples.latent_dim), 0
    for latents in examples.natural():
        total += latents.sum(axis=0, dtype=np.float64)
        count += len(latents)
    return np.asarray(total / max(count, 1), np.float32)


def group_weights(groups: Sequence[str]) -> Floats64:
    """A weight for each pair, (q,), so that each origin group weighs the same in all."""
    counts = Counter(groups)
    return np.array([1 / counts[group] for group in groups])


def group_numbers(groups: Sequence[str]) -> Rows:
    """A number for each pair's group, (q,), in order of appearance."""
    number: dict[str, int] = {}
    return np.array([number.setdefault(group, len(number)) for group in groups], np.int64)


def _blocks(count: int) -> Iterator[slice]:
    return (slice(start, min(start + BLOCK, count)) for start in range(0, count, BLOCK))
