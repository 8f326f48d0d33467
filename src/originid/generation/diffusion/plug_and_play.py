"""Plug-and-Play: editing with features of the origin (Tumanyan et al., CVPR 2023).

The latents of the origin are inverted by DDIM. Then they are denoised with the prompt, while the
output of some modules of the network is replaced by their output for the origin at the same noise
level. One residual layer of the decoder fixes the layout, and the queries and keys of the
decoder's self-attention fix the shapes.
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

REFINEMENTS = 3  # how often the inversion of a step is repeated; the first is only DDIM's


@dataclass(frozen=True)
class Injection:
    """Modules whose output is replaced by the origin's during a share of the steps.

    Args:
        modules: The names of the modules in the network.
        until: The share of the steps, in [0, 1], counted from the noisiest.
    """

    modules: tuple[str, ...]
    until: float


def authors_injections(unet: Any) -> tuple[Injection, ...]:
    """Return what the authors inject, and for which shares of the steps.

    They inject one residual layer for 0.8 and the self-attention for 0.5 of the steps.

    Args:
        unet: The network of Stable Diffusion.
    """
    # The names of the modules are those of Stable Diffusion's network in diffusers.
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
    """Return the latents at every noise level from which DDIM leads to the given clean latents.

    A step back needs the noise in latents that are not known yet. DDIM takes the noise in the
    cleaner latents instead. Repeating the step with the noise in its own result converges to the
    exact inverse.

    Args:
        latents: The clean latents: shape (n, C, H, W).
        steps: The steps from noise to clean latents.
        noise: The noise prediction.
        refinements: How often each step is repeated; 1 is DDIM's own inversion.

    Returns:
        One tensor of latents more than there are steps, from the noisiest to the clean latents.
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
        model: The network and its text encoder.
        origins: What `invert` returned for the origins: tensors of shape (n, C, H, W).
        steps: The steps from noise to clean latents.
        prompts: The prompts, n of them.
        scale: The scale of the classifier-free guidance.
        injections: The modules to replace, and for how long.

    Returns:
        The clean latents: shape (n, C, H, W).
    """
    empty = model.texts([""] * len(prompts))
    texts = torch.cat([empty, empty, model.texts(prompts)])
    latents = origins[0]
    for i, step in enumerate(steps):
        modules = [m for each in injections if i < each.until * len(steps) for m in each.modules]
        # One batch of three thirds: the origins, then the images without and with the prompt.
        with _injected(model.unet, modules):
            noise = model.predict(torch.cat([origins[i], latents, latents]), step.time, texts)
        guided = guide(noise[len(prompts) :], scale)
        latents = step.scale * latents + step.shift * guided
    return latents


@contextmanager
def _injected(unet: Any, modules: Sequence[str]) -> Iterator[None]:
    """Replace the output of modules, for the whole batch, by their output for its first third."""

    def replace(_module: Any, _inputs: Any, output: Any) -> Any:
        """Repeat the first third of an output, as a hook of torch."""
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
    """Invert the origins without a prompt, and denoise them with the prompts and the own features.

    Args:
        pipeline: A ``StableDiffusionPipeline`` of diffusers.
        generator: The generator, whose guidance and steps are used.
        tasks: The tasks, whose origins have one shape.

    Returns:
        For each task an image, uint8 of shape (h, w, 3), or the reason why there is none.
    """
    model = StableDiffusion(pipeline)
    steps = model.steps(generator.steps)
    prompts = [task.prompt for task in tasks]
    with torch.inference_mode():
        latents = model.encode([task.origin for task in tasks])
        origins = invert(latents, steps, model.plain(model.texts([""] * len(tasks))))
        injections = authors_injections(model.unet)
        return model.decode(edit(model, origins, steps, prompts, generator.guidance, injections))
