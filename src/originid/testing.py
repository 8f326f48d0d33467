"""Small encoders and images for tests, of this project and of yours.

Their results are exact and can be worked out in the head.
"""

import math
from dataclasses import dataclass

import numpy as np

from originid.encoders.base import Shape
from originid.types import Floats64, Image, Latents


@dataclass(frozen=True)
class QuadrantEncoder:
    """An encoder whose latent is the mean colour of each quadrant of an image, in [0, 255].

    A latent has 12 numbers: the four means of red, then those of green, then those of blue. The
    four are those of the top left, top right, bottom left and bottom right quadrant. The fields
    are those of `Encoder`.
    """

    spec: str = "quadrants"
    size: int = 8
    shapes: tuple[Shape, ...] = ((3, 2, 2),)
    cutoffs: tuple[float, ...] = (math.inf,)
    identity: str = "quadrants-1"

    def encode(self, images: Image) -> Latents:
        """Encode images, as `Encoder.encode` says; their sides must be even."""
        half = images.shape[1] // 2
        cells = images.reshape(len(images), 2, half, 2, half, 3).mean(axis=(2, 4))
        return np.asarray(cells.transpose(0, 3, 1, 2).reshape(len(images), 12), np.float32)


def flat_image(colour: tuple[int, int, int], size: int = 8) -> Image:
    """Make an image of one colour.

    Args:
        colour: red, green and blue, each in [0, 255].
        size: the side of the image in pixels.

    Returns:
        A uint8 image of shape (size, size, 3).
    """
    return np.broadcast_to(np.array(colour, np.uint8), (size, size, 3)).copy()


def textured_image(seed: int, height: int = 64, width: int = 64) -> Image:
    """Make an image of smooth random blobs of colour.

    Args:
        seed: the seed of the random numbers; every seed gives a different image.
        height: the height in pixels.
        width: the width in pixels.

    Returns:
        A uint8 image of shape (height, width, 3).
    """
    rng = np.random.default_rng(seed)
    small = rng.uniform(0, 255, (6, 6, 3))
    # Below 5, so that every pixel has a right and a lower neighbour on the 6 x 6 grid.
    rows = np.linspace(0, 4.999, height)
    columns = np.linspace(0, 4.999, width)
    return _bilinear(small, rows, columns).astype(np.uint8)


def _bilinear(grid: Floats64, rows: Floats64, columns: Floats64) -> Floats64:
    """Sample a grid (g, g, 3) at rows (h,) and columns (w,): colours of shape (h, w, 3)."""
    r, c = rows.astype(int), columns.astype(int)
    fr, fc = (rows - r)[:, None, None], (columns - c)[None, :, None]
    top = grid[r][:, c] * (1 - fc) + grid[r][:, c + 1] * fc
    bottom = grid[r + 1][:, c] * (1 - fc) + grid[r + 1][:, c + 1] * fc
    return np.asarray(top * (1 - fr) + bottom * fr)
