"""EDICT: editing by an inversion that is exact (Wallace, Gokul and Naik, CVPR 2023).

Two copies of the latents, x and y, are denoised together, and each uses the noise that the network
sees in the other copy. So every step can be undone, because it never needs the noise in latents
that are not known yet. With the scale a and shift b of a DDIM step and the mixing weight p::

    x_i = a x + b noise(y)              y_i = a y + b noise(x_i)
    x'  = p x_i + (1 - p) y_i           y'  = p y_i + (1 - p) x'
"""

from collections.abc import Sequence
from typing import Any

from originid.errors import ExtraError
from originid.generation.diffusion.presets import Generator
from originid.generation.diffusion.stable_diffusion import DdimStep, Noise, StableDiffusion
from originid.generation.diffusion.tasks import Task
from originid.types import Image

try:
    import torch
except ImportError as error:
    raise ExtraError("the generator edict", "generate") from error

MIXING = 0.93  # the authors' value: below it images blur, above it the copies drift apart
Copies = tuple["torch.Tensor", "torch.Tensor"]
"""The two copies x and y of the latents, (n, C, H, W) each."""


def denoise(
    copies: Copies, steps: Sequence[DdimStep], noise: Noise, mixing: float = MIXING
) -> Copies:
    """Denoise two copies of noisy latents.

    Args:
        copies: The noisy latents x and y, each of shape (n, C, H, W).
        steps: The steps from noise to clean latents.
        noise: The noise prediction.
        mixing: The mixing weight p, in (0, 1].

    Returns:
        The clean latents x and y.
    """
    x, y = copies
    for i, step in enumerate(steps):
        # The copies take turns in going first, else one of them lags behind (paper, section 4.3).
        x, y = (y, x) if i % 2 else (x, y)
        x = step.scale * x + step.shift * noise(y, step.time)
        y = step.scale * y + step.shift * noise(x, step.time)
        x = mixing * x + (1 - mixing) * y
        y = mixing * y + (1 - mixing) * x
        x, y = (y, x) if i % 2 else (x, y)
    return x, y


def invert(
    copies: Copies, steps: Sequence[DdimStep], noise: Noise, mixing: float = MIXING
) -> Copies:
    """Undo `denoise`: return the noisy copies from which it makes these clean copies.

    Args:
        copies: The clean latents x and y, each of shape (n, C, H, W).
        steps: The steps from noise to clean latents, in the order of `denoise`.
        noise: The noise prediction.
        mixing: The mixing weight p, in (0, 1].
    """
    x, y = copies
    for i, step in reversed(list(enumerate(steps))):
        x, y = (y, x) if i % 2 else (x, y)
        y = (y - (1 - mixing) * x) / mixing
        x = (x - (1 - mixing) * y) / mixing
        y = (y - step.shift * noise(x, step.time)) / step.scale
        x = (x - step.shift * noise(y, step.time)) / step.scale
        x, y = (y, x) if i % 2 else (x, y)
    return x, y


def draw(pipeline: Any, generator: Generator, tasks: Sequence[Task]) -> list[Image | str]:
    """Invert the origins without a prompt, and denoise them with each task's prompt.

    Args:
        pipeline: A ``StableDiffusionPipeline`` of diffusers.
        generator: The generator, whose guidance and steps are used.
        tasks: The tasks, whose origins have one shape and which have one strength.

    Returns:
        For each task an image, uint8 of shape (h, w, 3), or the reason why there is none.
    """
    model = StableDiffusion(pipeline)
    strength = tasks[0].strength or 0.0
    # The origin is inverted only as far as the strength says: over the last, cleanest steps.
    steps = model.steps(generator.steps)[-int(generator.steps * strength) :]
    with torch.inference_mode():
        latents = model.encode([task.origin for task in tasks])
        empty = model.texts([""] * len(tasks))
        noisy = invert((latents, latents), steps, model.plain(empty))
        texts = model.texts([task.prompt for task in tasks])
        clean, _ = denoise(noisy, steps, model.guided(texts, empty, generator.guidance))
        return model.decode(clean)
