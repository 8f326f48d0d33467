"""Local features: corners of an image that can be found again, each with a descriptor.

The network is XFeat (Potje, Cadar, Araujo, Martins and Nascimento, "XFeat: Accelerated Features
for Lightweight Image Matching", CVPR 2024) with the weights of its authors. Of each descriptor the
signs are kept: 8 bytes, and 2 for the place, so that features can be stored beside a reference.
"""

from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from originid.errors import InputError
from originid.images.reduced import decode_reduced
from originid.system.onnx_session import open_session
from originid.types import Floats32, Image, Mask

if TYPE_CHECKING:
    import onnxruntime

BITS = 64  # of a descriptor
CELL = 8  # pixels a side, of which the network tells one descriptor
_MULTIPLE = 32  # of pixels, which the network needs a side to be
_AROUND = 2  # pixels around a keypoint in which it is the strongest
_HEADER = 4  # bytes of packed features: width and height
_EACH = 2 + BITS // 8


@dataclass(frozen=True)
class FeatureSettings:
    """Which features are kept.

    Args:
        side: pixels of the longer side to which an image is reduced or enlarged.
        most: features of an image; the most reliable are kept.
        threshold: probability of a keypoint from which on it counts.
    """

    side: int = 320
    most: int = 512
    threshold: float = 0.05

    def __post_init__(self) -> None:
        if self.side < _MULTIPLE or self.most < 1 or not 0 <= self.threshold < 1:
            raise InputError(
                f"{self}", "expected side >= 32, most >= 1, 0 <= threshold < 1", "leave them out"
            )


DEFAULTS = FeatureSettings()


