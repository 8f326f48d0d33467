"""Latents on disk, so that no image is encoded twice."""

from originid.latent_cache.encode import FileLatent, encode_cached, encode_paths
from originid.latent_cache.store import LatentCache

__all__ = ["FileLatent", "LatentCache", "encode_cached", "encode_paths"]
