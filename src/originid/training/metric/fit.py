"""Metric learning: from labelled latents to a map, by gradient descent."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from originid.errors import ExtraError, InputError, OriginidError
from originid.maps import DctMap, DenseMap, Map
from originid.maps.base import Block
from originid.system.malloc import keep_freed_memory
from originid.system.parallel import map_ordered
from originid.system.progress import Progress, silent
from originid.training.metric.batches import Batches
from originid.training.metric.settings import MetricLearning
from originid.training.samples import Samples
from originid.types import Floats32, Json, Latents, Rows

try:
    import torch
    from accelerate import Accelerator

    from originid.encoders.torch_networks import best_device
    from originid.training.checkpoints import TrainingLog, TrainingRun, digest, map_digest
    from originid.training.metric.learner import MapLearner
    from originid.training.metric.transforms import Transform, initial_map
except ImportError as error:
    raise ExtraError("metric learning", "train") from error

PART = 4096  # latents mapped at a time for the first class weights: 64 MB of the paper's


def fit_metric(
    samples: Samples,
    mean: Floats32,
    settings: MetricLearning,
    start: Map | None = None,
    run: Path | None = None,
    progress: Progress = silent,
    shapes: tuple[Block, ...] | None = None,
) -> Map:
    """Learn a map from latents and their classes.

    Under ``accelerate launch`` or ``torchrun`` several processes share each batch, and all of them
    return the same map. The circle loss then compares the latents of each process only with each
    other.

    Args:
        samples: The latents and their classes. A class is an origin and what was made from it.
        mean: What the map subtracts: float32 of shape (latent_dim,). The paper's recipe takes
            zeros.
        settings: How the map is learned.
        start: The first value of the map, a `DenseMap` or `DctMap`. It keeps its own mean and
            number of dimensions, and the means of the mapped classes become the first class
            weights. With None the first values are random.
        run: The folder for checkpoints and logs, from which a run that was cut off continues.
            Machines that train together must share it. With None nothing is written.
        progress: Called, in one process, with the number of steps that are done, and of all.
        shapes: The (C, H, W) blocks of the latent, which convolution and attention need.

    Raises:
        InputError: The samples, the start and the settings do not fit together, or a latent is not
            finite.
        OriginidError: The loss stops being finite.
        StorageError: The disk refuses.
        ExtraError: Torch or accelerate are not installed.
    """
    start = _checked_start(samples, mean, settings, start)
    first = initial_map(settings, mean, shapes) if start is None else start
    batches = Batches(
        samples.classes, settings.origins_per_batch, settings.images_per_origin, settings.seed
    )
    accelerator = Accelerator(cpu=best_device() == "cpu")
    # Each step allocates the same sizes again; giving them back to the system costs time.
    keep_freed_memory(accelerator.device.type)
    feed = _Feed(samples, batches, settings, accelerator)
    transform = Transform(first, accelerator.device)
    weights = _class_weights(samples, transform, settings, started=start is not None)
    learner = MapLearner(transform, weights, settings, accelerator)
    main = accelerator.is_main_process
    record = TrainingRun(run, _origin(samples, batches, mean, settings, first), writes=main)
    done = record.resume(learner)
    with _tf32(), record.log(done, settings.steps_per_epoch) as log:
        for epoch in range(done, settings.epochs):
            _learn_epoch(learner, feed, epoch, log, progress if main else silent)
            record.save(learner, epoch + 1)
    accelerator.wait_for_everyone()  # a process that ended earlier would stop the others
    return learner.map()


def _learn_epoch(
    learner: MapLearner, feed: "_Feed", epoch: int, log: TrainingLog, progress: Progress
) -> None:
    settings = feed.settings
    rate = settings.rate_at(epoch)
    learner.set_rate(rate)
    for step, batch in enumerate(feed.epoch(epoch)):
        loss = learner.step(batch.latents, batch.classes, batch.share, batch.compared)
        if not np.isfinite(loss):
            raise _diverged(f"loss {loss}", epoch, step)
        log.add(epoch, step, rate, loss, round(len(batch.classes) / batch.share))
        progress(learner.steps, settings.epochs * settings.steps_per_epoch)
    if not learner.finite():
        raise _diverged(
            "a map that is too large to compute with", epoch, settings.steps_per_epoch - 1
        )


@dataclass(frozen=True)
class _Batch:
    """One process's part of a batch, and the classes that it is compared with.

    Args:
        latents: The latents of the part: float32 of shape (n, latent_dim), on the device.
        classes: Their classes: int64 of shape (n,).
        share: The share of the whole batch that the part is, in (0, 1].
        compared: The sorted classes that the step compares with; None is all of them.
    """

    latents: torch.Tensor
    classes: NDArray[np.int64]
    share: float
    compared: NDArray[np.int64] | None


@dataclass(frozen=True)
class _Feed:
    """Reads batches in a thread, ahead of their use."""

    samples: Samples
    batches: Batches
    settings: MetricLearning
    accelerator: Accelerator

    def __post_init__(self) -> None:
        if self.batches.origins < self.accelerator.num_processes:
            raise InputError(
                f"batches of {self.batches.origins} origins for "
                f"{self.accelerator.num_processes} processes",
                "expected at least one origin for each process",
                "start fewer processes, or raise origins_per_batch",
            )

    def epoch(self, epoch: int) -> Iterator[_Batch]:
        """Yield the batches of an epoch.

        Args:
            epoch: The number of the epoch, counted from 0.
        """
        drawn = enumerate(self.batches.epoch(epoch, self.settings.steps_per_epoch))
        # One thread reads ahead, which hides the disk behind the step before.
        for latents, rows, mine, step in map_ordered(self._read, drawn, workers=1):
            yield _Batch(
                torch.from_numpy(latents).to(self.accelerator.device),
                self.samples.classes[mine],
                len(mine) / rows.size,
                self._compared(self.samples.classes[rows[:, 0]], epoch, step),
            )

    def _read(self, drawn: tuple[int, Rows]) -> tuple[Latents, Rows, Rows, int]:
        step, rows = drawn
        process = self.accelerator.process_index
        mine = np.array_split(rows, self.accelerator.num_processes)[process].ravel()
        return _take(self.samples, mine), rows, mine, step

    def _compared(
        self, classes: NDArray[np.int64], epoch: int, step: int
    ) -> NDArray[np.int64] | None:
        """Return the batch's classes and random others, sorted; None stands for all classes."""
        wanted, present = self.settings.sampled_classes, self.batches.present
        if wanted is None:
            return None
        # Seeded by the step, so that all processes draw the same classes, also in a resumed run.
        rng = np.random.default_rng([self.settings.seed, epoch, step, 1])
        others = rng.choice(present, min(wanted, len(present)), replace=False)
        others = others[~np.isin(others, classes)]
        return np.sort(np.concatenate([classes, others[: max(0, wanted - len(classes))]]))


