"""Edges: what stays when colours and tones change."""

from dataclasses import dataclass

import numpy as np

from originid.encoders.base import Shape
from originid.encoders.grid import CELLS, block_means, flatten, image_means
from originid.types import Floats32, Image, Latents

FINE = 64  # the grid on which gradients are taken: noise and texture are averaged away
LOCAL = 16  # the grid whose cells share one measure of contrast
FLOOR = 3e-4  # contrast below which edges fade: a difference of 2 % between neighbours


@dataclass(frozen=True)
class EdgesEncoder:
    """Strength and orientation of edges in colour and brightness on a 32 x 32 grid.

    From the structure tensor of RGB at 64 x 64 pixels (sums of gx gx, gy gy and gx gy over the
    colours; Di Zenzo 1986) come an edge's strength, of which the root is taken, relative to the
    contrast around it, and its orientation. The channels are the strength, and the strength times
    cos and sin of twice and of four times the angle. An edge from dark to light has the same
    orientation as one from light to dark, so inverted tones keep their latent.
    """

    spec: str = "edges"
    size: int = 64
    shapes: tuple[Shape, ...] = ((5, CELLS, CELLS),)
    cutoffs: tuple[float, ...] = (20.0,)
    identity: str = "edges-1"

    def encode(self, images: Image) -> Latents:
        """Encode as `Encoder.encode` says."""
        xx, yy, xy = _structure_tensor(image_means(images, FINE))
        energy = xx + yy
        local = block_means(energy, LOCAL) + np.float32(FLOOR)
        around = np.repeat(np.repeat(local, FINE // LOCAL, 1), FINE // LOCAL, 2)
        strength = np.sqrt(np.sqrt(energy / around))
        inverse = 1 / (energy + np.float32(1e-8))
        cos2, sin2 = (xx - yy) * inverse, 2 * xy * inverse
        cos4, sin4 = cos2 * cos2 - sin2 * sin2, 2 * cos2 * sin2
        turned = [strength * angle for angle in (cos2, sin2, cos4, sin4)]
        return flatten([block_means(channel, CELLS) for channel in (strength, *turned)])


def _structure_tensor(colours: Floats32) -> tuple[Floats32, Floats32, Floats32]:
    """Sums over the colours of gx gx, gy gy and gx gy, each (n, h, w), from (n, h, w, 3)."""
    planes = np.moveaxis(colours, 3, 1)
    padded = np.pad(planes, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    gx = padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]
    gy = padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]
    pairs = ((gx, gx), (gy, gy), (gx, gy))
    xx, yy, xy = (np.einsum("nchw,nchw->nhw", a, b) for a, b in pairs)
    return xx, yy, xy
