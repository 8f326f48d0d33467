"""Codes that hold nothing but the signs of a vector, and the scores of such vectors.

Of a picture that somebody else keeps only the signs may be known. Its best estimate is the vector
that has 1 or -1 for each rotated component. The cosine of a vector with its own signs is not 1,
but sqrt(2 / pi) = 0.798, as rotated components are nearly normal. So vectors of signs count as
longer than 1, by the inverse of that: then a product with a whole vector is the cosine of both
pictures, up to an error of 0.76 / sqrt(dim), and whole vectors and signs can stand in one list.

The angle of two vectors, of which both are known by their signs, is that share of a half turn by
which their signs differ (Goemans and Williamson 1995). So their cosine is the sine of the product
of the lengthened vectors.

A whole vector never has a code of this kind: its largest number is 2047 or -2048.
"""

import numpy as np
from numpy.typing import NDArray

from originid.types import Floats32, Mask, Scores

UPPER, LOWER = (63, 192), (15, 0)  # of the numbers 1023 and -1024: bits 4 to 11, and bits 0 to 3
MAGNITUDE = 1023.5 / 16  # of every component, in the unit of `Codec`
LENGTHENED = float(np.sqrt(np.pi / 2))  # what the length of a vector of signs is
FEWEST = 16  # components; a rotation makes any vector of fewer flat
FLAT = 1.001  # times the root mean square, up to which no component of a vector of signs lies


def sign_codes(packed: NDArray[np.uint8], dim: int) -> NDArray[np.uint8]:
    """Codes of vectors of which only the signs are known.

    Args:
        packed: what `Codec.bits` gives of all components, (n, ceil(dim / 8)).
        dim: the number of components.

    Returns:
        Codes of version 1, uint8 of shape (n, dim + ceil(dim / 2)).
    """
    bits = np.unpackbits(packed, axis=1, count=dim, bitorder="little").astype(np.bool_)
    half = (dim + 1) // 2
    lower = np.where(bits, *LOWER).astype(np.uint8)
    rest = lower[:, :half].copy()
    rest[:, : dim - half] |= lower[:, half:] << 4
    return np.concatenate([np.where(bits, *UPPER).astype(np.uint8), rest], axis=1)


def are_signs(values: Floats32) -> Mask:
    """Which rows are vectors of signs, (n,).

    Args:
        values: the numbers of codes, in the unit of `Codec`, (n, dim).
    """
    # Few rows of others begin with such a number, so that they need not be read on.
    found: Mask = np.abs(values[:, 0]) == MAGNITUDE
    rows = np.flatnonzero(found)
    found[rows] = (np.abs(values[rows]) == MAGNITUDE).all(axis=1)
    return found


def is_flat(rotated: Floats32) -> bool:
    """Whether a rotated vector (dim,) of unit length was made of signs."""
    most = FLAT / np.sqrt(len(rotated))
    return len(rotated) >= FEWEST and float(np.abs(rotated).max()) <= most


def cosines_between(first: Floats32, second: Floats32) -> Scores:
    """Cosines (a, b) of what `Codec.units` gives, of shape (a, dim) and (b, dim)."""
    products = first @ second.T
    both = np.outer(_are_long(first), _are_long(second))
    return np.asarray(np.where(both, cosine_of_signs(products), products), np.float32)


def cosine_of_signs(products: Scores) -> Scores:
    """Cosines of vectors of which only the signs are known, from products of lengthened ones."""
    return np.sin(np.clip(products, -np.pi / 2, np.pi / 2))


def _are_long(units: Floats32) -> Mask:
    middle = (1 + LENGTHENED**2) / 2
    return np.asarray(np.einsum("ij,ij->i", units, units) > middle)
