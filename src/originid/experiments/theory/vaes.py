"""Table 4: how much two autoencoders differ.

The paper compares the weights of the encoders' last convolution, and the latents of the same
images, by their cosine. A cosine near 0 says that the axes differ; whether the content does is told
by how much of one latent a linear map of the other explains.
"""

import numpy as np

from originid.encoders.base import Encoder, Shape
from originid.encoders.diffusers import DiffusersEncoder
from originid.errors import ExtraError, InputError
from originid.types import Floats32, Image, Latents

try:
    import torch
except ImportError as error:
    raise ExtraError("comparing autoencoders", "vae") from error


def as_vae(encoder: Encoder) -> DiffusersEncoder:
    """The encoder, if it is the VAE of a diffusion model.

    Raises:
        InputError: it is not.
    """
    if not isinstance(encoder, DiffusersEncoder):
        raise InputError(f"encoder {encoder.spec}", "expected a VAE", "give a VAE's folder or id")
    return encoder


def last_convolution(encoder: DiffusersEncoder) -> Floats32:
    """Weights (out, in, k, k) of the last 2-D convolution of a VAE's encoder."""
    layers = encoder.network.encoder.modules()
    convolutions = [layer for layer in layers if isinstance(layer, torch.nn.Conv2d)]
    return np.asarray(convolutions[-1].weight.detach().float().cpu().numpy())


def weight_cosine(a: Floats32, b: Floats32) -> float | None:
    """Cosine of two arrays of weights; None where their shapes differ."""
    if a.shape != b.shape:
        return None
    x, y = a.astype(np.float64).ravel(), b.astype(np.float64).ravel()
    return float(x @ y / np.sqrt((x @ x) * (y @ y)))


def latent_cosine(a: Latents, b: Latents, centred: bool = False) -> float | None:
    """Mean cosine of the latents (n, d) of the same images; None where their dims differ.

    Args:
        a: by one encoder.
        b: by the other, rows in the same order.
        centred: whether the mean of each encoder's latents is subtracted first.
    """
    if a.shape != b.shape:
        return None
    x, y = a.astype(np.float64), b.astype(np.float64)
    if centred:
        x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    lengths = np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))
    return float(((x * y).sum(axis=1) / np.maximum(lengths, 1e-300)).mean())


def explained(a: Latents, a_shape: Shape, b: Latents, b_shape: Shape) -> float | None:
    """Share of b's variance that the best linear map of a's channels, position by position, has.

    One matrix (channels of b, channels of a) and an offset serve all positions and images. None
    where height or width differ.

    Args:
        a: (n, C H W).
        a_shape: (C, H, W) of a.
        b: of the same images.
        b_shape: (C, H, W) of b.
    """
    if a_shape[1:] != b_shape[1:]:
        return None
    x, y = (
        latents.reshape(-1, shape[0], shape[1] * shape[2])
        .transpose(0, 2, 1)
        .reshape(-1, shape[0])
        .astype(np.float64)
        for latents, shape in ((a, a_shape), (b, b_shape))
    )
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    matrix = np.linalg.lstsq(x, y, rcond=None)[0]
    return float(1 - ((y - x @ matrix) ** 2).sum() / max((y**2).sum(), 1e-300))


def scaling(encoder: DiffusersEncoder) -> tuple[float, float]:
    """The factor and the shift by which a generator takes latents: factor (z - shift)."""
    config = encoder.network.config
    factor = getattr(config, "scaling_factor", None) or 1.0
    return float(factor), float(getattr(config, "shift_factor", None) or 0.0)


def decode(encoder: DiffusersEncoder, latents: Latents) -> Image:
    """The images (n, size, size, 3) of latents (n, C, H, W) that are not scaled, as a file would.

    They are clipped and rounded to 8 bits.
    """
    images = []
    for latent in latents:
        batch = torch.from_numpy(latent[None]).float()
        parameter = next(encoder.network.parameters())
        with torch.inference_mode():
            output = encoder.network.decode(batch.to(parameter.device, parameter.dtype)).sample
        pixels = (output.float().clamp(-1, 1) + 1) * 127.5
        images.append(pixels.round().to(torch.uint8)[0].permute(1, 2, 0).cpu().numpy())
    return np.stack(images)
