"""Perceptual hashes as encoders: each bit of a hash is a component of the latent."""

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image as PILImage

from originid.encoders.base import Shape
from originid.encoders.public.presets import Baseline
from originid.errors import ExtraError, InputError
from originid.types import Image, Latents

try:
    import imagehash
    import pdqhash
except ImportError as error:
    raise ExtraError("a perceptual hash", "baselines") from error

VERSION = 1


@dataclass(frozen=True)
class HashEncoder:
    """An encoder whose latent is the bits of a perceptual hash: +1 for a 1, and -1 for a 0.

    The cosine of two latents is 1 - 2 d / bits, where d is the Hamming distance of the hashes.
    ``hash`` is the name of the hash, ``phash`` or ``pdq``; the other fields are those of `Encoder`.
    """

    spec: str
    size: int
    shapes: tuple[Shape, ...]
    cutoffs: tuple[float, ...]
    identity: str
    hash: str

    @classmethod
    def open(cls, baseline: Baseline, source: str) -> "HashEncoder":
        """Make the encoder of a hash.

        Args:
            baseline: the description of the hash.
            source: must be empty, because a hash has no weights.

        Raises:
            InputError: if a source is given.
        """
        spec = f"baseline:{baseline.name}"
        if source:
            raise InputError(
                f"encoder {spec}:{source}",
                "expected a hash without a source",
                f"write just {spec}",
            )
        shapes = ((baseline.dim, 1, 1),)
        identity = f"{baseline.name}-{VERSION}:{baseline.size}"
        return cls(spec, baseline.size, shapes, (math.inf,), identity, baseline.name)

    def encode(self, images: Image) -> Latents:
        """Encode images, as `Encoder.encode` says."""
        function = _phash if self.hash == "phash" else _pdq
        bits = np.stack([function(image) for image in images])
        return np.where(bits, np.float32(1), np.float32(-1))


def _phash(image: Image) -> Image:
    return np.asarray(imagehash.phash(PILImage.fromarray(image)).hash.ravel(), np.uint8)


def _pdq(image: Image) -> Image:
    return np.asarray(pdqhash.compute(np.ascontiguousarray(image))[0], np.uint8)
