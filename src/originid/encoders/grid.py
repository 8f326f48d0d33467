"""Averages over the cells of a grid, which all encoders without a network share."""

from collections.abc import Sequence

import numpy as np

from originid.types import Floats32, Image, Latents

CELLS = 32  # cells on a side, as many as the latent of the paper's VAE has


def image_means(images: Image, cells: int) -> Floats32:
    """Average images over the cells of a grid.

    The sums are sums of integers, so they are exact. A cell may hold at most 257 pixels, because
    its sum has 16 bits and a pixel is at most 255.

    Args:
        images: uint8 RGB of shape (n, s, s, 3), where s is a multiple of ``cells``.
        cells: the number of cells on a side.

    Returns:
        The means, float32 in [0, 1] of shape (n, cells, cells, 3).
    """
    n, side = images.shape[:2]
    box = side // cells
    # Adding strided slices is three times as fast as a numpy sum over a short axis.
    rows = images.reshape(n, cells, box, side * 3)
    down = rows[:, :, 0].astype(np.uint16)
    for i in range(1, box):
        down += rows[:, :, i]
    columns = down.reshape(n, cells, cells, box, 3)
    total = columns[:, :, :, 0].copy()
    for i in range(1, box):
        total += columns[:, :, :, i]
    return total.astype(np.float32) * np.float32(1 / (255 * box * box))


def block_means(values: Floats32, cells: int) -> Floats32:
    """Average values over the cells of a grid.

    Args:
        values: float32 of shape (n, s, s), where s is a multiple of ``cells``.
        cells: the number of cells on a side.

    Returns:
        The means, float32 of shape (n, cells, cells).
    """
    n, side = values.shape[:2]
    box = side // cells
    blocks = values.reshape(n, cells, box, cells, box)
    total = np.zeros((n, cells, cells), np.float32)
    for i in range(box):
        for j in range(box):
            total += blocks[:, :, i, :, j]
    return total * np.float32(1 / (box * box))


def flatten(channels: Sequence[Floats32]) -> Latents:
    """Flatten channels into latents.

    Args:
        channels: c arrays, float32 of shape (n, h, w).

    Returns:
        The latents, float32 of shape (n, c * h * w).
    """
    stacked = np.stack(channels, axis=1)
    return stacked.reshape(len(stacked), -1)
