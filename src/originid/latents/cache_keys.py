"""Finds the number of a row of the cache by its key, a SHA-256 of 32 bytes."""

import numpy as np
from numpy.typing import NDArray

KEY = 32  # bytes of a SHA-256
# So many keys are held in a dict, where each takes 200 bytes and adding one is cheap. Then they
# move to sorted arrays, where each takes 40 bytes and adding some copies the arrays.
RECENT = 65_536


class Keys:
    """Row numbers by key. One thread may add keys while other threads find them."""

    def __init__(self) -> None:
        self._recent: dict[bytes, int] = {}
        self._sorted = (np.zeros(0, f"S{KEY}"), np.zeros(0, np.int64))

    def find(self, key: bytes) -> int | None:
        """Return the number of the row of a key, or None if there is none.

        Args:
            key: a SHA-256, 32 bytes.
        """
        row = self._recent.get(key)
        if row is not None:
            return row
        keys, rows = self._sorted
        place = int(np.searchsorted(keys, np.array(key, keys.dtype)))
        # numpy drops zeros at the end of a single bytes value, so a slice of one is compared.
        return int(rows[place]) if keys[place : place + 1].tobytes() == key else None

    def add(self, keys: NDArray[np.bytes_], first: int) -> None:
        """Add the keys of consecutive rows.

        Args:
            keys: the keys, dtype ``S32`` of shape (k,).
            first: the number of the row of the first key.
        """
        data = keys.tobytes()
        for number in range(len(keys)):
            self._recent[data[number * KEY : (number + 1) * KEY]] = first + number
        if len(self._recent) >= RECENT:
            start = first + len(keys) - len(self._recent)
            self.merge(np.array(list(self._recent), f"S{KEY}"), start)
            self._recent = {}  # only now, as another thread may look for a key all the time

    def merge(self, keys: NDArray[np.bytes_], first: int) -> None:
        """Sort the keys of consecutive rows into the arrays.

        Of equal keys the one that was added first is found.

        Args:
            keys: the keys, dtype ``S32`` of shape (k,).
            first: the number of the row of the first key.
        """
        order = np.argsort(keys, kind="stable")
        known, rows = self._sorted
        places = np.searchsorted(known, keys[order], side="right")
        self._sorted = np.insert(known, places, keys[order]), np.insert(rows, places, first + order)
