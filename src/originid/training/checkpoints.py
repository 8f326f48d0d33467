"""The folder of a training run: its last checkpoint and its logs."""

import csv
import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from tensorboardX import SummaryWriter

from originid.errors import InputError
from originid.maps import Map
from originid.system.storage import new_file, storage_errors
from originid.system.strict_json import parse_json
from originid.types import Json

if TYPE_CHECKING:
    import torch

FORMAT = 1
CHECKPOINT = "checkpoint.safetensors"
COLUMNS = ("epoch", "step", "rate", "loss", "seconds", "samples_per_second")
ROWS = 20  # rows that the log gets in each epoch


class CheckpointedLearner(Protocol):
    """A learner that takes steps, and whose state can be saved between two steps."""

    def tensors(self) -> "dict[str, torch.Tensor]":
        """Return everything that a step changes, as tensors by name, without copying them."""
        ...

    def load(self, tensors: "dict[str, torch.Tensor]") -> None:
        """Take over the state that `tensors` returned.

        Args:
            tensors: The tensors by name, as they were read from a checkpoint.

        Raises:
            KeyError: A tensor is missing.
            RuntimeError: A tensor has another shape than expected.
        """
        ...


class TrainingRun:
    """Writes a checkpoint at the end of each epoch, and finds it again.

    The checkpoint is one file, which is always replaced as a whole. It holds everything that a step
    changes and, in its header, what the run was started with. So a run that is killed at any moment
    continues from the end of an epoch, and reaches the same map as if it had not been killed.

    Args:
        folder: The folder of the run. With None nothing is kept.
        origin: What the run was started with, as JSON. The checkpoint of a run with another origin
            is refused.
        writes: Whether this process is the one that writes; the others only read.
    """

    def __init__(self, folder: Path | None, origin: Json, writes: bool) -> None:
        self._folder = folder
        self._writes = writes
        # Through JSON and back, as a checkpoint gives it: a tuple becomes a list there.
        self._origin = json.loads(json.dumps(origin))

    def check(self) -> int:
        """Return how many epochs the checkpoint has, which is 0 where there is no checkpoint.

        Raises:
            InputError: The checkpoint is damaged, or its run had other settings or data.
        """
        if self._folder is None or not (path := self._folder / CHECKPOINT).exists():
            return 0
        with _read_errors(path):
            with safe_open(path, framework="np") as file:
                header = parse_json(file.metadata()["originid"])
            self._refuse_other(header["format"], header["origin"])
            return int(header["epochs"])

    def resume(self, learner: CheckpointedLearner) -> int:
        """Load the checkpoint, if there is one, and return how many epochs are done.

        Args:
            learner: The learner that takes over the saved state.

        Raises:
            InputError: The checkpoint is damaged, or its run had other settings or data.
        """
        epochs = self.check()
        if self._folder is not None and epochs:
            path = self._folder / CHECKPOINT
            with _read_errors(path):
                learner.load(load_file(path))
        return epochs

    def _refuse_other(self, format: int, origin: Json) -> None:
        if format != FORMAT:
            raise ValueError(f"format {format}")
        changed = [
            f"{name} = {origin.get(name)}, not {now}"
            for name, now in self._origin.items()
            if origin.get(name) != now
        ]
        if changed:
            raise InputError(
                f"the run in {self._folder} has {'; '.join(changed)}",
                "expected the same settings and data as the run was started with",
                "set them as they were, or choose another folder for a new run",
            )

    def save(self, learner: CheckpointedLearner, epochs: int) -> None:
        """Replace the checkpoint by the present state.

        Args:
            learner: The learner whose state is saved.
            epochs: The number of epochs that are done.

        Raises:
            StorageError: The disk refuses.
        """
        if self._folder is None or not self._writes:
            return
        header = {"format": FORMAT, "epochs": epochs, "origin": self._origin}
        # The format stores only contiguous tensors.
        tensors = {name: tensor.contiguous() for name, tensor in learner.tensors().items()}
        with storage_errors(self._folder), new_file(self._folder / CHECKPOINT) as temporary:
            try:
                save_file(tensors, temporary, metadata={"originid": json.dumps(header)})
            except SafetensorError as error:  # for example on a full disk
                raise OSError(str(error)) from error

    @contextmanager
    def log(self, epochs: int, steps_per_epoch: int) -> Iterator["TrainingLog"]:
        """Continue the log of the run, as a context manager.

        Rows that were written after the checkpoint are removed, because their steps are taken
        again.

        Args:
            epochs: The number of epochs that the checkpoint has.
            steps_per_epoch: The number of steps in an epoch.

        Raises:
            StorageError: The disk refuses.
        """
        if self._folder is None or not self._writes:
            yield TrainingLog(None, None, steps_per_epoch)
            return
        with storage_errors(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            _cut(self._folder / "log.csv", epochs)
            folder = str(self._folder / "tensorboard")
            # TensorBoard's files cannot be cut, so it is told to ignore the later steps in them.
            writer = SummaryWriter(folder, purge_step=epochs * steps_per_epoch)
        with writer:
            yield TrainingLog(self._folder / "log.csv", writer, steps_per_epoch)


@contextmanager
def _read_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, SafetensorError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise InputError(
            f"checkpoint {path} cannot be read: {error}",
            f"expected a checkpoint that originid wrote in format {FORMAT}",
            "remove the file to start the training again",
        ) from error


def digest(*parts: bytes) -> str:
    """Return 16 hexadecimal digits by which a run recognises its data.

    Args:
        parts: The data. How it is divided into parts makes no difference.
    """
    hashed = hashlib.sha256()
    for part in parts:
        hashed.update(part)
    return hashed.hexdigest()[:16]


def map_digest(map: Map) -> str:
    """Return the digest of all numbers that a map computes with.

    Args:
        map: The map, of any kind.
    """
    tensors, special = map.pack()
    arrays = (tensor.tobytes() for _, tensor in sorted(tensors.items()))
    return digest(json.dumps(special).encode(), *arrays)


class TrainingLog:
    """Writes the mean loss and the speed, 20 times an epoch, to ``log.csv`` and for TensorBoard.

    Args:
        path: The path of ``log.csv``. With None nothing is written.
        writer: What writes TensorBoard's files; None where nothing is written.
        steps_per_epoch: The number of steps in an epoch.
    """

    def __init__(
        self, path: Path | None, writer: SummaryWriter | None, steps_per_epoch: int
    ) -> None:
        self._path = path
        self._writer = writer
        self._steps = steps_per_epoch
        self._every = max(1, steps_per_epoch // ROWS)
        self._begin()

    def _begin(self) -> None:
        self._losses: list[float] = []
        self._samples = 0
        self._since = time.perf_counter()

    def add(self, epoch: int, step: int, rate: float, loss: float, samples: int) -> None:
        """Add one step to the log.

        Args:
            epoch: The number of the epoch, counted from 0.
            step: The number of the step within the epoch, counted from 0.
            rate: The learning rate of the step.
            loss: The loss of the step.
            samples: The number of samples in the step, over all processes together.

        Raises:
            StorageError: The disk refuses.
        """
        if self._path is None or self._writer is None:
            return
        self._losses.append(loss)
        self._samples += samples
        if (step + 1) % self._every and step + 1 < self._steps:
            return
        mean = sum(self._losses) / len(self._losses)
        seconds = time.perf_counter() - self._since
        speed = self._samples / max(seconds, 1e-9)  # samples a second; a clock may stand still
        with storage_errors(self._path), self._path.open("a", newline="") as file:
            csv.writer(file).writerow((epoch, step, rate, mean, f"{seconds:.3f}", f"{speed:.1f}"))
        for name, value in (("loss", mean), ("rate", rate), ("samples_per_second", speed)):
            self._writer.add_scalar(name, value, epoch * self._steps + step)
        self._begin()


def _cut(path: Path, epochs: int) -> None:
    """Keep only the complete rows of the first epochs, and write the header."""
    kept: list[list[str]] = []
    # A killed process may have left half a row, which has fewer columns.
    if path.exists():
        with path.open(newline="") as file:
            rows = [row for row in csv.reader(file) if len(row) == len(COLUMNS)]
        kept = [row for row in rows if row[0].isdigit() and int(row[0]) < epochs]
    with new_file(path) as temporary, temporary.open("w", newline="") as file:
        csv.writer(file).writerows([list(COLUMNS), *kept])
