"""Which row is whose: from keys of 32 bytes to numbers."""

import numpy as np
from numpy.typing import NDArray

KEY = 32  # bytes of a SHA-256
RECENT = 65_536  # keys in a dict, 200 bytes each, before they move to arrays, 40 bytes each


class Keys:
    """Row numbers by key; one thread may add while others find."""

    def __init__(self) -> None:
        self._recent: dict[bytes, int] = {}
        self._sorted = (np.zeros(0, f"S{KEY}"), np.zeros(0, np.int64))

    def find(self, key: bytes) -> int | None:
        """The number of a key's row, or None."""
        row = self._recent.get(key)
        if row is not None:
            return row
        keys, rows = self._sorted
        place = int(np.searchsorted(keys, np.array(key, keys.dtype)))
        # A scalar of this type would lose its trailing zeros.
        return int(rows[place]) if keys[place : place + 1].tobytes() == key else None

    def add(self, keys: NDArray[np.bytes_], first: int) -> None:
        """Add keys of consecutive rows."""
        data = keys.tobytes()
        for number in range(len(keys)):
            self._recent[data[number * KEY : (number + 1) * KEY]] = first + number
        if len(self._recent) >= RECENT:
            start = first + len(keys) - len(self._recent)
            self.merge(np.array(list(self._recent), f"S{KEY}"), start)
            self._recent = {}  # after they can be found elsewhere

    def merge(self, keys: NDArray[np.bytes_], first: int) -> None:
        """Sort keys of consecutive rows in; of equal ones the first added is found."""
        order = np.argsort(keys, kind="stable")
        known, rows = self._sorted
        places = np.searchsorted(known, keys[order], side="right")
        self._sorted = np.insert(known, places, keys[order]), np.insert(rows, places, first + order)
