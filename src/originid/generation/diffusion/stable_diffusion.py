"""What EDICT and Plug-and-Play need of Stable Diffusion: latents, texts, noise and its schedule."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from originid.errors import ExtraError
from originid.generation.diffusion.pipelines import as_images
from originid.types import Image

try:
    import torch
except ImportError as error:
    raise ExtraError("generation", "generate") from error

Noise = Callable[["torch.Tensor", int], "torch.Tensor"]
"""The noise that a network sees in latents (n, C, H, W) at a timestep."""


@dataclass(frozen=True)
class DdimStep:
    """One step of DDIM: ``cleaner = scale * noisier + shift * noise``.

    Args:
        time: the timestep of the noisier latents.
        scale: sqrt(a' / a), with a and a' the paper's alpha_bar before and after the step.
        shift: sqrt(1 - a') - scale * sqrt(1 - a); negative.
    """

    time: int
    scale: float
    shift: float


def ddim_steps(signal: "torch.Tensor", count: int) -> list[DdimStep]:
    """The steps from pure noise to clean latents, evenly spaced over the training's.

    Args:
        signal: alpha_bar of every timestep of the training.
        count: how many steps.
    """
    stride = len(signal) // count
    # As the scheduler of Stable Diffusion counts: one step later, and the last ends at step 0.
    times = [min(i * stride + 1, len(signal) - 1) for i in range(count)]
    steps, after = [], float(signal[0])
    for time in times:
        before = float(signal[time])
        scale = math.sqrt(after / before)
        steps.append(DdimStep(time, scale, math.sqrt(1 - after) - scale * math.sqrt(1 - before)))
        after = before
    return steps[::-1]


class StableDiffusion:
    """The parts of a pipeline of Stable Diffusion 1 or 2, as functions.

    Latents are scaled as the network takes them, float64 so that inversion is exact (float32 on
    MPS, which has no float64), whatever the precision of the weights.

    Args:
        pipeline: a ``StableDiffusionPipeline``.
    """

    def __init__(self, pipeline: Any) -> None:
        self._pipeline = pipeline
        self.unet = pipeline.unet
        self._device = pipeline._execution_device  # also where the parts are off-loaded
        self._precise = torch.float32 if self._device.type == "mps" else torch.float64
        self._signal = pipeline.scheduler.alphas_cumprod.double()
        self._kind = pipeline.scheduler.config.prediction_type

    def steps(self, count: int) -> list[DdimStep]:
        """The steps from pure noise to clean latents."""
        return ddim_steps(self._signal, count)

    def encode(self, images: Sequence[Image]) -> "torch.Tensor":
        """The mode of the posterior of images of one shape: (n, C, H, W)."""
        vae = self._pipeline.vae
        pixels = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).to(self._device)
        mode = vae.encode(pixels.to(vae.dtype) / 127.5 - 1).latent_dist.mode()
        return mode.to(self._precise) * vae.config.scaling_factor

    def decode(self, latents: "torch.Tensor") -> list[Image | str]:
        """The images of latents; a reason where the safety checker refuses one."""
        vae = self._pipeline.vae
        pixels = vae.decode((latents / vae.config.scaling_factor).to(vae.dtype)).sample
        pixels, refused = self._pipeline.run_safety_checker(pixels, self._device, vae.dtype)
        self._pipeline.maybe_free_model_hooks()
        shown = (pixels.float() / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).cpu().numpy()
        return as_images(shown, refused)

    def texts(self, prompts: Sequence[str]) -> "torch.Tensor":
        """What the network is told by prompts: (n, tokens, dim)."""
        embedded, _ = self._pipeline.encode_prompt(list(prompts), self._device, 1, False)
        return embedded

    def predict(self, latents: "torch.Tensor", time: int, texts: "torch.Tensor") -> "torch.Tensor":
        """The noise that the network sees in latents, one text each."""
        seen = latents.to(self.unet.dtype)
        output = self.unet(seen, time, encoder_hidden_states=texts).sample.to(self._precise)
        if self._kind != "v_prediction":
            return output
        signal = float(self._signal[time])
        return math.sqrt(signal) * output + math.sqrt(1 - signal) * latents

    def plain(self, texts: "torch.Tensor") -> Noise:
        """The noise by the texts alone."""
        return lambda latents, time: self.predict(latents, time, texts)

    def guided(self, texts: "torch.Tensor", empty: "torch.Tensor", scale: float) -> Noise:
        """The noise with classifier-free guidance."""
        both = torch.cat([empty, texts])

        def noise(latents: torch.Tensor, time: int) -> torch.Tensor:
            return guide(self.predict(latents.repeat(2, 1, 1, 1), time, both), scale)

        return noise


def guide(noise: "torch.Tensor", scale: float) -> "torch.Tensor":
    """Classifier-free guidance of noise (2 n, ...): first without, then with the text."""
    without, by_text = noise.chunk(2)
    return without + scale * (by_text - without)
