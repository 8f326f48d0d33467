"""Stage 1: a tiny autoencoder, images to latents of an eighth of their size and back.

The encoder's latents are held to mean 0 and deviation 1, and the decoder sees them with noise:
this bounds what a latent can carry as a variational posterior of fixed width does, and makes the
decoder forgive what the denoiser gets wrong.

Errors of pixels alone make blurred images, since the mean of all sharp images that a latent may
stand for is blurred. So the decoder learns on against a critic, which tells its images from photos
patch by patch (Isola et al. 2017). What the critic's layers see must agree too (Wang et al. 2018):
a perceptual error for which no weights of others are needed.
"""

from collections.abc import Callable
from typing import Any

import torch
from diffusers import AutoencoderTiny
from torch.func import functional_call
from torch.nn.functional import avg_pool2d, leaky_relu
from torch.nn.utils.parametrizations import spectral_norm

from small_diffusion.photos import shares
from small_diffusion.styles import STYLES

ENCODER_WIDTH = 48  # channels of every layer
DECODER_WIDTH = 64
BLOCKS = (0, 1, 2, 3)  # residual blocks at 1, 1/2, 1/4 and 1/8 of the size
CROP = 128  # pixels a side of a training example
BATCH = 64
STYLED = 2  # of the 4 parts of a batch, each in another style
RATE = 2e-3
CRITIC_RATE = 5e-4
NOISE = 0.1  # deviation, of latents of deviation 1
FOOLING = 0.05  # weight of the critic's opinion
SEEING = 0.5  # weight of what the critic's layers see


def build(channels: int) -> Any:
    """An untrained ``AutoencoderTiny`` (1.2 million parameters) with latents of some channels."""
    return AutoencoderTiny(
        encoder_block_out_channels=(ENCODER_WIDTH,) * 4,
        decoder_block_out_channels=(DECODER_WIDTH,) * 4,
        num_encoder_blocks=BLOCKS,
        num_decoder_blocks=BLOCKS[::-1],
        latent_channels=channels,
    ).to(memory_format=torch.channels_last)


class Critic(torch.nn.Module):  # type: ignore[misc]
    """Convolutions of stride 2; each output judges a patch of 46 pixels: above 0 for a photo."""

    def __init__(self) -> None:
        super().__init__()
        widths = ((3, 64, 2), (64, 128, 2), (128, 256, 2), (256, 1, 1))
        self.layers = torch.nn.ModuleList(
            spectral_norm(torch.nn.Conv2d(given, made, 4, stride, padding=1))
            for given, made, stride in widths
        ).to(memory_format=torch.channels_last)

    def forward(self, images: Any) -> list[Any]:
        """What each layer sees of images (n, 3, h, w) in -1 to 1; the last is the opinion."""
        seen = [self.layers[0](images)]
        for layer in list(self.layers)[1:]:
            seen.append(layer(leaky_relu(seen[-1], 0.2)))
        return seen


def crops(images: Any) -> Any:
    """A batch of random crops of photos, part of it in styles, by torch's generator.

    Args:
        images: uint8 (n, h, w, 3), a tensor.

    Returns:
        float32 (BATCH, 3, CROP, CROP) in -1 to 1, as diffusers pipelines take it.
    """
    rows = torch.randint(len(images), (BATCH,)).tolist()
    corners = torch.randint(images.shape[1] - CROP + 1, (BATCH, 2)).tolist()
    cut = [
        images[row, top : top + CROP, left : left + CROP]
        for row, (top, left) in zip(rows, corners, strict=True)
    ]
    parts = list(shares(torch.stack(cut)).chunk(4))
    for part in range(STYLED):
        style = list(STYLES.values())[int(torch.randint(len(STYLES), ()))]
        with torch.autocast(images.device.type, enabled=False):  # filters need all their digits
            parts[part] = style(parts[part])
    parts[-1] = parts[-1].flip(3)
    return torch.cat(parts).mul(2).sub(1).contiguous(memory_format=torch.channels_last)


def _error(made: Any, target: Any) -> Any:
    """Mean absolute errors of pixels, of their differences at three scales, and of colour.

    Colour is what is left of an error without its mean over R, G and B. By the others alone
    brightness takes all channels of a latent, and images come back grey.
    """
    error = made.float() - target
    colour = avg_pool2d(error - error.mean(dim=1, keepdim=True), 4).abs().mean()
    total = error.abs().mean() + 4 * colour
    for _ in range(3):
        slopes = error.diff(dim=3).abs().mean() + error.diff(dim=2).abs().mean()
        total, error = total + 0.5 * slopes, avg_pool2d(error, 2)
    return total


def loss_of(model: Any, images: Any) -> Callable[[], Any]:
    """Errors of an autoencoder's images, and how far its latents are from their moments.

    Args:
        model: what ``build`` returns.
        images: uint8 (n, h, w, 3), a tensor on the device of the model.
    """

    def loss() -> Any:
        target = crops(images)
        latents = model.encode(target).latents.float()
        made = model.decode(latents + NOISE * torch.randn_like(latents)).sample
        deviation, mean = torch.std_mean(latents, dim=(0, 2, 3))
        moments = mean.square().mean() + (deviation - 1).square().mean()
        return _error(made, target) + 0.1 * moments

    return loss


def sharpening_loss_of(model: Any, critic: Any, images: Any) -> Callable[[], Any]:
    """Errors of a decoder, what a critic has against its images, and the critic's own errors.

    The encoder stays as it is. One backward pass serves both: the critic's weights are constants
    where it judges for the decoder, and the decoder's image is one where the critic learns.
    """

    def loss() -> Any:
        target = crops(images)
        with torch.no_grad():
            latents = model.encode(target).latents.float()
        made = model.decode(latents + NOISE * torch.randn_like(latents)).sample.float()
        fixed = {name: weight.detach() for name, weight in critic.named_parameters()}
        *seen, opinion = functional_call(critic, fixed, (made,))
        *real_seen, real = critic(target)
        fake = critic(made.detach())[-1]
        unlike = sum(
            (layer - other.detach()).abs().mean() / other.detach().abs().mean()
            for layer, other in zip(seen, real_seen, strict=True)
        )
        hinge = (1 - real).clamp(min=0).mean() + (1 + fake).clamp(min=0).mean()
        return _error(made, target) - FOOLING * opinion.mean() + SEEING * unlike + hinge

    return loss
