"""A training loop that can be killed at any time and goes on from its last checkpoint."""

import csv
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from originid.system.progress import Progress
from originid.system.storage import new_file

EVERY = 250  # steps between checkpoints: some seconds of an accelerator, minutes of a core
WARM = 3  # steps before one is recorded: libraries choose their kernels in them
COLUMNS = ("stage", "step", "loss", "seconds")


@dataclass(frozen=True)
class Schedule:
    """How long and how fast a stage learns.

    The rate rises for ``warm_up`` steps, stays, and after ``level`` steps falls with the root of
    the step. It does not depend on ``steps``, so that a finished stage can go on when more are
    asked for.
    """

    steps: int
    rate: float
    warm_up: int = 200
    level: int = 1000
    seed: int = 0

    def rate_at(self, step: int) -> float:
        """Learning rate of a step, counted from 0."""
        done = step + 1
        return self.rate * min(done / self.warm_up, 1.0, math.sqrt(self.level / done))


def fit(
    stage: str,
    module: Any,
    loss_of: Callable[[], Any],
    schedule: Schedule,
    folder: Path,
    progress: Progress,
    record: bool = False,
) -> int:
    """Train a module; leave it with the running average of its weights.

    Killed and called anew, it ends with the weights of a run that was never killed: every step
    draws from a generator seeded by its number.

    Args:
        stage: names the checkpoint, ``folder/STAGE.pt``, and the rows of ``folder/log.csv``.
        module: a torch module; on CUDA it calculates in bfloat16 where autocast finds this safe.
        loss_of: a batch's loss, with torch's global generator as its only chance.
        schedule: see there.
        folder: of the run.
        progress: told the step.
        record: whether a step on CUDA is recorded once and replayed (a CUDA graph), which spares
            the CPU the launch of some 3,000 kernels; ``loss_of`` must then do the same whatever
            chance gives, and must draw on the device.

    Returns:
        How many steps were left to do.
    """
    weights = list(module.parameters())
    average = [weight.detach().clone() for weight in weights]
    device = weights[0].device
    record = record and device.type == "cuda"
    rate = torch.tensor(schedule.rate, device=device) if record else schedule.rate
    optimizer = torch.optim.AdamW(
        weights, lr=rate, betas=(0.9, 0.99), weight_decay=0.01, capturable=record
    )
    checkpoint, log = folder / f"{stage}.pt", folder / "log.csv"
    start = _resume(checkpoint, module, average, optimizer)
    forget_after(log, stage, start)
    take = _step(loss_of, weights, optimizer)
    take = _recorded(take) if record else take
    total, begun = torch.zeros((), device=device), time.monotonic()
    for step in range(start, schedule.steps):
        torch.manual_seed(schedule.seed * 1_000_003 + step)
        _set_rate(optimizer, schedule.rate_at(step))
        total += take()
        with torch.no_grad():
            torch._foreach_lerp_(average, weights, 1 - min(0.999, (1 + step) / (10 + step)))
        progress(step + 1, schedule.steps)
        if (step + 1) % EVERY == 0 or step + 1 == schedule.steps:
            mean = float(total) / (step % EVERY + 1)
            _append(log, (stage, step + 1, f"{mean:.5f}", f"{time.monotonic() - begun:.1f}"))
            _save(checkpoint, step + 1, module, average, optimizer)
            total.zero_()
            begun = time.monotonic()
    with torch.no_grad():
        for weight, smooth in zip(weights, average, strict=True):
            weight.copy_(smooth)
    return max(0, schedule.steps - start)


def _set_rate(optimizer: Any, rate: float) -> None:
    group = optimizer.param_groups[0]
    if isinstance(group["lr"], torch.Tensor):  # which a recorded step reads where it lies
        group["lr"].fill_(rate)
    else:
        group["lr"] = rate


def _step(loss_of: Callable[[], Any], weights: list[Any], optimizer: Any) -> Callable[[], Any]:
    """One step of the optimizer; it returns the loss."""
    device = weights[0].device.type

    def step() -> Any:
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            loss = loss_of()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        return loss.detach()

    return step


def _recorded(step: Callable[[], Any]) -> Callable[[], Any]:
    """A step whose kernels are recorded after WARM calls and replayed from then on."""
    graph, side, calls = torch.cuda.CUDAGraph(), torch.cuda.Stream(), 0
    loss: Any = None

    def call() -> Any:
        nonlocal calls, loss
        calls += 1
        if calls <= WARM:
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                loss = step()
            torch.cuda.current_stream().wait_stream(side)
            return loss
        if calls == WARM + 1:
            with torch.cuda.graph(graph):
                loss = step()
        graph.replay()
        return loss

    return call


def _save(path: Path, step: int, module: Any, average: list[Any], optimizer: Any) -> None:
    state = {
        "step": step,
        "weights": module.state_dict(),
        "average": average,
        "optimizer": optimizer.state_dict(),
    }
    with new_file(path) as temporary:
        torch.save(state, temporary)


def _resume(path: Path, module: Any, average: list[Any], optimizer: Any) -> int:
    """Load a checkpoint if there is one; return the steps done."""
    if not path.exists():
        return 0
    state = torch.load(path, map_location=average[0].device, weights_only=True)
    module.load_state_dict(state["weights"])
    optimizer.load_state_dict(state["optimizer"])
    for smooth, saved in zip(average, state["average"], strict=True):
        smooth.copy_(saved)
    return int(state["step"])


def _append(log: Path, row: tuple[object, ...]) -> None:
    new = not log.exists()
    with open(log, "a", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([COLUMNS, row] if new else [row])


def forget_after(log: Path, stage: str, step: int) -> None:
    """Drop a stage's rows of steps whose checkpoint was lost with the process."""
    if not log.exists():
        return
    with open(log, encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[1:]
    kept = [row for row in rows if row[0] != stage or int(row[1]) <= step]
    with new_file(log) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *kept])
