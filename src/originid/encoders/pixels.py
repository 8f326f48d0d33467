"""An encoder of pixels: the image in a very small size."""

from dataclasses import dataclass

import numpy as np

from originid.encoders.base import Shape
from originid.encoders.grid import CELLS, flatten, image_means
from originid.types import Image, Latents


@dataclass(frozen=True)
class PixelsEncoder:
    """The means of red, green and blue on a 32 x 32 grid, each in [-1, 1].

    The fields are those of `Encoder`.
    """

    spec: str = "pixels"
    size: int = 64
    shapes: tuple[Shape, ...] = ((3, CELLS, CELLS),)
    cutoffs: tuple[float, ...] = (20.0,)
    identity: str = "pixels-1"

    def encode(self, images: Image) -> Latents:
        """Encode images, as `Encoder.encode` says."""
        means = image_means(images, CELLS) * np.float32(2) - np.float32(1)
        return flatten(list(np.moveaxis(means, 3, 0)))