def _take(samples: Samples, rows: Rows) -> Latents:
    latents: Latents = samples.take(rows)
    finite = np.isfinite(latents).all(axis=1)
    if not finite.all():
        raise InputError(
            f"the latent of row {rows[finite.argmin()]} holds NaN or infinity",
            "expected finite numbers",
            "encode this image again, or leave the row out",
        )
    return latents


def _checked_start(
    samples: Samples, mean: Floats32, settings: MetricLearning, start: Map | None
) -> Map | None:
    latent_dim = samples.latent_dim
    if mean.shape != (latent_dim,) or not np.isfinite(mean).all():
        raise InputError(
            f"a mean of shape {mean.shape} for latents of {latent_dim} components",
            f"expected {latent_dim} finite numbers",
            "pass the mean of latents of the same encoder",
        )
    if start is None:
        return None
    if settings.transform != "linear" or not isinstance(start, (DenseMap, DctMap)):
        raise InputError(
            f"a start of kind {start.kind} for the transform {settings.transform}",
            "expected the transform linear and a start of kind dense or dct",
            "choose the transform linear, or start at random",
        )
    if start.latent_dim != latent_dim:
        raise InputError(
            f"a start for latents of {start.latent_dim} components",
            f"expected one for {latent_dim}",
            "fit the start on latents of the same encoder",
        )
    return start


def _class_weights(
    samples: Samples, transform: Transform, settings: MetricLearning, started: bool
) -> torch.Tensor | None:
    """Return the first class weights, (classes, dim), or None for a loss that has none.

    With a start they are the means of the mapped classes, else Xavier's uniform random values.
    """
    if settings.loss == "circle":
        return None
    classes = samples.classes
    shape = (int(classes.max()) + 1, transform.dim)
    if not started:
        bound = np.float32(math.sqrt(6 / sum(shape)))  # Glorot and Bengio 2010, equation 16
        rng = np.random.default_rng([settings.seed, 0, 0, 3])
        drawn = (2 * rng.random(shape, np.float32) - 1) * bound
        return torch.from_numpy(drawn).to(transform.device)
    weights = torch.zeros(shape, device=transform.device)
    for i in range(0, len(classes), PART):
        rows = np.arange(i, min(i + PART, len(classes)))
        latents = torch.from_numpy(_take(samples, rows)).to(transform.device)
        with torch.no_grad():
            vectors = torch.nn.functional.normalize(transform(latents))
        weights.index_add_(0, torch.from_numpy(classes[rows]).to(transform.device), vectors)
    return torch.nn.functional.normalize(weights)


def _origin(
    samples: Samples, batches: Batches, mean: Floats32, settings: MetricLearning, first: Map
) -> Json:
    """Return what a run was started with.

    The latents are too many to be hashed, so that only their classes are.
    """
    return {
        **asdict(settings),
        "rows": len(samples.classes),
        "latent_dim": samples.latent_dim,
        "origins": len(batches.present),
        "origins with one image": batches.single,
        "hash of classes": digest(samples.classes.tobytes()),
        "hash of the mean": digest(mean.tobytes()),
        "hash of the first map": map_digest(first),
    }


@contextmanager
def _tf32() -> Iterator[None]:
    """Let CUDA multiply float32 with the precision of TF32, as the official recipe does."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def _diverged(what: str, epoch: int, step: int) -> OriginidError:
    return OriginidError(
        f"{what} in epoch {epoch}, step {step}",
        "expected a finite number; no model was written",
        "choose a lower rate or scale, or a longer warmup",
    )
