"""A generator that is loaded: tasks in, images out."""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from PIL import Image as Pillow

from originid.errors import ExtraError, InputError
from originid.generation.diffusion import edict, pipelines, plug_and_play
from originid.generation.diffusion.presets import EDICT, PLUG_AND_PLAY, Generator
from originid.generation.diffusion.tasks import Task
from originid.types import Image

try:
    import torch

    from originid.encoders.torch_networks import best_device
except ImportError as error:
    raise ExtraError("generation", "generate") from error

OUT_OF_MEMORY = "out of memory"
_SIDE_STEP = 64  # pixels; what the sides of an image must be a multiple of in every pipeline
_LONGEST = 2.0  # ratio of the sides beyond which models were not trained: more is squashed

Draw = Callable[[Any, Generator, Sequence[Task]], list[Image | str]]
"""Makes the images of tasks whose origins have one shape and which have one strength."""
_DRAWS: dict[str, Draw] = {EDICT: edict.draw, PLUG_AND_PLAY: plug_and_play.draw}


class Maker(Protocol):
    """Makes queries from origins."""

    @property
    def size(self) -> int:
        """Square root of the area of its images, in pixels."""
        ...

    def make(self, tasks: Sequence[Task]) -> list[Image | str]:
        """The image of each task, uint8 (h, w, 3), or in one line why there is none.

        An image depends on its own task only, up to float noise, whatever else is asked for. It
        has its origin's shape up to a ratio of 2, rounded to multiples of 64 pixels.
        """
        ...


def open_maker(
    generator: Generator,
    device: str | None = None,
    half: bool | None = None,
) -> Maker:
    """Load a generator.

    Args:
        generator: which one.
        device: where it runs; by default CUDA, else MPS, else the CPU.
        half: whether its weights are 16 bits; by default on CUDA only.

    Raises:
        InputError: a model that cannot be loaded, or no such device.
    """
    where = _device(device or best_device())
    halved = where.type == "cuda" if half is None else half
    return _Maker(generator, pipelines.open_pipeline(generator, where, halved))


@dataclass(frozen=True)
class _Maker:
    generator: Generator
    pipeline: Any

    @property
    def size(self) -> int:
        """Size as `Maker.size` says."""
        return self.generator.size

    def make(self, tasks: Sequence[Task]) -> list[Image | str]:
        """Make as `Maker.make` says."""
        made: dict[int, Image | str] = {}
        batches: dict[Any, list[int]] = defaultdict(list)
        fitted = [replace(task, origin=fit(task.origin, self.size)) for task in tasks]
        alone = pipelines.draws_alone(self.generator)
        for i, task in enumerate(fitted):
            reason = fault(task, self.generator)
            if reason is not None:
                made[i] = reason
            else:
                batches[task.origin.shape, task.strength, i if alone else None].append(i)
        for batch in batches.values():
            made |= zip(batch, self._draw([fitted[i] for i in batch]), strict=True)
        return [made[i] for i in range(len(tasks))]

    def _draw(self, tasks: list[Task]) -> list[Image | str]:
        draw = _DRAWS.get(self.generator.kind, pipelines.draw)
        try:
            return draw(self.pipeline, self.generator, tasks)
        except (RuntimeError, MemoryError) as error:
            if not _is_out_of_memory(error):
                raise
        # Here the error and what its frames held are gone.
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if len(tasks) == 1:
            return [OUT_OF_MEMORY]
        return [self._draw([task])[0] for task in tasks]


def fault(task: Task, generator: Generator) -> str | None:
    """Why a generator cannot do a task, in one line; None if it can."""
    if not task.prompt.strip():
        return "the prompt is empty"
    if generator.strength is None:
        return None if task.strength is None else f"{generator.name} knows no strength"
    if task.strength is None or not 0 < task.strength <= 1:
        return f"strength {task.strength} is not in (0, 1]"
    if int(generator.steps * task.strength) < 1:
        return f"strength {task.strength} of {generator.steps} steps is not a whole step"
    return None


def fit(origin: Image, size: int) -> Image:
    """Resize an image to an area of about ``size * size`` pixels, as generators take it."""
    height, width = origin.shape[:2]
    ratio = math.sqrt(min(max(width / height, 1 / _LONGEST), _LONGEST))
    step = min(_SIDE_STEP, size)
    sides = (round(size * ratio / step) * step, round(size / ratio / step) * step)
    return np.asarray(Pillow.fromarray(origin).resize(sides, Pillow.Resampling.LANCZOS))


def _device(name: str) -> "torch.device":
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise InputError(
            f"device {name!r}", "expected a device of this torch, as cpu or cuda:0", "name another"
        ) from error


def _is_out_of_memory(error: BaseException) -> bool:
    """CUDA has a class for it; the CPU and MPS have only texts."""
    texts = ("out of memory", "can't allocate memory")
    return isinstance(error, MemoryError) or any(text in str(error) for text in texts)
