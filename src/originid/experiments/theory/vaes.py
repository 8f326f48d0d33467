"""Table 4 (Section 5.3): how much two autoencoders differ.

The paper takes the cosine of the weights of the two encoders' last convolutions, and the cosine of
the two latents of the same image. A cosine near 0 says that the axes of the latents differ. It does
not say that their content differs. So it is also measured how much of one latent a linear map of
the other one explains.
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
    """Return the encoder itself, if it is the VAE of a diffusion model.

    Raises:
        InputError: it is another kind of encoder.
    """
    if not isinstance(encoder, DiffusersEncoder):
        raise InputError(
            f"encoder {encoder.spec}",
            "expected the VAE of a diffusion model",
            "give the folder or the Hugging Face id of a VAE",
        )
    return encoder


def last_convolution(encoder: DiffusersEncoder) -> Floats32:
    """Return the weights of an encoder's last 2-D convolution, float32 (out, in, k, k)."""
    layers = encoder.network.encoder.modules()
    convolutions = [layer for layer in layers if isinstance(layer, torch.nn.Conv2d)]
    return np.asarray(convolutions[-1].weight.detach().float().cpu().numpy())


def weight_cosine(a: Floats32, b: Floats32) -> float | None:
    """Return the cosine of two arrays of weights, in [-1, 1], or None if their shapes differ."""
    if a.shape != b.shape:
        return None
    x, y = a.astype(np.float64).ravel(), b.astype(np.float64).ravel()
    return float(x @ y / np.sqrt((x @ x) * (y @ y)))


def latent_cosine(a: Latents, b: Latents, centred: bool = False) -> float | None:
    """Return the mean cosine of the latents of the same images by two encoders.

    Args:
        a: the latents by one encoder, float32 (n, latent_dim).
        b: the latents by the other encoder, with the images in the same order.
        centred: True if the mean of each encoder's latents is subtracted first.

    Returns:
        A number in [-1, 1], or None if the latents have different numbers of dimensions.
    """
    if a.shape != b.shape:
        return None
    x, y = a.astype(np.float64), b.astype(np.float64)
    if centred:
        x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    lengths = np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))
    return float(((x * y).sum(axis=1) / np.maximum(lengths, 1e-300)).mean())


def explained(a: Latents, a_shape: Shape, b: Latents, b_shape: Shape) -> float | None:
    """Return the share of the variance of b's latents that a linear map of a's channels explains.

    The map is the best one by least squares: one matrix (channels of b, channels of a) and one
    offset, the same at all positions and for all images.

    Args:
        a: the latents by one encoder, float32 (n, C H W).
        a_shape: the shape (C, H, W) of a latent of a.
        b: the latents by the other encoder, with the images in the same order.
        b_shape: the shape (C, H, W) of a latent of b.

    Returns:
        A number in [0, 1], or None if height or width differ.
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
    """Return the factor and the shift of a VAE: its generator works on factor * (z - shift)."""
    config = encoder.network.config
    factor = getattr(config, "scaling_factor", None) or 1.0
    return float(factor), float(getattr(config, "shift_factor", None) or 0.0)


def decode(encoder: DiffusersEncoder, latents: Latents) -> Image:
    """Decode latents to images, which are clipped and rounded to 8 bits as in a file.

    Args:
        encoder: the VAE.
        latents: latents that are not scaled, (n, C, H, W).

    Returns:
        uint8 (n, size, size, 3).
    """
    images = []
    for latent in latents:  # one at a time, which bounds the memory that decoding needs
        batch = torch.from_numpy(latent[None]).float()
        parameter = next(encoder.network.parameters())
        with torch.inference_mode():
            output = encoder.network.decode(batch.to(parameter.device, parameter.dtype)).sample
        pixels = (output.float().clamp(-1, 1) + 1) * 127.5
        images.append(pixels.round().to(torch.uint8)[0].permute(1, 2, 0).cpu().numpy())
    return np.stack(images)
