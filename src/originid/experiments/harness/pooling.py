"""Latents of half the height and half the width, on which deep maps can be trained on a CPU."""

from dataclasses import replace

import numpy as np

from originid.encoders import Encoder, latent_dim
from originid.evaluation.encoded_pairs import EncodedPairs
from originid.latents.stores import ChangedStore
from originid.types import Image, Latents


class PooledEncoder:
    """An encoder whose latents have half the height and half the width of another encoder's.

    A layer that is as wide as the latent then has a sixteenth of the weights.

    Args:
        encoder: the other encoder. Height and width of all its blocks are even.
    """

    def __init__(self, encoder: Encoder) -> None:
        self.spec, self.size = encoder.spec, encoder.size
        self.identity = f"pooled:{encoder.identity}"
        self.shapes = tuple((c, h // 2, w // 2) for c, h, w in encoder.shapes)
        self.cutoffs = tuple(min(cut, h) for cut, (_, h, _) in zip(
            encoder.cutoffs, self.shapes, strict=True))  # fmt: skip
        self._encoder = encoder

    def encode(self, images: Image) -> Latents:
        """Encode images, uint8 (n, size, size, 3), as `Encoder.encode` says."""
        return self.pool(self._encoder.encode(images))

    def pool(self, latents: Latents) -> Latents:
        """Replace each 2 x 2 positions of each block by their mean.

        Args:
            latents: latents of the other encoder, float32 (n, latent_dim).

        Returns:
            float32 (n, latent_dim / 4).
        """
        parts, start = [], 0
        for c, h, w in self._encoder.shapes:
            stop = start + c * h * w
            block = latents[:, start:stop].reshape(-1, c, h // 2, 2, w // 2, 2)
            parts.append(block.mean(axis=(3, 5)).reshape(len(latents), c * h * w // 4))
            start = stop
        return np.ascontiguousarray(np.concatenate(parts, axis=1), np.float32)


def pool(encoder: Encoder, encoded: EncodedPairs) -> tuple[Encoder, EncodedPairs]:
    """Return the pooled encoder, and the pairs with the latents that it would make.

    Args:
        encoder: the encoder that made the latents.
        encoded: pairs, references and their latents. They are pooled as they are read, so that no
            second copy of all latents is held.
    """
    small = PooledEncoder(encoder)
    attacked = {path: small.pool(row[None])[0] for path, row in encoded.attacked.items()}
    store = ChangedStore(encoded.store, small.pool, latent_dim(small.shapes))
    return small, replace(encoded, store=store, attacked=attacked)
