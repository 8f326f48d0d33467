"""How long it takes to learn W at the paper's scale: closed form against CosFace.

usage: python benchmarks/training.py [--origins 100000] [--images 21] [--steps 10] [--json]

Latents of 4,096 components are made up when they are asked for, because those of 100,000 origins
with 21 images each would need 34 GB. Origins are smooth, and edits add noise of another spectrum to
them. The closed form sees all latents once. Of metric learning by the paper's recipe, with a class
for each origin, only some steps are timed. The times of an epoch of 2,000 steps and of all 25
epochs are computed from them. The time of making latents up is measured too, and subtracted.
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from originid.encoders import Shape
from originid.maps import dct_matrix
from originid.training.closed_form import ClosedForm
from originid.training.examples import BLOCK
from originid.training.fitting import fit_closed_form
from originid.training.metric.settings import PRESETS
from originid.types import Image, Latents, Rows
from reporting import peak_memory

SHAPE: Shape = (4, 32, 32)
DIM = 4096
PAPER_EPOCHS, PAPER_STEPS = 25, 2000


@dataclass(frozen=True)
class NoEncoder:
    """The encoder that would have made the latents. Only its shapes are used."""

    spec: str = "synthetic"
    size: int = 256
    shapes: tuple[Shape, ...] = (SHAPE,)
    cutoffs: tuple[float, ...] = (np.inf,)
    identity: str = "synthetic"

    def encode(self, images: Image) -> Latents:
        """Raise TypeError: nothing is encoded here."""
        raise TypeError("the latents are made up")


@dataclass(frozen=True, eq=False)
class Synthetic:
    """Samples and examples of latents that are made up. They are the same each time.

    Args:
        origins: the number of origins.
        images: the number of images of each origin, itself included, at least 2.
        latent_dim: the number of components of a latent.
    """

    origins: int
    images: int
    latent_dim: int = DIM

    @cached_property
    def classes(self) -> Rows:
        """The number of the origin of each row, int64 (origins * images,)."""
        return np.repeat(np.arange(self.origins), self.images)

    @property
    def samples(self) -> "Synthetic":
        """The samples of these examples: itself; see `Examples`."""
        return self

    def take(self, rows: Rows) -> Latents:
        """Return the latents of some rows; see `Samples`.

        The first row of an origin is the origin, and the others are its edits.

        Args:
            rows: the numbers of the rows, int64 (n,).
        """
        return np.concatenate([self._row(*divmod(int(row), self.images)) for row in rows])

    def differences(self) -> Iterator[tuple[Latents, NDArray[np.float64], Rows]]:
        """Yield blocks of differences of edits and origins, with weights; see `Examples`."""
        edits = self.images - 1
        step = max(1, BLOCK // edits)
        for first in range(0, self.origins, step):
            last = min(first + step, self.origins)
            noise = np.random.default_rng([0, first]).standard_normal(
                ((last - first) * edits, DIM), np.float32
            )
            groups = np.repeat(np.arange(first, last), edits)
            yield noise * _edit_scale(), np.full(len(noise), 1 / edits), groups

    def natural(self) -> Iterator[Latents]:
        """Yield blocks of the latents of natural images; see `Examples`."""
        for first in range(0, self.origins, BLOCK):
            count = min(BLOCK, self.origins - first)
            noise = np.random.default_rng([1, first]).standard_normal((count, DIM), np.float32)
            yield noise * _origin_scale()

    def _row(self, origin: int, k: int) -> Latents:
        row = np.random.default_rng([2, origin]).standard_normal((1, DIM), np.float32)
        row *= _origin_scale()
        if k:
            edit = np.random.default_rng([3, origin, k]).standard_normal((1, DIM), np.float32)
            row += edit * _edit_scale()
        return row


def _edit_scale() -> NDArray[np.float32]:
    """Deviation of each component of a difference."""
    return np.asarray(0.5 + np.abs(np.tile(dct_matrix(32)[3], DIM // 32)), np.float32)


def _origin_scale() -> NDArray[np.float32]:
    """Deviation of each component of an origin."""
    return np.asarray(np.geomspace(3, 0.3, DIM), np.float32)


def time_closed_form(data: Synthetic) -> dict[str, float]:
    """Return the seconds of the whole closed form, and those of making its latents up."""
    start = time.perf_counter()
    for _ in data.differences():
        pass
    for _ in data.natural():
        pass
    made_up = time.perf_counter() - start
    start = time.perf_counter()
    fit_closed_form(data, NoEncoder(), ClosedForm(cutoff=np.inf, blend=None, rank=None, dim=512))
    return {"closed_form": time.perf_counter() - start - made_up, "closed_form_made_up": made_up}


def time_cosface(data: Synthetic, steps: int) -> dict[str, float]:
    """Return the seconds of a step of the paper's recipe, and those of making its latents up."""
    from originid.training.metric.fit import fit_metric

    settings = replace(PRESETS["paper"], epochs=1, steps_per_epoch=steps)
    ends: list[float] = []
    fit_metric(
        data,
        np.zeros(DIM, np.float32),
        replace(settings, warmup=0),
        progress=lambda done, total: ends.append(time.perf_counter()),
    )
    rows = np.arange(0, min(512, len(data.classes)))
    start = time.perf_counter()
    data.take(rows)
    made_up = time.perf_counter() - start
    # The first step warms up; latents are made up in a thread beside the step.
    return {"step": float(np.median(np.diff(ends))), "batch_made_up": made_up}


def main() -> None:
    """Time both ways, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--origins", type=int, default=100_000)
    parser.add_argument("--images", type=int, default=21)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    data = Synthetic(options.origins, options.images)
    found = time_closed_form(data)
    found["closed_form_peak_gb"] = peak_memory() / 1e9
    found |= time_cosface(data, options.steps)
    found["epoch"] = found["step"] * PAPER_STEPS
    found["ratio_to_epoch"] = found["closed_form"] / found["epoch"]
    found["ratio_to_training"] = found["ratio_to_epoch"] / PAPER_EPOCHS
    found["peak_gb"] = peak_memory() / 1e9
    if options.json:
        print(json.dumps({"origins": data.origins, "images": data.images, **found}))
        return
    for name, value in found.items():
        print(f"{name:22} {value:12.4g}")


if __name__ == "__main__":
    main()
