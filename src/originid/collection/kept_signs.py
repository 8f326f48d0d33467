"""Sign bits that follow what is stored of references, and are kept in a file that may be lost."""

from contextlib import suppress
from pathlib import Path

from originid.index import CacheError, OfSigns, SignScan
from originid.types import Json


class KeptSigns(OfSigns):
    """What followers that scan sign bits share; what they add is up to them.

    Args:
        bits: of each reference.
        file: where they are kept; what cannot be used of it is passed over.
        header: what the bits are of, which the file must say too.
    """

    def __init__(self, bits: int, file: Path, header: Json) -> None:
        self._scan = SignScan(bits)
        self._file = file
        self._header = header
        with suppress(CacheError):
            self._scan.load(file, header)

    def keep(self) -> None:
        """Write the signs to the file.

        Raises:
            OSError: the disk refuses.
        """
        self._scan.save(self._file, self._header)
