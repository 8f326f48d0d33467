"""Finding the nearest vectors: one interface (`base`), and one file for each index."""

from originid.index.base import Fetch, Index, OpenIndex, Searcher
from originid.index.cache import CacheError
from originid.index.codec import VERSION, Codec, Codes
from originid.index.exact import ExactIndex, ScanSettings
from originid.index.signs import OfSigns, SignScan

__all__ = [
    "VERSION",
    "CacheError",
    "Codec",
    "Codes",
    "ExactIndex",
    "Fetch",
    "Index",
    "OfSigns",
    "OpenIndex",
    "ScanSettings",
    "Searcher",
    "SignScan",
]
