"""The form in which a collection stores a vector, and the sign bits that an index scans.

**Rotation.** The components of a vector have very unequal variances, so one step size or one
threshold would not fit them all. A code therefore describes the rotated vector
``R x = H S2 H S1 x``, whose components are alike: ``S1`` and ``S2`` flip signs (component i where
bit i, least significant first, of ``shake_128(b"originid rotation 1")`` or ``2`` is set) and ``H``
is the orthonormal discrete Hartley transform. R needs no stored matrix and keeps every cosine.

**Code, version 1.** ``dim + ceil(dim / 2)`` bytes. The first ``dim`` are the upper 8 bits, signed,
of a 12-bit number per component; byte j of the rest holds the lower 4 bits of component j in its
lower half and those of component ``j + ceil(dim / 2)`` in its upper half (0 where there is none).
The number n stands for ``n + 1/2`` in a unit that makes the vector's length 1, so no scale is
stored. To read the rotated vector from a code, a uint8 array of shape (bytes,)::

    upper, rest = code[:dim].view(np.int8), code[dim:]
    y = 16.0 * upper + np.concatenate([rest & 15, rest >> 4])[:dim] + 0.5
    y /= np.linalg.norm(y)

12 bits, because the cosine's error (1.3e-5 at 1,413 dims, falling as 1 / sqrt(dim)) must stay
below the differences between near-duplicates: with 8 bits 1 % of 2,000 queries among a million
references, a third of them in series of near-duplicates, ranked a sibling first; with 10 bits
0.3 %; with 12 bits 0.1 %. Numbers never fall on 0, so the sign bits are the codes' top bits.

A code of which all numbers are 1023 or -1024 holds signs alone; see `originid.index.sign_codes`.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from originid.errors import InputError
from originid.index.hartley import hartley
from originid.index.sign_codes import (
    LENGTHENED,
    are_signs,
    cosine_of_signs,
    is_flat,
    sign_codes,
)
from originid.types import Scores, Vectors

VERSION = 1
HALF_RANGE = 2048  # 12-bit numbers lie in [-2048, 2047]
BLOCK = 16  # rows rotated at a time: so few stay in the processor's cache

Codes = NDArray[np.uint8]
"""Stored vectors: shape ``(n, bytes)``."""


@dataclass(frozen=True)
class Codec:
    """Turns vectors of ``dim`` components into codes, and reads codes."""

    dim: int

    def __post_init__(self) -> None:
        if self.dim < 1:
            raise InputError(f"dim {self.dim}", "expected at least 1", "give the model's dim")

    @property
    def size(self) -> int:
        """Bytes of a code."""
        return self.dim + self._half

    def encode(self, vectors: Vectors) -> Codes:
        """Encode vectors.

        Args:
            vectors: float16, float32 or float64 of shape (n, dim), finite. Of any length but 0:
                a code keeps the direction only.

        Returns:
            uint8 of shape (n, bytes). A row does not depend on the other rows.

        Raises:
            InputError: another shape or type, or a row that is not finite or all zero.
        """
        codes = np.zeros((len(vectors), self.size), np.uint8)
        for rows, rotated in self._rotated(vectors):
            steps = HALF_RANGE / np.abs(rotated).max(axis=1, keepdims=True)
            numbers = np.floor(rotated * steps).clip(-HALF_RANGE, HALF_RANGE - 1).astype(np.int16)
            codes[rows, : self.dim] = (numbers >> 4).astype(np.int8).view(np.uint8)
            lower = (numbers & 15).astype(np.uint8)
            codes[rows, self.dim :] = lower[:, : self._half]
            codes[rows, self.dim : self.size - self.dim % 2] |= lower[:, self._half :] << 4
        return codes

    def decode(self, codes: Codes) -> Vectors:
        """Vectors (n, dim), float32, as long as `units`, in the basis that they came in."""
        first, second = (signs.astype(np.float32) for signs in self._signs)
        out = self.units(codes)
        for start in range(0, len(out), BLOCK):
            rows = slice(start, start + BLOCK)
            out[rows] = first * hartley(second * hartley(out[rows]))
        return out

    def units(self, codes: Codes) -> Vectors:
        """Rotated vectors (n, dim), float32, of codes: of length 1, or of signs `LENGTHENED`.

        Their products are the cosines of the vectors that were encoded: a rotation keeps cosines.
        Between two of signs `cosines_between` gives them.
        """
        values = self._values(codes)
        values /= _lengths(values)[:, None]
        return values

    def cosines(self, codes: Codes, vectors: Vectors) -> Scores:
        """Cosines (q, n) of codes with vectors (q, dim) of unit length, by products of matrices.

        Faster than `scores` for many vectors; the last digits depend on what is asked together.
        """
        return np.asarray(self.rotate(vectors) @ self.units(codes).T, np.float32)

    def rotate(self, vectors: Vectors) -> Vectors:
        """Rotated vectors (n, dim), float32, of unit length; takes what `encode` takes."""
        out = np.empty((len(vectors), self.dim), np.float32)
        for rows, rotated in self._rotated(vectors):
            out[rows] = rotated / np.linalg.norm(rotated, axis=1, keepdims=True)
        return out

    def scores(self, codes: Codes, rotated: NDArray[np.float32]) -> Scores:
        """Cosines (n,) of codes with one rotated query (dim,) of unit length.

        A score does not depend on the other rows: einsum sums every row in the same order, which
        a matrix product does not.
        """
        values = self._values(codes)
        scores: Scores = np.einsum("ij,j->i", values, rotated) / _lengths(values)
        if is_flat(rotated):
            scores *= np.float32(LENGTHENED)
            signs = are_signs(values)
            scores[signs] = cosine_of_signs(scores[signs])
        return scores.clip(-1, 1)

    def rough_scores(self, codes: Codes, rotated: NDArray[np.float32]) -> Scores:
        """Cosines (n, q) of codes with rotated queries (q, dim), from the upper 8 bits alone.

        One matrix product: much faster than `scores` for several queries. For vectors of 64 or
        more dims whose components are alike, the difference to `scores` is below 0.01.
        """
        values = codes[:, : self.dim].view(np.int8).astype(np.float32)
        values += np.float32(0.5)
        lengths = np.sqrt(np.einsum("ij,ij->i", values, values))
        scores: Scores = values @ rotated.T / lengths[:, np.newaxis]
        scores[:, [is_flat(query) for query in rotated]] *= np.float32(LENGTHENED)
        return scores.clip(-1, 1)

    def bits(self, codes: Codes, count: int) -> NDArray[np.uint8]:
        """Signs of the first ``count`` components, packed 8 to a byte, first one lowest.

        A bit is 1 where the component is positive; the last byte is filled with 0.
        """
        return np.packbits(codes[:, : min(count, self.dim)] < 128, axis=1, bitorder="little")

    def of_bits(self, packed: NDArray[np.uint8]) -> Codes:
        """Codes (n, bytes) of vectors of which only what `bits` gives of all components is known.

        Args:
            packed: uint8 of shape (n, ceil(dim / 8)).
        """
        return sign_codes(packed, self.dim)

    @property
    def _half(self) -> int:
        return (self.dim + 1) // 2

    @cached_property
    def _signs(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return _random_signs(1, self.dim), _random_signs(2, self.dim)

    def _values(self, codes: Codes) -> NDArray[np.float32]:
        if not len(codes):  # no codes, as a database gives them, have no width
            return np.empty((0, self.dim), np.float32)
        rest, values = codes[:, self.dim :], np.empty((len(codes), self.dim), np.float32)
        values[:, : self._half] = rest & 15
        values[:, self._half :] = rest[:, : self.dim - self._half] >> 4
        values += np.float32(0.5)
        # Sixteenths instead of numbers: one pass less, and the length is divided out anyway.
        values *= np.float32(1 / 16)
        values += codes[:, : self.dim].view(np.int8)
        return values

    def _rotated(self, vectors: Vectors) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        checked = check_vectors(vectors, self.dim)
        first, second = self._signs
        for start in range(0, len(checked), BLOCK):
            # In double precision, so that the codes are the same on every platform.
            block = checked[start : start + BLOCK].astype(np.float64)
            block /= np.abs(block).max(axis=1, keepdims=True)
            yield slice(start, start + len(block)), hartley(second * hartley(first * block))


def check_vectors(vectors: Vectors, dim: int) -> Vectors:
    """The vectors, if they are floats of shape (n, dim), finite and nowhere all zero."""
    if not isinstance(vectors, np.ndarray) or vectors.dtype.kind != "f":
        kind = getattr(vectors, "dtype", type(vectors).__name__)
        raise InputError(f"vectors of type {kind}", "expected a float array", "use float32")
    if vectors.ndim != 2 or vectors.shape[1] != dim:
        raise InputError(
            f"vectors of shape {vectors.shape}",
            f"expected (n, {dim})",
            "use vectors of the model that made this collection",
        )
    for problem, bad in (
        ("not finite", ~np.isfinite(vectors).all(axis=1)),
        ("all zero", ~vectors.any(axis=1)),
    ):
        if bad.any():
            raise InputError(
                f"vector {int(np.argmax(bad))} of {len(vectors)} is {problem}",
                "expected finite vectors that have a direction",
                "leave it out; its image gave no usable vector",
            )
    return vectors


def _lengths(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """By what rows of numbers (n, dim) are divided: their lengths, for those of signs a part."""
    lengths: NDArray[np.float32] = np.sqrt(np.einsum("ij,ij->i", values, values))
    lengths[are_signs(values)] /= np.float32(LENGTHENED)
    return lengths


def _random_signs(number: int, count: int) -> NDArray[np.float64]:
    # A hash, not numpy's generator, whose stream may change between versions.
    name = f"originid rotation {number}".encode()
    stream = np.frombuffer(hashlib.shake_128(name).digest((count + 7) // 8), np.uint8)
    return 1.0 - 2.0 * np.unpackbits(stream, count=count, bitorder="little").astype(np.float64)
