"""Finding the nearest vectors: one interface (`base`), and one file for each index."""

from originid.index.base import Fetch, Index, OpenIndex, Searcher
from originid.index.cache import CacheError
from originid.index.codec import VERSION, Codec, Codes
from originid.index.exact import ExactIndex
from originid.index.scan_index import ScanSettings
from originid.index.sign_index import SignIndex
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
    "SignIndex",
    "SignScan",
]
