"""Images of 64 x 64 pixels, by which frames and the information of a picture are judged."""

import numpy as np
from PIL import Image as Pillow

from originid.types import Image

SIDE = 64  # pixels


def thumbnails(images: Image) -> Image:
    """Return squashed images at `SIDE` x `SIDE` pixels.

    Args:
        images: uint8 RGB of shape (n, size, size, 3), of any size.

    Returns:
        uint8 of shape (n, `SIDE`, `SIDE`, 3). Where the size is a multiple of `SIDE`, a pixel is
        the mean of the pixels that it stands for.
    """
    size = images.shape[1]
    if size == SIDE:
        return images
    if size % SIDE:
        square, box = (SIDE, SIDE), Pillow.Resampling.BOX
        return np.stack([np.asarray(Pillow.fromarray(each).resize(square, box)) for each in images])
    step = size // SIDE
    means = images.reshape(len(images), SIDE, step, SIDE, step, 3).mean(axis=(2, 4))
    return np.asarray(means + 0.5).astype(np.uint8)
