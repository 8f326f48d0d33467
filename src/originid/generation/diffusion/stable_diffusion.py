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
"""A function that predicts the noise in latents (n, C, H, W) at a timestep."""


@dataclass(frozen=True)
class DdimStep:
    """One step of DDIM (Song et al. 2021): ``cleaner = scale * noisier + shift * noise``.

    Args:
        time: The timestep of the noisier latents, an index of the training's schedule.
        scale: sqrt(a' / a), where a and a' are the paper's alpha_bar before and after the step.
        shift: sqrt(1 - a') - scale * sqrt(1 - a), which is negative.
    """

    time: int
    scale: float
    shift: float


def ddim_steps(signal: "torch.Tensor", count: int) -> list[DdimStep]:
    """Return the steps from pure noise to clean latents, evenly spaced over the training's steps.

    Args:
        signal: The paper's alpha_bar of every timestep of the training: shape (T,), in (0, 1).
        count: The number of steps.
    """
    stride = len(signal) // count
    # The scheduler of Stable Diffusion counts like this: each time is one later than an even
    # spacing gives, and the last step ends at timestep 0.
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

    Latents are scaled as the network takes them. They are float64, whatever the precision of the
    weights, so that inversion is exact; on MPS, which has no float64, they are float32.

    Args:
        pipeline: A ``StableDiffusionPipeline`` of diffusers.
    """

    def __init__(self, pipeline: Any) -> None:
        self._pipeline = pipeline
        self.unet = pipeline.unet
        self._device = pipeline._execution_device  # right also where parts wait in main memory
        self._precise = torch.float32 if self._device.type == "mps" else torch.float64
        self._signal = pipeline.scheduler.alphas_cumprod.double()
        self._kind = pipeline.scheduler.config.prediction_type

    def steps(self, count: int) -> list[DdimStep]:
        """Return the steps from pure noise to clean latents.

        Args:
            count: The number of steps.
        """
        return ddim_steps(self._signal, count)

    def encode(self, images: Sequence[Image]) -> "torch.Tensor":
        """Encode images of one shape to latents, with the mode of the posterior.

        Args:
            images: The images, n of them: uint8 of shape (h, w, 3).

        Returns:
            Latents of shape (n, C, H, W).
        """
        vae = self._pipeline.vae
        pixels = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).to(self._device)
        mode = vae.encode(pixels.to(vae.dtype) / 127.5 - 1).latent_dist.mode()
        return mode.to(self._precise) * vae.config.scaling_factor

    def decode(self, latents: "torch.Tensor") -> list[Image | str]:
        """Decode latents to images.

        Args:
            latents: Latents of shape (n, C, H, W).

        Returns:
            For each image uint8 of shape (h, w, 3), or the reason why the safety checker refused
            it.
        """
        vae = self._pipeline.vae
        pixels = vae.decode((latents / vae.config.scaling_factor).to(vae.dtype)).sample
        pixels, refused = self._pipeline.run_safety_checker(pixels, self._device, vae.dtype)
        self._pipeline.maybe_free_model_hooks()
        shown = (pixels.float() / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).cpu().numpy()
        return as_images(shown, refused)

    def texts(self, prompts: Sequence[str]) -> "torch.Tensor":
        """Encode prompts as the network takes them: shape (n, tokens, dim).

        Args:
            prompts: The prompts, n of them; an empty one stands for no prompt.
        """
        embedded, _ = self._pipeline.encode_prompt(list(prompts), self._device, 1, False)
        return embedded

    def predict(self, latents: "torch.Tensor", time: int, texts: "torch.Tensor") -> "torch.Tensor":
        """Return the noise that the network predicts in latents.

        Args:
            latents: Latents of shape (n, C, H, W).
            time: The timestep of the latents.
            texts: An encoded prompt for each: shape (n, tokens, dim).

        Returns:
            The noise, of the shape of the latents.
        """
        seen = latents.to(self.unet.dtype)
        output = self.unet(seen, time, encoder_hidden_states=texts).sample.to(self._precise)
        if self._kind != "v_prediction":
            return output
        # The network predicts the velocity v (Salimans and Ho 2022, appendix D), not the noise.
        signal = float(self._signal[time])
        return math.sqrt(signal) * output + math.sqrt(1 - signal) * latents

    def plain(self, texts: "torch.Tensor") -> Noise:
        """Return the noise prediction by the texts alone, without guidance.

        Args:
            texts: An encoded prompt for each latent: shape (n, tokens, dim).
        """
        return lambda latents, time: self.predict(latents, time, texts)

    def guided(self, texts: "torch.Tensor", empty: "torch.Tensor", scale: float) -> Noise:
        """Return the noise prediction with classifier-free guidance.

        Args:
            texts: An encoded prompt for each latent: shape (n, tokens, dim).
            empty: The encoded empty prompt for each: shape (n, tokens, dim).
            scale: The scale of the guidance; 1 is the same as no guidance.
        """
        both = torch.cat([empty, texts])

        def noise(latents: torch.Tensor, time: int) -> torch.Tensor:
            """Predict the noise with and without the prompt, in one batch."""
            return guide(self.predict(latents.repeat(2, 1, 1, 1), time, both), scale)

        return noise


def guide(noise: "torch.Tensor", scale: float) -> "torch.Tensor":
    """Combine noise with and without the prompt by classifier-free guidance (Ho and Salimans 2022).

    Args:
        noise: Shape (2 n, ...): first the noise without the prompt, then the noise with it.
        scale: The scale of the guidance.

    Returns:
        Noise of shape (n, ...).
    """
    without, by_text = noise.chunk(2)
    return without + scale * (by_text - without)
