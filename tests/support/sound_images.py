"""One small picture in every format, and how far apart two images are."""

import numpy as np

from image_files import (
    encoded,
    natural,
)
from originid.types import Image

UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a),
}


SMALL = natural(24, 36)


SOUND = {
    "JPEG": encoded(SMALL, "JPEG", quality=95),
    "progressive JPEG": encoded(SMALL, "JPEG", quality=95, progressive=True),
    "PNG": encoded(SMALL, "PNG"),
    "WebP": encoded(SMALL, "WEBP"),
    "lossless WebP": encoded(SMALL, "WEBP", lossless=True),
    "GIF": encoded(SMALL, "GIF"),
    "BMP": encoded(SMALL, "BMP"),
    "TIFF": encoded(SMALL, "TIFF"),
    "LZW TIFF": encoded(SMALL, "TIFF", compression="tiff_lzw"),
    "AVIF": encoded(SMALL, "AVIF"),
}


def distance(one: Image, other: Image) -> float:
    """Mean absolute difference in grey levels."""
    return float(np.abs(one.astype(float) - other.astype(float)).mean())


def correlation_of_gradients(one: Image, other: Image) -> float:
    """Correlation of the gradient magnitudes of two grey images."""
    dy, dx = np.gradient([one.astype(float).mean(2), other.astype(float).mean(2)], axis=(1, 2))
    return float(np.corrcoef(np.hypot(dy, dx).reshape(2, -1))[0, 1])
