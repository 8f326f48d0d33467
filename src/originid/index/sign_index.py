"""The index of a compact collection, of which nothing but the signs of most vectors is stored."""

from pathlib import Path

from originid.index.codec import Codes
from originid.index.scan_index import ScanIndex
from originid.index.signs import SignScan
from originid.types import Floats32, Ids, Json

LISTED = 4  # times as many as are scored at least: an estimate rounds the query to 4 bits


class SignIndex(ScanIndex):
    """Finds the nearest references by their signs, all that is known of them; implements `Index`.

    It has no second stage: what is scored at last is what was scanned, with the whole query.
    """

    def _new_scan(self, folder: Path | None) -> SignScan:
        return SignScan(self.codec.dim, self.settings.part)

    def _add(self, ids: Ids, codes: Codes) -> None:
        self._scan.add(ids, self.codec.bits(codes, self.codec.dim))

    def _best(self, rotated: Floats32, k: int, least: int) -> list[Ids]:
        count = min(LISTED * least, len(self._scan))
        return [line[line >= 0] for line in self._scan.search(rotated, count)[1]]

    def _header(self) -> Json:
        return super()._header() | {"signs": True}
