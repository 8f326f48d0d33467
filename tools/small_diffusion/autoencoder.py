"""Stage 1: a tiny autoencoder, images to latents of an eighth of their size and back.

The encoder's latents are held to mean 0 and deviation 1, and the decoder sees them with noise:
this bounds what a latent can carry as a variational posterior of fixed width does, and makes the
decoder forgive what the denoiser gets wrong.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderTiny
from torch.nn.functional import avg_pool2d

from originid.types import Image
from small_diffusion.photos import VARIANTS, variant

WIDTH = 32  # channels of every layer
BLOCKS = (0, 1, 2, 3)  # residual blocks at 1, 1/2, 1/4 and 1/8 of the size
CROP = 64  # pixels a side of a training example
BATCH = 8
RATE = 2e-3
NOISE = 0.1  # deviation, of latents of deviation 1


def build(channels: int) -> Any:
    """An untrained ``AutoencoderTiny`` (0.39 million parameters) with latents of some channels."""
    return AutoencoderTiny(
        encoder_block_out_channels=(WIDTH,) * 4,
        decoder_block_out_channels=(WIDTH,) * 4,
        num_encoder_blocks=BLOCKS,
        num_decoder_blocks=BLOCKS[::-1],
        latent_channels=channels,
    ).to(memory_format=torch.channels_last)


def pixels(images: Image) -> Any:
    """uint8 (n, h, w, 3) to float32 (n, 3, h, w) in -1 to 1, as diffusers pipelines do."""
    tensor = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2)
    return tensor.to(torch.float32).div(127.5).sub(1)


def crops(images: Image) -> Any:
    """A batch of random crops of random variants of photos, by torch's generator."""
    rows = torch.randint(len(images), (BATCH,)).tolist()
    which = torch.randint(VARIANTS, (BATCH,)).tolist()
    corners = torch.randint(images.shape[1] - CROP + 1, (BATCH, 2)).tolist()
    seeds = torch.randint(2**31, (BATCH,)).tolist()
    batch = []
    for row, kind, (top, left), seed in zip(rows, which, corners, seeds, strict=True):
        image = images[row, top : top + CROP, left : left + CROP]
        batch.append(variant(image, "", kind, seed)[0])
    return pixels(np.stack(batch)).to(memory_format=torch.channels_last)


def loss_of(model: Any, images: Image, device: str) -> Callable[[], Any]:
    """Mean absolute errors of pixels, of their differences and of colour, and latents' moments.

    Colour is what is left of an error without its mean over R, G and B. By the first two alone
    brightness takes all four channels of a latent, and images come back grey.
    """

    def loss() -> Any:
        target = crops(images).to(device)
        latents = model.encode(target).latents
        error = model.decode(latents + NOISE * torch.randn_like(latents)).sample - target
        slopes = error.diff(dim=3).abs().mean() + error.diff(dim=2).abs().mean()
        colour = avg_pool2d(error - error.mean(dim=1, keepdim=True), 4).abs().mean()
        deviation, mean = torch.std_mean(latents, dim=(0, 2, 3))
        moments = mean.square().mean() + (deviation - 1).square().mean()
        return error.abs().mean() + 0.5 * slopes + 4 * colour + 0.1 * moments

    return loss


def encode(model: Any, images: Image, device: str) -> Any:
    """Latents of a batch of images, float32 (n, channels, h / 8, w / 8), not scaled."""
    with torch.no_grad():
        return model.encode(pixels(images).to(device)).latents.cpu()
