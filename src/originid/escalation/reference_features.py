"""The local features of references, read from their files when a second look needs them."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from originid.collection.database import Row
from originid.details.features import DEFAULTS, Features, find_features
from originid.errors import ImageError
from originid.images.decode import read_bytes
from originid.images.reduced import decode_reduced
from originid.system.parallel import available_cores

REMEMBERED = 2000  # references whose features stay in memory: 10 MB


class ReferenceFeatures:
    """Finds the local features of references, and remembers those that it found last.

    Thread-safe.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(available_cores(), "originid-features")
        self._found: OrderedDict[int, Features | None] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, rows: Sequence[Row]) -> list[Features | None]:
        """The features of references; None where the file is not at hand or cannot be read."""
        return list(self._pool.map(self._of_one, rows))

    def _of_one(self, row: Row) -> Features | None:
        with self._lock:
            if row.id in self._found:
                self._found.move_to_end(row.id)
                return self._found[row.id]
        found = _from_file(row)
        with self._lock:
            self._found[row.id] = found
            while len(self._found) > REMEMBERED:
                self._found.popitem(last=False)
        return found


def _from_file(row: Row) -> Features | None:
    try:
        data = read_bytes(row.location)
        return find_features(decode_reduced(data, row.width, row.height, DEFAULTS.side))
    except ImageError:
        return None
