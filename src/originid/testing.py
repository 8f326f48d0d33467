"""Small encoders, indexes and images for tests, of this project and of yours.

Their results are exact and can be worked out in the head.
"""

import math
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from originid.encoders.base import Shape
from originid.errors import InputError
from originid.index import Codec, Codes, Fetch
from originid.index.base import check_added, refuse_known
from originid.types import Floats64, Ids, Image, Latents, Scores, Vectors


@dataclass(frozen=True)
class QuadrantEncoder:
    """An encoder whose latent is the mean colour of each quadrant of an image, in [0, 255].

    A latent has 12 numbers: the four means of red, then those of green, then those of blue. The
    four are those of the top left, top right, bottom left and bottom right quadrant. The fields
    are those of `Encoder`.
    """

    spec: str = "quadrants"
    size: int = 8
    shapes: tuple[Shape, ...] = ((3, 2, 2),)
    cutoffs: tuple[float, ...] = (math.inf,)
    identity: str = "quadrants-1"

    def encode(self, images: Image) -> Latents:
        """Encode images, as `Encoder.encode` says; their sides must be even."""
        half = images.shape[1] // 2
        cells = images.reshape(len(images), 2, half, 2, half, 3).mean(axis=(2, 4))
        return np.asarray(cells.transpose(0, 3, 1, 2).reshape(len(images), 12), np.float32)


class PlainIndex:
    """A deliberately plain `Index`: it compares a query with every stored vector, one by one.

    It keeps nothing on disk. It shows what an index must do, and stands in for one in tests.
    """

    def __init__(self, dim: int, fetch: Fetch) -> None:
        """Make an empty index for vectors of ``dim`` components."""
        self.last_id = -1
        self._codec, self._fetch = Codec(dim), fetch
        self._ids: set[int] = set()
        self.history = ""

    @classmethod
    def open(cls, folder: Path, dim: int, fetch: Fetch) -> "PlainIndex":
        """Open it as `OpenIndex` says; it is empty, as nothing is kept."""
        return cls(dim, fetch)

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, ids: Ids, codes: Codes) -> None:
        """Add references, as `Index.add`."""
        check_added(ids, codes, self._codec.size)
        refuse_known(np.array([key for key in ids.tolist() if key in self._ids], np.int64))
        self._ids |= set(ids.tolist())
        self.last_id = max(self.last_id, *ids.tolist(), -1)

    def remove(self, ids: Ids) -> None:
        """Remove references, as `Index.remove`."""
        self._ids -= set(ids.tolist())

    def search(self, queries: Vectors, k: int) -> tuple[Scores, Ids]:
        """Return the best k references of each query, as `Index.search`."""
        if k < 1:
            raise InputError(f"k = {k}", "expected at least 1", "ask for 1 match or more")
        rotated = self._codec.rotate(queries)
        scores = np.full((len(rotated), k), -np.inf, np.float32)
        found = np.full((len(rotated), k), -1, np.int64)
        ids, codes = self._fetch(np.array(sorted(self._ids), np.int64))
        for row, query in enumerate(rotated if len(ids) else ()):
            cosines = self._codec.scores(codes, query)
            best = np.lexsort((ids, -cosines))[:k]
            scores[row, : len(best)], found[row, : len(best)] = cosines[best], ids[best]
        return scores, found

    def clear(self) -> None:
        """Forget all references, as `Index.clear`."""
        self._ids, self.last_id, self.history = set(), -1, ""

    def keep(self) -> None:
        """Keep nothing: it is quick to make again."""


def flat_image(colour: tuple[int, int, int], size: int = 8) -> Image:
    """Make an image of one colour.

    Args:
        colour: red, green and blue, each in [0, 255].
        size: the side of the image in pixels.

    Returns:
        A uint8 image of shape (size, size, 3).
    """
    return np.broadcast_to(np.array(colour, np.uint8), (size, size, 3)).copy()


def textured_image(seed: int, height: int = 64, width: int = 64) -> Image:
    """Make an image of smooth random blobs of colour.

    Args:
        seed: the seed of the random numbers; every seed gives a different image.
        height: the height in pixels.
        width: the width in pixels.

    Returns:
        A uint8 image of shape (height, width, 3).
    """
    rng = np.random.default_rng(seed)
    small = rng.uniform(0, 255, (6, 6, 3))
    # Below 5, so that every pixel has a right and a lower neighbour on the 6 x 6 grid.
    rows = np.linspace(0, 4.999, height)
    columns = np.linspace(0, 4.999, width)
    return _bilinear(small, rows, columns).astype(np.uint8)


def write_photos(folder: str | os.PathLike[str], count: int, first: int = 0) -> list[Path]:
    """Write `textured_image`s as PNG files into a folder, which is made if it is missing.

    Args:
        folder: where the files go.
        count: number of files.
        first: seed of the first image; the others follow. The names are the seeds.

    Returns:
        The paths of the files, in the order of the seeds.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    paths = [target / f"{seed:04}.png" for seed in range(first, first + count)]
    for seed, path in enumerate(paths, start=first):
        Pillow.fromarray(textured_image(seed)).save(path)
    return paths


def _bilinear(grid: Floats64, rows: Floats64, columns: Floats64) -> Floats64:
    """Sample a grid (g, g, 3) at rows (h,) and columns (w,): colours of shape (h, w, 3)."""
    r, c = rows.astype(int), columns.astype(int)
    fr, fc = (rows - r)[:, None, None], (columns - c)[None, :, None]
    top = grid[r][:, c] * (1 - fc) + grid[r][:, c + 1] * fc
    bottom = grid[r + 1][:, c] * (1 - fc) + grid[r + 1][:, c + 1] * fc
    return np.asarray(top * (1 - fr) + bottom * fr)
