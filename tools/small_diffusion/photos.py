"""Photos with captions: what the small diffusion model learns from.

Each photo is seen in a few views, and each view as it is and in styles that a caption can ask for.
"""

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import interpolate

from originid.images.decode import decode, read_bytes
from originid.system.parallel import map_ordered
from originid.system.progress import Progress
from originid.system.storage import new_file
from originid.types import Image

SIZE = 256  # pixels a side
SMALLEST = 0.6  # side of a view, of the photo's


@dataclass(frozen=True)
class Photo:
    """A photo's path, relative to the folder of its manifest, and its caption, which may be ""."""

    path: str
    caption: str


def read_manifest(folder: Path) -> list[Photo]:
    """Photos of FOLDER/manifest.csv, by its columns ``path`` and ``caption``, in its order."""
    with open(folder / "manifest.csv", encoding="utf-8", newline="") as file:
        return [Photo(row["path"], row["caption"]) for row in csv.DictReader(file)]


def squashed(folder: Path, photos: Sequence[Photo], kept: Path, progress: Progress) -> Image:
    """All photos as uint8 (n, SIZE, SIZE, 3), from the file ``kept``, which is made if absent.

    Raises:
        ImageError: a photo cannot be read.
    """

    def read(photo: Photo) -> Image:
        return decode(read_bytes(folder / photo.path), SIZE).image

    if not kept.exists():
        images = np.empty((len(photos), SIZE, SIZE, 3), np.uint8)
        for place, image in enumerate(map_ordered(read, photos, os.cpu_count() or 1)):
            images[place] = image
            progress(place + 1, len(photos))
        with new_file(kept) as temporary, open(temporary, "wb") as file:
            np.save(file, images)
    return np.load(kept, mmap_mode="c")  # type: ignore[no-any-return]


def shares(images: Any) -> Any:
    """uint8 (n, h, w, 3) to float32 (n, 3, h, w) in 0 to 1."""
    return images.permute(0, 3, 1, 2).to(torch.float32).div(255)


def view(images: Any, which: int) -> Any:
    """The photos as they are (0), mirrored (1), or one random part of them, at the same size.

    Args:
        images: float (n, 3, h, w).
        which: 0, 1 or more; by torch's generator from 2 on.
    """
    if which < 2:
        return images.flip(3) if which else images
    height, width = images.shape[2:]
    side = SMALLEST + (1 - SMALLEST) * torch.rand(()).item()
    top, left = (int((1 - side) * full * torch.rand(()).item()) for full in (height, width))
    part = images[:, :, top : top + int(side * height), left : left + int(side * width)]
    part = part.flip(3) if which % 2 else part
    return interpolate(part, (height, width), mode="bicubic").clamp(0, 1)
