"""What the student looks at: whole images, and crops of them."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from originid.images.decode import decode, read_bytes
from originid.latents.sources import Source
from originid.types import Image

SMALLEST = 0.5  # the smallest side of a crop, as a share of the image's
Box = tuple[float, float, float, float]
"""The left, top, right and bottom edge of a crop, in shares of the image's sides."""


@dataclass(frozen=True)
class View:
    """An image file, or a crop of it, scaled to a square.

    Args:
        path: The path of the image file.
        box: The crop, in shares of the image's sides; None is the whole image.
    """

    path: Path
    box: Box | None = None

    def read(self, size: int) -> Image:
        """Read the view as a square image, uint8 of shape (size, size, 3).

        Args:
            size: The side of the square, in pixels.

        Raises:
            ImageError: The file is not a usable image.
        """
        if self.box is None:
            return decode(read_bytes(self.path), size).image
        # The image is decoded at twice the size, so that the smallest crop needs no enlarging.
        whole = decode(read_bytes(self.path), round(size / SMALLEST)).image
        side = len(whole)
        box = (self.box[0] * side, self.box[1] * side, self.box[2] * side, self.box[3] * side)
        cropped = Pillow.fromarray(whole).resize((size, size), Pillow.Resampling.BILINEAR, box)
        return np.asarray(cropped)

    def source(self, size: int) -> Source:
        """Return what the encoding pipeline reads: the file, or the crop as a lossless BMP file.

        Args:
            size: The side of the square, in pixels.
        """
        if self.box is None:
            return Source(str(self.path))
        file = io.BytesIO()
        Pillow.fromarray(self.read(size)).save(file, "BMP")
        return Source(f"{self.path}#{self.box}", file.getvalue())


def draw_crops(paths: Sequence[Path], crops: int, seed: int) -> Iterator[View]:
    """Yield random crops of each image, which are the same for the same seed.

    Args:
        paths: The paths of the image files.
        crops: The number of crops of each image.
        seed: The seed of the crops.
    """
    for number, path in enumerate(paths):
        rng = np.random.default_rng([seed, number])
        for _ in range(crops):
            side = rng.uniform(SMALLEST, 1)
            left, top = rng.uniform(0, 1 - side, 2).tolist()
            yield View(path, (left, top, left + side, top + side))
