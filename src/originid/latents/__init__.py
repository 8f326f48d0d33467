"""From image files to latents, with a cache on disk so that no image is encoded twice."""

from originid.latents.cache import LatentCache
from originid.latents.cached import FileLatent, encode_cached, encode_paths

__all__ = ["FileLatent", "LatentCache", "encode_cached", "encode_paths"]
