"""The local features of references: those that are stored, and otherwise those of their files."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Executor
from itertools import islice

from originid.collection.row import Row
from originid.collection.store import Store
from originid.details.features import Features, features_of_file
from originid.errors import ImageError
from originid.images.decode import read_bytes

REMEMBERED = 2000  # references whose features stay in memory once their files were read: 10 MB


class ReferenceFeatures:
    """Finds the local features of references, and remembers those that it read last.

    Thread-safe.

    Args:
        database: of the collection.
        pool: of threads that read files and look at them.
    """

    def __init__(self, database: Store, pool: Executor) -> None:
        self._database = database
        self._pool = pool
        self._read: OrderedDict[int, Features | None] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, rows: Sequence[Row], files: int) -> list[Features | None]:
        """The features of references.

        Args:
            rows: the references, the most important first.
            files: how many of them may be read from their files at most.

        Returns:
            The features of each, or None where they are not stored, and the file was not read, may
            not be read, is not at hand, or holds no image.
        """
        stored = self._database.details([row.id for row in rows])
        missing = list({row.id: row for row in rows if row.id not in stored}.values())
        missing = list(islice((e for e in missing if self._database.trusts(e.location)), files))
        read = dict(
            zip([row.id for row in missing], self._pool.map(self._one, missing), strict=True)
        )
        return [stored.get(row.id) or read.get(row.id) for row in rows]

    def _one(self, row: Row) -> Features | None:
        with self._lock:
            if row.id in self._read:
                self._read.move_to_end(row.id)
                return self._read[row.id]
        found = _from_file(row)
        with self._lock:
            self._read[row.id] = found
            while len(self._read) > REMEMBERED:
                self._read.popitem(last=False)
        return found


def _from_file(row: Row) -> Features | None:
    # The row may come from somebody else.
    if not all(isinstance(side, int) and side > 0 for side in (row.width, row.height)):
        return None
    try:
        return features_of_file(read_bytes(row.location), row.width, row.height)
    except ImageError:
        return None
