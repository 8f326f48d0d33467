"""The folder of a training run: the last checkpoint and the logs."""

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
from originid.types import Json

if TYPE_CHECKING:
    import torch

FORMAT = 1
CHECKPOINT = "checkpoint.safetensors"
COLUMNS = ("epoch", "step", "rate", "loss", "seconds", "samples_per_second")
ROWS = 20  # of the log, an epoch


class CheckpointedLearner(Protocol):
    """What learns in steps, and can be put aside between two of them."""

    def tensors(self) -> "dict[str, torch.Tensor]":
        """Everything that a step changes, by name; copies are not made."""
        ...

    def load(self, tensors: "dict[str, torch.Tensor]") -> None:
        """Take what `tensors` gave; a KeyError or RuntimeError says what does not fit."""
        ...


class TrainingRun:
    """Writes a checkpoint at the end of each epoch, and finds it again.

    The checkpoint is one file, replaced as a whole, with everything that a step changes and, in
    its header, what it was made from. So a run that is killed at any moment goes on from the end
    of an epoch, to the same map as if nothing had happened.

    Args:
        folder: of the run; None keeps nothing.
        origin: what the run was started with; another run's checkpoint is refused.
        writes: whether this process is the one that writes.
    """

    def __init__(self, folder: Path | None, origin: Json, writes: bool) -> None:
        self._folder = folder
        self._writes = writes
        # As JSON gives it back, so that a tuple equals the list it becomes.
        self._origin = json.loads(json.dumps(origin))

    def check(self) -> int:
        """Return how many epochs the checkpoint has, 0 where there is none.

        Raises:
            InputError: it is damaged, or of a run with other settings or data.
        """
        if self._folder is None or not (path := self._folder / CHECKPOINT).exists():
            return 0
        with _read_errors(path):
            with safe_open(path, framework="np") as file:
                header = json.loads(file.metadata()["originid"])
            self._refuse_other(header["format"], header["origin"])
            return int(header["epochs"])

    def resume(self, learner: CheckpointedLearner) -> int:
        """Load the checkpoint, if there is one, and return how many epochs are done.

        Raises:
            InputError: as `check`.
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
                "expected the settings and data that the run was started with",
                "set them as they were, or choose another folder",
            )

    def save(self, learner: CheckpointedLearner, epochs: int) -> None:
        """Replace the checkpoint by one after so many epochs."""
        if self._folder is None or not self._writes:
            return
        header = {"format": FORMAT, "epochs": epochs, "origin": self._origin}
        tensors = {name: tensor.contiguous() for name, tensor in learner.tensors().items()}
        with storage_errors(self._folder), new_file(self._folder / CHECKPOINT) as temporary:
            try:
                save_file(tensors, temporary, metadata={"originid": json.dumps(header)})
            except SafetensorError as error:  # of a full disk, for one
                raise OSError(str(error)) from error

    @contextmanager
    def log(self, epochs: int, steps_per_epoch: int) -> Iterator["TrainingLog"]:
        """Go on with the log after so many epochs, without what came after the checkpoint."""
        if self._folder is None or not self._writes:
            yield TrainingLog(None, None, steps_per_epoch)
            return
        with storage_errors(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            _cut(self._folder / "log.csv", epochs)
            folder = str(self._folder / "tensorboard")
            # TensorBoard is told to forget what came after.
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
            f"expected a file that originid wrote, format {FORMAT}",
            "remove it to start again",
        ) from error


def digest(*parts: bytes) -> str:
    """16 hex digits by which a run knows its data again."""
    hashed = hashlib.sha256()
    for part in parts:
        hashed.update(part)
    return hashed.hexdigest()[:16]


def map_digest(map: Map) -> str:
    """The digest of all that a map computes with."""
    tensors, special = map.pack()
    arrays = (tensor.tobytes() for _, tensor in sorted(tensors.items()))
    return digest(json.dumps(special).encode(), *arrays)


class TrainingLog:
    """Writes ``log.csv`` and TensorBoard's files: mean loss and speed, some times an epoch."""

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
        """Note a step; epoch and step count from 0, samples are those of all processes."""
        if self._path is None or self._writer is None:
            return
        self._losses.append(loss)
        self._samples += samples
        if (step + 1) % self._every and step + 1 < self._steps:
            return
        mean = sum(self._losses) / len(self._losses)
        seconds = time.perf_counter() - self._since
        speed = self._samples / max(seconds, 1e-9)
        with storage_errors(self._path), self._path.open("a", newline="") as file:
            csv.writer(file).writerow((epoch, step, rate, mean, f"{seconds:.3f}", f"{speed:.1f}"))
        for name, value in (("loss", mean), ("rate", rate), ("samples_per_second", speed)):
            self._writer.add_scalar(name, value, epoch * self._steps + step)
        self._begin()


def _cut(path: Path, epochs: int) -> None:
    """Keep the whole rows of the first epochs."""
    kept: list[list[str]] = []
    if path.exists():
        with path.open(newline="") as file:
            rows = [row for row in csv.reader(file) if len(row) == len(COLUMNS)]
        kept = [row for row in rows if row[0].isdigit() and int(row[0]) < epochs]
    with new_file(path) as temporary, temporary.open("w", newline="") as file:
        csv.writer(file).writerows([list(COLUMNS), *kept])