@dataclass(frozen=True)
class Features:
    """The local features of an image, the most reliable first.

    Args:
        points: x and y of each, uint8 (n, 2), in 256ths of the image's width and height.
        bits: the signs of the descriptors, uint8 (n, 8), a bit 1 where positive.
        width: of the image in pixels, at the size at which it was looked at.
        height: of the image in pixels.
    """

    points: NDArray[np.uint8]
    bits: NDArray[np.uint8]
    width: int
    height: int

    def __len__(self) -> int:
        return len(self.points)

    @property
    def places(self) -> NDArray[np.complex128]:
        """Where the features are in pixels: x + iy, (n,)."""
        x, y = (self.points.astype(np.float64) + 0.5).T / 256
        return np.asarray(x * self.width + 1j * y * self.height)

    @property
    def signs(self) -> Floats32:
        """The descriptors as -1 and 1, float32 (n, 64)."""
        return np.unpackbits(self.bits, axis=1).astype(np.float32) * 2 - 1

    def within(self, known: Mask) -> "Features":
        """Those that lie in some cells.

        Args:
            known: the cells of the image that count, (n, n).
        """
        column, row = (self.points.astype(np.int64) * len(known) // 256).T
        kept = known[row, column]
        return replace(self, points=self.points[kept], bits=self.bits[kept])

    def pack(self) -> bytes:
        """Width and height as little-endian uint16, then 10 bytes a feature: x, y, signs."""
        header = np.array([self.width, self.height], "<u2").tobytes()
        return header + np.hstack([self.points, self.bits]).tobytes()

    @classmethod
    def unpack(cls, data: bytes) -> "Features":
        """Read what `pack` gave.

        Raises:
            ValueError: bytes of another length, or an image without pixels.
        """
        if len(data) < _HEADER or (len(data) - _HEADER) % _EACH:
            raise ValueError(f"{len(data)} bytes are no features")
        width, height = np.frombuffer(data[:_HEADER], "<u2").tolist()
        if not width or not height:
            raise ValueError(f"features of an image of {width} x {height} pixels")
        rows = np.frombuffer(data[_HEADER:], np.uint8).reshape(-1, _EACH)
        return cls(rows[:, :2], rows[:, 2:], width, height)


def find_features(image: Image, settings: FeatureSettings = DEFAULTS) -> Features:
    """The local features of an image; 15 ms on one core.

    Args:
        image: uint8 RGB (h, w, 3).
        settings: see `FeatureSettings`.
    """
    grey = _resized(image, settings.side)
    outputs = _network().run(None, {"grey": grey[None, None]})
    descriptors, keypoints, reliability = (np.asarray(each[0]) for each in outputs)
    heat = _heat(keypoints)
    y, x = np.nonzero((heat > settings.threshold) & (heat == _local_maximum(heat, _AROUND)))
    height, width = heat.shape
    # Where the middle of a pixel lies on the grid of cells.
    row, column = ((at + 0.5) / CELL - 0.5 for at in (y, x))
    score = heat[y, x] * _interpolate(reliability, row, column)[:, 0]
    best = np.argsort(-score, kind="stable")[: settings.most]
    bits = np.packbits(_interpolate(descriptors, row[best], column[best]) > 0, axis=1)
    points = np.stack([256 * (x[best] + 0.5) / width, 256 * (y[best] + 0.5) / height], axis=1)
    return Features(points.astype(np.uint8), bits, width, height)


def features_of_file(
    data: bytes, width: int, height: int, settings: FeatureSettings = DEFAULTS
) -> Features:
    """The local features of an image file.

    Args:
        data: the bytes of the file.
        width: of the whole image, in pixels.
        height: of the whole image, in pixels.
        settings: see `FeatureSettings`.

    Raises:
        ImageError: the file cannot be decoded.
    """
    return find_features(decode_reduced(data, width, height, settings.side), settings)


@cache
def _network() -> "onnxruntime.InferenceSession":
    return open_session((files("originid") / "data" / "details" / "xfeat.onnx").read_bytes())


def _resized(image: Image, side: int) -> Floats32:
    """Mean of the colours, in [0, 255], the longer side as given, both multiples of 32."""
    height, width = image.shape[:2]
    scale = side / max(height, width)
    w, h = (max(1, round(scale * each / _MULTIPLE)) * _MULTIPLE for each in (width, height))
    resized = Pillow.fromarray(image).resize((w, h), Pillow.Resampling.BILINEAR)
    red, green, blue = np.moveaxis(np.asarray(resized, np.float32), 2, 0)
    # A sum of three planes is ten times as fast as numpy's mean over a short axis.
    return np.asarray((red + green + blue) / 3, np.float32)


def _heat(keypoints: Floats32) -> Floats32:
    """Probability of a keypoint at each pixel (h, w), of those in each cell (65, h/8, w/8).

    The last of a cell is the probability that it holds none.
    """
    _, rows, columns = keypoints.shape
    inside = keypoints[:-1].reshape(CELL, CELL, rows, columns)
    return np.asarray(inside.transpose(2, 0, 3, 1).reshape(rows * CELL, columns * CELL))


def _local_maximum(values: Floats32, around: int) -> Floats32:
    """The largest value within a square around each place, (h, w)."""
    for _ in range(2):  # rows, then columns
        padded = np.pad(values, ((around, around), (0, 0)), constant_values=-np.inf)
        shifts = (padded[shift : shift + len(values)] for shift in range(2 * around + 1))
        values = np.asarray(np.maximum.reduce(list(shifts)).T, np.float32)
    return values


def _interpolate(grid: Floats32, row: NDArray[np.float64], column: NDArray[np.float64]) -> Floats32:
    """Values (n, channels) of a grid (channels, h, w) between its places, bilinear."""
    _, height, width = grid.shape
    row, column = np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)
    top, left = np.floor(row).astype(int), np.floor(column).astype(int)
    down, right = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
    a, b = (row - top).astype(np.float32), (column - left).astype(np.float32)
    upper = grid[:, top, left] * (1 - b) + grid[:, top, right] * b
    lower = grid[:, down, left] * (1 - b) + grid[:, down, right] * b
    return np.asarray((upper * (1 - a) + lower * a).T)
