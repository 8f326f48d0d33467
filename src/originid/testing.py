"""Exact stand-ins for tests, ours and yours: small enough to do in your head."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from originid.encoders.base import Shape
from originid.types import Image, Latents


@dataclass(frozen=True)
class QuadrantEncoder:
    """The mean red, green and blue of an image's four quadrants, in [0, 255].

    The latent of an 8 x 8 image is R, G, B (slowest) by top-left, top-right, bottom-left,
    bottom-right: 12 numbers.
    """

    spec: str = "quadrants"
    size: int = 8
    shapes: tuple[Shape, ...] = ((3, 2, 2),)
    cutoffs: tuple[float, ...] = (math.inf,)
    identity: str = "quadrants-1"

    def encode(self, images: Image) -> Latents:
        """Encode as `Encoder.encode` says."""
        half = images.shape[1] // 2
        cells = images.reshape(len(images), 2, half, 2, half, 3).mean(axis=(2, 4))
        return np.asarray(cells.transpose(0, 3, 1, 2).reshape(len(images), 12), np.float32)


def flat_image(colour: tuple[int, int, int], size: int = 8) -> Image:
    """An image (size, size, 3) of one colour."""
    return np.broadcast_to(np.array(colour, np.uint8), (size, size, 3)).copy()


def textured_image(seed: int, height: int = 64, width: int = 64) -> Image:
    """An image (height, width, 3) of smooth random blobs, like no other seed's."""
    rng = np.random.default_rng(seed)
    small = rng.uniform(0, 255, (6, 6, 3))
    rows = np.linspace(0, 4.999, height)
    columns = np.linspace(0, 4.999, width)
    return _bilinear(small, rows, columns).astype(np.uint8)


def _bilinear(
    grid: NDArray[np.float64], rows: NDArray[np.float64], columns: NDArray[np.float64]
) -> NDArray[np.float64]:
    r, c = rows.astype(int), columns.astype(int)
    fr, fc = (rows - r)[:, None, None], (columns - c)[None, :, None]
    top = grid[r][:, c] * (1 - fc) + grid[r][:, c + 1] * fc
    bottom = grid[r + 1][:, c] * (1 - fc) + grid[r + 1][:, c + 1] * fc
    return np.asarray(top * (1 - fr) + bottom * fr)
