"""An encoder of tones: brightness, colour and contrast.

Each is measured on the scale on which edits change it least.
"""

from dataclasses import dataclass

import numpy as np

from originid.encoders.base import Shape
from originid.encoders.grid import CELLS, block_means, flatten, image_means
from originid.types import Floats32, Image, Latents

FINE = 64  # cells on a side of the grid on which the contrast inside a cell is measured


@dataclass(frozen=True)
class TonesEncoder:
    """The luma, the colour and the contrast on a 32 x 32 grid, of RGB in [0, 1].

    The first channel is the luma (ITU-R BT.601). The next two are the colour vector
    (r - (g + b) / 2, sqrt(3) / 2 (g - b)); its length is replaced by the root of its length,
    because edits change the saturation more than the hue. The last channel is the contrast: the
    root of the standard deviation of RGB among the 2 x 2 quarters of a cell. The fields are those
    of `Encoder`.
    """

    spec: str = "tones"
    size: int = 64
    shapes: tuple[Shape, ...] = ((4, CELLS, CELLS),)
    # Lower than that of the other encoders, because edits change fine colour. All cutoffs were
    # chosen by cross-validation.
    cutoffs: tuple[float, ...] = (10.0,)
    identity: str = "tones-1"

    def encode(self, images: Image) -> Latents:
        """Encode images, as `Encoder.encode` says."""
        luma, u, v, contrast = measure_tones(images)
        return flatten([luma, *root_of_colour(u, v), contrast])


def measure_tones(images: Image) -> tuple[Floats32, Floats32, Floats32, Floats32]:
    """Return the luma, both components of the colour vector, and the contrast of each cell.

    Args:
        images: uint8 RGB of shape (n, s, s, 3), where s is a multiple of `FINE`.

    Returns:
        Four arrays, float32 of shape (n, `CELLS`, `CELLS`); `TonesEncoder` says what they are.
    """
    fine = np.moveaxis(image_means(images, FINE), 3, 0)
    r, g, b = means = tuple(block_means(channel, CELLS) for channel in fine)
    luma = np.float32(0.299) * r + np.float32(0.587) * g + np.float32(0.114) * b
    u = r - np.float32(0.5) * (g + b)
    v = np.float32(3**0.5 / 2) * (g - b)
    variance = sum(_variance(each, mean) for each, mean in zip(fine, means, strict=True))
    contrast = np.sqrt(np.sqrt(variance))
    return luma, u, v, np.asarray(contrast, np.float32)


def root_of_colour(u: Floats32, v: Floats32) -> tuple[Floats32, Floats32]:
    """Return colour vectors, of any shape, with their length replaced by its root."""
    root = np.asarray(1 / np.sqrt(np.hypot(u, v) + np.float32(1e-8)), np.float32)
    return u * root, v * root


def _variance(fine: Floats32, means: Floats32) -> Floats32:
    """Return the variance (n, CELLS, CELLS) of values (n, FINE, FINE) inside each cell.

    The differences from the means (n, CELLS, CELLS) are squared. The mean of squares less the
    square of the mean would leave rounding noise in flat cells, which the roots would enlarge.
    """
    box = FINE // CELLS
    cells = fine.reshape(len(fine), CELLS, box, CELLS, box) - means[:, :, None, :, None]
    return block_means((cells * cells).reshape(fine.shape), CELLS)
