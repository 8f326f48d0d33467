"""Components of queries in 4 bits, as planes of bits: products with signs are counted with them.

A component is rounded to the nearest of 16 odd multiples of a step, from -15 to 15. An odd number
is the sum of the powers 1, 2, 4 and 8, each with a sign; the signs of one power are a plane. So its
product with the signs of a reference is told by how many bits differ between these and each plane.
Rounding adds 1.4 % to what an estimate by signs errs anyhow.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from originid.types import Floats32, Scores

PLANES = 4
LARGEST = 2**PLANES - 1  # times the step
WORD = 8  # bytes that are compared at a time


@dataclass(frozen=True)
class Planes:
    """What `planes_of` makes of queries.

    Args:
        bits: uint8 of shape (q, PLANES, bytes); the first plane is that of 1.
        steps: of each query, float32 (q,).
        count: the number of components.
    """

    bits: NDArray[np.uint8]
    steps: Floats32
    count: int

    def products(self, query: int, differing: NDArray[np.int32]) -> Scores:
        """Products of a query with signs.

        Args:
            query: its number.
            differing: how many bits of each reference differ from each plane, (PLANES, n).

        Returns:
            float32 of shape (n,).
        """
        # In whole numbers, so that equal signs have equal products wherever they stand.
        less = (2 << np.arange(PLANES, dtype=np.int32)) @ differing
        products: Scores = self.steps[query] * (LARGEST * self.count - less).astype(np.float32)
        return products


def plane_size(count: int) -> int:
    """Bytes of a plane, and of the signs that are compared with it, of so many components."""
    return -(-count // (8 * WORD)) * WORD


def planes_of(components: Floats32) -> Planes:
    """The planes of queries, of which components (q, n) are given."""
    count, sizes = components.shape[1], np.abs(components)
    steps = sizes.max(axis=1, initial=0.0) / np.float32(LARGEST)
    divisors = np.where(steps > 0, steps, 1)[:, np.newaxis]
    levels = np.floor((components / divisors + LARGEST + 1) / 2).clip(0, LARGEST).astype(np.uint8)
    bits = np.zeros((len(components), PLANES, plane_size(count)), np.uint8)
    for plane in range(PLANES):
        packed = np.packbits((levels >> plane) & 1, axis=1, bitorder="little")
        bits[:, plane, : packed.shape[1]] = packed
    # So that the largest product that there can be is told without an error.
    odd = np.abs(2 * levels.astype(np.float32) - LARGEST).sum(axis=1)
    return Planes(bits, sizes.sum(axis=1) / np.maximum(odd, 1), count)
