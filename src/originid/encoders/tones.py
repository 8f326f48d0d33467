"""Tones: brightness, colour and contrast, each on the scale on which edits disturb it least."""

from dataclasses import dataclass

import numpy as np

from originid.encoders.base import Shape
from originid.encoders.grid import CELLS, block_means, flatten, image_means
from originid.types import Floats32, Image, Latents

FINE = 64  # the grid on which contrast within a cell is seen


@dataclass(frozen=True)
class TonesEncoder:
    """Luma, colour and contrast on a 32 x 32 grid, of RGB in [0, 1].

    The channels are the luma (ITU-R BT.601); the colour vector (r - (g + b) / 2,
    sqrt(3) / 2 (g - b)), its length replaced by the root of its length, because edits change
    saturation more than hue; and the root of the standard deviation of RGB among the 2 x 2 parts
    of a cell.
    """

    spec: str = "tones"
    size: int = 64
    shapes: tuple[Shape, ...] = ((4, CELLS, CELLS),)
    # Finer colour is what edits change; measured by cross-validation, as are the others.
    cutoffs: tuple[float, ...] = (10.0,)
    identity: str = "tones-1"

    def encode(self, images: Image) -> Latents:
        """Encode as `Encoder.encode` says."""
        fine = np.moveaxis(image_means(images, FINE), 3, 0)
        r, g, b = (block_means(channel, CELLS) for channel in fine)
        luma = np.float32(0.299) * r + np.float32(0.587) * g + np.float32(0.114) * b
        u = r - np.float32(0.5) * (g + b)
        v = np.float32(3**0.5 / 2) * (g - b)
        root = 1 / np.sqrt(np.hypot(u, v) + np.float32(1e-8))
        means = (r, g, b)
        variance = sum(_variance(each, mean) for each, mean in zip(fine, means, strict=True))
        contrast = np.sqrt(np.sqrt(variance))
        return flatten([luma, u * root, v * root, contrast])


def _variance(fine: Floats32, means: Floats32) -> Floats32:
    """Mean squared difference of values (n, FINE, FINE) from their cells' means (n, CELLS, CELLS).

    Not the mean of squares less the square of the mean: that would leave rounding noise in flat
    cells, and the roots would make it visible.
    """
    box = FINE // CELLS
    cells = fine.reshape(len(fine), CELLS, box, CELLS, box) - means[:, :, None, :, None]
    return block_means((cells * cells).reshape(fine.shape), CELLS)
