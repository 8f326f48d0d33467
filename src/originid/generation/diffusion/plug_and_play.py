"""Plug-and-Play: editing by features of the origin (Tumanyan et al., CVPR 2023).

The origin's latents are inverted by DDIM. While they are denoised with the prompt, what some
modules of the network put out is replaced by what they put out for the origin at the same noise
level: of one residual layer of the decoder, which fixes the layout, and the queries and keys of
its self-attention, which fix the shapes.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from originid.errors import ExtraError
from originid.generation.diffusion.presets import Generator
from originid.generation.diffusion.stable_diffusion import DdimStep, Noise, StableDiffusion, guide
from originid.generation.diffusion.tasks import Task
from originid.types import Image

try:
    import torch
except ImportError as error:
    raise ExtraError("the generator plug-and-play", "generate") from error

REFINEMENTS = 3  # of a step's inversion; the first is DDIM's, which is not exact


@dataclass(frozen=True)
class Injection:
    """Modules whose output is the origin's during a share of the steps.

    Args:
        modules: their names in the network.
        until: in [0, 1], the share of the steps, counted from the noisiest.
    """

    modules: tuple[str, ...]
    until: float


def authors_injections(unet: Any) -> tuple[Injection, ...]:
    """What the authors inject: one residual layer for 0.8, self-attention for 0.5 of the steps."""
    blocks = [name for name, _ in unet.named_modules() if name.startswith("up_blocks.")]
    layout = [name for name in blocks if name == "up_blocks.1.resnets.1.conv2"]
    shapes = [
        name
        for name in blocks
        if name.endswith(("attn1.to_q", "attn1.to_k"))
        and not name.startswith(("up_blocks.0.", "up_blocks.1.attentions.0."))
    ]
    return Injection(tuple(layout), until=0.8), Injection(tuple(shapes), until=0.5)


def invert(
    latents: "torch.Tensor", steps: Sequence[DdimStep], noise: Noise, refinements: int = REFINEMENTS
) -> list["torch.Tensor"]:
    """The latents at every noise level from which DDIM leads to clean ones.

    A step back needs the noise in latents that are not known yet. DDIM takes that in the cleaner
    latents; repeating the step with the noise in its own result converges to the exact inverse.

    Returns:
        One more than there are steps, from the noisiest to the clean latents.
    """
    levels = [latents]
    for step in reversed(steps):
        noisier = levels[-1]
        for _ in range(refinements):
            noisier = (levels[-1] - step.shift * noise(noisier, step.time)) / step.scale
        levels.append(noisier)
    return levels[::-1]


def edit(
    model: StableDiffusion,
    origins: Sequence["torch.Tensor"],
    steps: Sequence[DdimStep],
    prompts: Sequence[str],
    scale: float,
    injections: Sequence[Injection],
) -> "torch.Tensor":
    """Denoise with prompts while features of the origins are injected.

    Args:
        model: the network and its text encoder.
        origins: what `invert` made of the origins, (n, C, H, W) each.
        steps: from noise to clean latents.
        prompts: n of them.
        scale: of the guidance.
        injections: see `Injection`.

    Returns:
        The clean latents, (n, C, H, W).
    """
    empty = model.texts([""] * len(prompts))
    texts = torch.cat([empty, empty, model.texts(prompts)])
    latents = origins[0]
    for i, step in enumerate(steps):
        modules = [m for each in injections if i < each.until * len(steps) for m in each.modules]
        with _injected(model.unet, modules):
            noise = model.predict(torch.cat([origins[i], latents, latents]), step.time, texts)
        guided = guide(noise[len(prompts) :], scale)
        latents = step.scale * latents + step.shift * guided
    return latents


@contextmanager
def _injected(unet: Any, modules: Sequence[str]) -> Iterator[None]:
    """Let modules put out for the whole batch what they put out for its first third."""

    def replace(_module: Any, _inputs: Any, output: Any) -> Any:
        if isinstance(output, tuple):
            return (replace(_module, _inputs, output[0]), *output[1:])
        return output.chunk(3)[0].repeat(3, *[1] * (output.ndim - 1))

    hooks = [unet.get_submodule(name).register_forward_hook(replace) for name in modules]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def draw(pipeline: Any, generator: Generator, tasks: Sequence[Task]) -> list[Image | str]:
    """Invert origins without a prompt and denoise them with each task's and their own features.

    Args:
        pipeline: a ``StableDiffusionPipeline``.
        generator: its guidance and steps are those of the tasks.
        tasks: origins of one shape.
    """
    model = StableDiffusion(pipeline)
    steps = model.steps(generator.steps)
    prompts = [task.prompt for task in tasks]
    with torch.inference_mode():
        latents = model.encode([task.origin for task in tasks])
        origins = invert(latents, steps, model.plain(model.texts([""] * len(tasks))))
        injections = authors_injections(model.unet)
        return model.decode(edit(model, origins, steps, prompts, generator.guidance, injections))
