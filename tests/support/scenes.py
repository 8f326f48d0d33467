"""Synthetic scenes: pictures that no other is like, small enough to index some hundred of them."""

from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from originid.types import Image


def scene(seed: int) -> Image:
    """A picture of 240 x 320 pixels without flat parts, like no other."""
    random = np.random.default_rng(seed)
    small = random.integers(0, 256, (9, 12, 3), np.uint8)
    smooth = np.asarray(Pillow.fromarray(small).resize((320, 240), Pillow.Resampling.BICUBIC))
    noise = random.integers(-12, 13, smooth.shape)
    return np.asarray(np.clip(smooth.astype(np.int16) + noise, 0, 255), np.uint8)


def write_scenes(folder: Path, count: int, first: int = 0) -> list[Path]:
    """Write scenes as JPEG files that are named by their seeds, in the order of the seeds."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{seed:03}.jpg" for seed in range(first, first + count)]
    for seed, path in enumerate(paths, first):
        Pillow.fromarray(scene(seed)).save(path, quality=92)
    return paths
