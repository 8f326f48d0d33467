"""Edges: what stays when colours and tones change."""

from dataclasses import dataclass

import numpy as np

from originid.encoders.base import Shape
from originid.encoders.pixels import GRID, box_means
from originid.types import Image, Latents

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


@dataclass(frozen=True)
class EdgesEncoder:
    """Strength and orientation of brightness edges on a 32 x 32 grid.

    With g the gradient of the luma at 128 x 128 pixels and t its angle, the channels are the
    box means of sqrt|g|, sqrt|g| cos 2t and sqrt|g| sin 2t. Doubling the angle makes an edge
    from dark to light the same as one from light to dark, so inverted tones keep their latent;
    the root keeps strong edges from outshouting the others.
    """

    spec: str = "edges"
    size: int = 256
    shapes: tuple[Shape, ...] = ((3, GRID, GRID),)
    identity: str = "edges-1"

    def encode(self, images: Image) -> Latents:
        n, size = len(images), self.size // 2
        luma = images.astype(np.float32) @ LUMA
        luma = luma.reshape(n, size, 2, size, 2).mean(axis=(2, 4))
        gx, gy = np.zeros_like(luma), np.zeros_like(luma)
        gx[:, :, 1:-1] = luma[:, :, 2:] - luma[:, :, :-2]
        gy[:, 1:-1, :] = luma[:, 2:, :] - luma[:, :-2, :]
        squared = gx * gx + gy * gy + np.float32(1e-6)
        root = squared**0.25
        scale = root / squared
        channels = np.stack([root, scale * (gx * gx - gy * gy), scale * 2 * gx * gy], axis=-1)
        return box_means(channels)
