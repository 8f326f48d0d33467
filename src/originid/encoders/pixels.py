"""Colours: box means of the image's RGB."""

from dataclasses import dataclass

import numpy as np

from originid.encoders.base import Shape
from originid.types import Image, Latents

GRID = 32  # cells on a side, as many as the paper's VAE latent has


def box_means(channels: Latents, grid: int = GRID) -> Latents:
    """Average channels over the cells of a grid.

    Args:
        channels: float32 of shape (n, h, w, c); h and w are multiples of grid.

    Returns:
        float32 of shape (n, c * grid * grid), channel first.
    """
    n, h, w, c = channels.shape
    # Two contiguous reductions are three times as fast as one over both axes.
    rows = channels.reshape(n, grid, h // grid, w * c).mean(axis=2)
    cells = rows.reshape(n, grid, grid, w // grid, c).mean(axis=3)
    return np.ascontiguousarray(cells.transpose(0, 3, 1, 2)).reshape(n, -1)


@dataclass(frozen=True)
class PixelsEncoder:
    """Box means of RGB on a 32 x 32 grid, in [-1, 1]."""

    spec: str = "pixels"
    size: int = 256
    shapes: tuple[Shape, ...] = ((3, GRID, GRID),)
    identity: str = "pixels-1"

    def encode(self, images: Image) -> Latents:
        means = box_means(images.astype(np.float32))
        return means / np.float32(127.5) - np.float32(1)
