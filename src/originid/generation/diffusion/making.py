"""A generator that is loaded: tasks go in, images come out."""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from PIL import Image as Pillow

from originid.errors import ExtraError
from originid.generation.diffusion import edict, pipelines, plug_and_play
from originid.generation.diffusion.presets import EDICT, PLUG_AND_PLAY, Generator
from originid.generation.diffusion.tasks import Task
from originid.types import Image

try:
    import torch

    from originid.encoders.torch_networks import best_device, usable_device
except ImportError as error:
    raise ExtraError("generation", "generate") from error

OUT_OF_MEMORY = "out of memory"
_SIDE_STEP = 64  # pixels; the sides must be multiples of it to suit every pipeline
_LONGEST = 2.0  # largest ratio of the sides; models were not trained on longer images

Draw = Callable[[Any, Generator, Sequence[Task]], list[Image | str]]
"""A function that makes the images of tasks of one strength whose origins have one shape."""
_DRAWS: dict[str, Draw] = {EDICT: edict.draw, PLUG_AND_PLAY: plug_and_play.draw}


class Maker(Protocol):
    """A loaded generator, which makes queries from origins."""

    @property
    def size(self) -> int:
        """The square root of the area of its images, in pixels."""
        ...

    def make(self, tasks: Sequence[Task]) -> list[Image | str]:
        """Make the images of tasks.

        An image depends only on its own task, up to rounding errors, whatever other tasks are in
        the call. It has the shape of its origin, rounded to multiples of 64 pixels; origins that
        are more than twice as long as wide are squashed to that ratio.

        Args:
            tasks: The tasks, in any number and of any shapes.

        Returns:
            For each task an image, uint8 of shape (h, w, 3), or in one line the reason why there is
            none.
        """
        ...


def open_maker(
    generator: Generator,
    device: str | None = None,
    half: bool | None = None,
) -> Maker:
    """Load a generator.

    Args:
        generator: The generator to load.
        device: The torch device on which it runs. None leaves it to `best_device`.
        half: Whether its weights have 16 bits. None gives it 16 bits on CUDA only.

    Raises:
        InputError: The model cannot be loaded, or there is no such device.
    """
    where = usable_device(device or best_device())
    halved = where.type == "cuda" if half is None else half
    return _Maker(generator, pipelines.open_pipeline(generator, where, halved))


@dataclass(frozen=True)
class _Maker:
    """A generator and its loaded pipeline."""

    generator: Generator
    pipeline: Any

    @property
    def size(self) -> int:
        """The square root of the area of the generator's images, in pixels."""
        return self.generator.size

    def make(self, tasks: Sequence[Task]) -> list[Image | str]:
        """Make the images of tasks, as `Maker.make` describes.

        Args:
            tasks: The tasks, in any number and of any shapes.
        """
        made: dict[int, Image | str] = {}
        batches: dict[Any, list[int]] = defaultdict(list)
        fitted = [replace(task, origin=fit(task.origin, self.size)) for task in tasks]
        # A task that must be alone gets a batch of its own, by its number.
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
        """Make the images of a batch; where memory does not suffice, one image after the other."""
        draw = _DRAWS.get(self.generator.kind, pipelines.draw)
        try:
            return draw(self.pipeline, self.generator, tasks)
        except (RuntimeError, MemoryError) as error:
            if not _is_out_of_memory(error):
                raise
        # Only here, outside of the except block, are the tensors of the failed call released.
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if len(tasks) == 1:
            return [OUT_OF_MEMORY]
        return [self._draw([task])[0] for task in tasks]


def fault(task: Task, generator: Generator) -> str | None:
    """Return in one line why a generator cannot do a task, or None if it can.

    Args:
        task: The task, whose prompt and strength are checked.
        generator: The generator that would do it.
    """
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
    """Resize an image to an area of about ``size * size`` pixels, as generators need it.

    Args:
        origin: uint8 of shape (h, w, 3).
        size: The square root of the wanted area, in pixels.

    Returns:
        uint8 of shape (h', w', 3), with sides that are multiples of 64 and at most a ratio of 2.
    """
    height, width = origin.shape[:2]
    ratio = math.sqrt(min(max(width / height, 1 / _LONGEST), _LONGEST))
    step = min(_SIDE_STEP, size)  # a generator of fewer than 64 pixels needs it smaller
    sides = (round(size * ratio / step) * step, round(size / ratio / step) * step)
    return np.asarray(Pillow.fromarray(origin).resize(sides, Pillow.Resampling.LANCZOS))


def _is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory is full.

    CUDA has a class for such errors; the CPU and MPS only have texts.
    """
    texts = ("out of memory", "can't allocate memory")
    return isinstance(error, MemoryError) or any(text in str(error) for text in texts)
