"""Sign bits that follow what is stored of references, and are kept in a file that may be lost."""

from contextlib import suppress
from pathlib import Path

from originid.index import CacheError, SignScan
from originid.types import Ids, Json


class KeptSigns:
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

    @property
    def history(self) -> str:
        """What was added, as `Index.history`."""
        return self._scan.history

    @history.setter
    def history(self, text: str) -> None:
        self._scan.history = text

    @property
    def last_id(self) -> int:
        """The largest id that was ever added; -1 before the first."""
        return self._scan.last_id

    def __len__(self) -> int:
        return len(self._scan)

    def remove(self, ids: Ids) -> None:
        """Remove references; ids that are not here are ignored."""
        self._scan.remove(ids)

    def clear(self) -> None:
        """Forget all references."""
        self._scan.clear()

    def keep(self) -> None:
        """Write the signs to the file.

        Raises:
            OSError: the disk refuses.
        """
        self._scan.save(self._file, self._header)
