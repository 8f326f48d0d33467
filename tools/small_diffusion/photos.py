"""Photos with captions: what the small diffusion model learns from.

Half of the examples are photos as they are. The others are redrawn in a style that the caption
names, so that prompts have something to change that a model of 3 million parameters can learn.
"""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from PIL import ImageChops, ImageEnhance, ImageFilter, ImageOps

from originid.images.decode import decode, read_bytes
from originid.system.progress import Progress
from originid.system.storage import new_file
from originid.types import Image

SIZE = 128  # pixels a side


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
    if not kept.exists():
        images = np.empty((len(photos), SIZE, SIZE, 3), np.uint8)
        for place, photo in enumerate(photos):
            images[place] = decode(read_bytes(folder / photo.path), SIZE).image
            progress(place + 1, len(photos))
        with new_file(kept) as temporary, open(temporary, "wb") as file:
            np.save(file, images)
    return np.load(kept, mmap_mode="r")  # type: ignore[no-any-return]


def _black_and_white(image: Pillow.Image) -> Pillow.Image:
    return ImageOps.autocontrast(ImageOps.grayscale(image), cutoff=1).convert("RGB")


def _pencil(image: Pillow.Image) -> Pillow.Image:
    """Lines where a grey image is darker than its surroundings (colour dodge)."""
    grey = ImageOps.grayscale(image)
    around = np.asarray(grey.filter(ImageFilter.GaussianBlur(3)), np.float32)
    lines = np.clip(255 * (np.asarray(grey) + 8.0) / (around + 8), 0, 255) ** 2 / 255
    return Pillow.fromarray(lines.astype(np.uint8)).convert("RGB")


def _oil(image: Pillow.Image) -> Pillow.Image:
    strokes = ImageEnhance.Color(image).enhance(1.6).filter(ImageFilter.ModeFilter(7))
    return ImageEnhance.Contrast(strokes).enhance(1.2)


def _cartoon(image: Pillow.Image) -> Pillow.Image:
    smooth = image.filter(ImageFilter.MedianFilter(5))
    flat = ImageOps.posterize(ImageEnhance.Color(smooth).enhance(1.5), 3)
    edges = ImageOps.grayscale(smooth).filter(ImageFilter.FIND_EDGES)
    edges = ImageOps.expand(ImageOps.crop(edges, 1), 1)  # the filter leaves the border as it was
    return ImageChops.subtract(flat, ImageChops.add(edges, edges).convert("RGB"))


def _tinted(image: Pillow.Image, gain: tuple[float, float, float], gamma: float) -> Pillow.Image:
    values = (np.asarray(image, np.float32) / 255) ** gamma * np.asarray(gain, np.float32)
    return Pillow.fromarray((255 * np.clip(values, 0, 1)).astype(np.uint8))


def _night(image: Pillow.Image) -> Pillow.Image:
    return _tinted(image, (0.35, 0.45, 0.75), 1.5)


def _sunset(image: Pillow.Image) -> Pillow.Image:
    return _tinted(image, (1.15, 0.75, 0.45), 1.0)


def _fog(image: Pillow.Image) -> Pillow.Image:
    """Paler towards the top, where a scene is further away."""
    share = np.linspace(0.85, 0.35, image.height, dtype=np.float32)[:, None, None]
    values = np.asarray(image, np.float32)
    return Pillow.fromarray((values + share * (215 - values)).astype(np.uint8))


def _negative(image: Pillow.Image) -> Pillow.Image:
    return ImageOps.invert(image)


STYLES: dict[str, Callable[[Pillow.Image], Pillow.Image]] = {
    "a black and white photo of {}": _black_and_white,
    "a pencil drawing of {}": _pencil,
    "an oil painting of {}": _oil,
    "a cartoon of {}": _cartoon,
    "{} at night": _night,
    "{} at sunset": _sunset,
    "{} in the fog": _fog,
    "a negative of {}": _negative,
}
"""What a caption says, and what it does to an image."""


def styled(image: Image, style: str) -> Image:
    """An image (h, w, 3) in a style of ``STYLES``."""
    return np.asarray(STYLES[style](Pillow.fromarray(image)))


VARIANTS = 4


def variant(image: Image, caption: str, which: int, seed: int) -> tuple[Image, str]:
    """One of VARIANTS examples made of a photo: as it is, mirrored, and twice in some style."""
    chance = np.random.default_rng((seed, which))
    mirrored = which == 1 or (which == 3 and chance.random() < 0.5)
    image = np.ascontiguousarray(image[:, ::-1]) if mirrored else np.asarray(image)
    if which < 2:
        return image, caption
    style = list(STYLES)[chance.integers(len(STYLES))]
    return styled(image, style), style.format(caption or "something")
