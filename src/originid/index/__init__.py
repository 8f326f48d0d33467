"""Finding the nearest vectors: one interface, one file per index."""

from originid.index.base import Fetch, Index
from originid.index.cache import CacheError
from originid.index.codec import VERSION, Codec, Codes
from originid.index.exact import ExactIndex, ScanSettings

__all__ = [
    "VERSION",
    "CacheError",
    "Codec",
    "Codes",
    "ExactIndex",
    "Fetch",
    "Index",
    "ScanSettings",
]
