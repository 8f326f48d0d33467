"""What the student learns from: views of images, and the teacher's latent of each view."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from originid.encoders import Encoder
from originid.errors import InputError
from originid.latents import LatentCache, encode_cached
from originid.system.parallel import available_cores, map_ordered
from originid.system.progress import Progress
from originid.training.distillation.settings import Distillation
from originid.training.distillation.views import View, draw_crops
from originid.types import Failure, Image, Latents, Rows

# One image in 40, at most 256, is not learned from; these show how good the student is.
HELD_OUT = 40
MOST_HELD_OUT = 256


@dataclass(frozen=True)
class Lessons:
    """The views to learn from with the teacher's latents, and whole images that are held out.

    Args:
        cache: The cache that holds the teacher's latents.
        size: The side of the square images, in pixels.
        views: The views to learn from, n of them.
        rows: The row of each view's latent in the cache: int64 of shape (n,).
        tests: The whole images that are held out, m of them.
        test_rows: The row of each held-out image's latent in the cache: int64 of shape (m,).
    """

    cache: LatentCache
    size: int
    views: list[View]
    rows: Rows
    tests: list[View]
    test_rows: Rows

    def batches(self, settings: Distillation, epoch: int) -> Iterator[tuple[Image, Latents]]:
        """Yield the batches of an epoch, which threads read ahead of their use.

        Each view comes once before any comes again, also across epochs.

        Args:
            settings: The settings, whose batch, steps per epoch and seed are used.
            epoch: The number of the epoch, counted from 0.

        Yields:
            Images, uint8 of shape (batch, size, size, 3), and the teacher's latents, float32 of
            shape (batch, latent_dim).
        """
        # Views are taken from an endless sequence of random orders; an epoch is a stretch of it.
        first = epoch * settings.steps_per_epoch * settings.batch
        places = np.arange(first, first + settings.steps_per_epoch * settings.batch)
        chosen = np.concatenate([self._order(settings.seed, turn) for turn in self._turns(places)])
        chosen = chosen[places - places[0] // len(self.rows) * len(self.rows)]
        parts = iter(chosen.reshape(settings.steps_per_epoch, settings.batch))
        # Decoding images takes half of the cores; torch computes the steps with the others.
        yield from map_ordered(self._read, parts, max(1, available_cores() // 2))

    def _turns(self, places: NDArray[np.int64]) -> range:
        return range(places[0] // len(self.rows), places[-1] // len(self.rows) + 1)

    def _order(self, seed: int, turn: int) -> NDArray[np.int64]:
        return np.random.default_rng([seed, turn, 1]).permutation(len(self.rows))

    def _read(self, chosen: NDArray[np.int64]) -> tuple[Image, Latents]:
        images = self.images([self.views[i] for i in chosen])
        return images, self.cache.take(self.rows[chosen])

    def images(self, views: Sequence[View]) -> Image:
        """Read the images of views: uint8 of shape (n, size, size, 3).

        Args:
            views: The views to read, n of them.
        """
        return np.stack([view.read(self.size) for view in views])


def read_lessons(
    paths: Sequence[Path],
    teacher: Encoder,
    settings: Distillation,
    cache: LatentCache,
    failures: list[Failure],
    progress: Progress,
) -> Lessons:
    """Let the teacher encode every view, and hold some whole images out.

    Args:
        paths: The image files.
        teacher: The encoder to learn from.
        settings: The settings, whose crops, batch and seed are used.
        cache: The cache that the teacher's latents are added to.
        failures: The list that unusable files are added to.
        progress: Called with the number of views that are encoded, and of all.

    Raises:
        InputError: There are fewer usable images than a batch needs.
    """
    wholes = [View(path) for path in paths]
    total = len(wholes) * (1 + settings.crops)
    rows = _encode(wholes, teacher, cache, failures, lambda done: progress(done, total))
    # Held out before the crops are drawn, so that no crop of such an image is learned from.
    tests = list(rows)[::HELD_OUT][:MOST_HELD_OUT]
    kept = [view for view in rows if view not in set(tests)]
    if len(kept) < settings.batch:
        why = f"; {failures[0].path}: {failures[0].reason}" if failures else ""
        raise InputError(
            f"{len(rows)} usable images{why}",
            f"expected at least {settings.batch + 1}, and better some thousand",
            "name folders with more photos",
        )
    crops = list(draw_crops([view.path for view in kept], settings.crops, settings.seed))
    first = len(wholes)
    more = _encode(crops, teacher, cache, failures, lambda done: progress(first + done, total))
    views = [*kept, *more]
    view_rows = np.array([*(rows[view] for view in kept), *more.values()], np.int64)
    test_rows = np.array([rows[view] for view in tests], np.int64)
    return Lessons(cache, teacher.size, views, view_rows, tests, test_rows)


def _encode(
    views: Sequence[View],
    teacher: Encoder,
    cache: LatentCache,
    failures: list[Failure],
    progress: Callable[[int], None],
) -> dict[View, int]:
    """Let the teacher encode views, and return the cache's row of each readable one."""
    rows: dict[View, int] = {}
    sources = (view.source(teacher.size) for view in views)
    done = 0
    for chunk in encode_cached(sources, teacher, cache):
        for view, entry in zip(views[done:], chunk, strict=False):
            if isinstance(entry, Failure):
                failures.append(entry)
            else:
                rows[view] = cache.index(entry.sha256)
        done += len(chunk)
        progress(done)
    return rows
