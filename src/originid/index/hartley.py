"""The discrete Hartley transform: ``H[k] = sum_n x[n] (cos + sin)(2 pi k n / N) / sqrt(N)``.

A length that is prime, as that of the first packaged model is, is slow for any fast Fourier
transform. There the numbers 1 to N - 1 are the powers of one of them, so that with n and k written
as such powers the sum is a cyclic convolution (Rader 1968), and that is computed at a length of a
power of 2.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Float = TypeVar("Float", bound=np.floating[Any])
SHORT = 50  # a Fourier transform of such a length is fast even where it is prime


def hartley(rows: NDArray[Float]) -> NDArray[Float]:
    """The orthonormal discrete Hartley transform of each row (n, N); it is its own inverse.

    It is computed in the precision of the rows, where numpy's Fourier transform can do that.
    """
    prime = _prime(rows.shape[1])
    return _by_fourier(rows) if prime is None else _by_convolution(rows, prime)


def _by_fourier(rows: NDArray[Float]) -> NDArray[Float]:
    spectrum = np.fft.rfft(rows, axis=1, norm="ortho")
    out = np.empty_like(rows)
    length, known = rows.shape[1], spectrum.shape[1]
    out[:, :known] = spectrum.real - spectrum.imag
    # The spectrum of real numbers is conjugate symmetric: F[length - k] is conj(F[k]).
    mirrored = spectrum[:, 1 : length - known + 1]
    out[:, known:] = (mirrored.real + mirrored.imag)[:, ::-1]
    return out


def _by_convolution(rows: NDArray[Float], prime: "_Prime") -> NDArray[Float]:
    spectrum = np.fft.rfft(rows.take(prime.taken, axis=1), prime.padded, axis=1)
    spectrum *= prime.kernel
    sums = np.fft.irfft(spectrum, prime.padded, axis=1)
    sums[:, 0] = rows[:, 1:].sum(axis=1)
    out = sums.take(prime.given, axis=1)
    out += rows[:, :1]
    out *= 1 / np.sqrt(rows.shape[1])
    return out.astype(rows.dtype, copy=False)


@dataclass(frozen=True)
class _Prime:
    """What the transform of a prime length needs: made once, of some hundred kB.

    Args:
        taken: the places of a row in the order of the powers, (N - 1,).
        given: where the components of the result lie in the convolution, (N,).
        kernel: the spectrum of what a row is convolved with.
        padded: the length of the convolution.
    """

    taken: NDArray[np.intp]
    given: NDArray[np.intp]
    kernel: NDArray[np.complex128]
    padded: int


@lru_cache
def _prime(length: int) -> _Prime | None:
    """What a prime length needs; None for other lengths and short ones."""
    if length < SHORT or any(length % i == 0 for i in range(2, int(length**0.5) + 1)):
        return None
    powers, count = _powers(length), length - 1
    angles = 2 * np.pi * powers / length
    # Twice, so that a part of the plain convolution is the cyclic one.
    waves = np.tile(np.cos(angles) + np.sin(angles), 2)
    padded = 1 << (2 * count - 1).bit_length()
    given = np.zeros(length, np.intp)
    given[powers] = np.arange(count) + count - 1
    return _Prime(powers[::-1].copy(), given, np.fft.rfft(waves, padded), padded)


def _powers(prime: int) -> NDArray[np.intp]:
    """The numbers from 1 to below a prime, as the powers of the smallest of which all are."""
    for root in range(2, prime):
        powers = [1]
        while (following := powers[-1] * root % prime) != 1:
            powers.append(following)
        if len(powers) == prime - 1:
            break
    return np.array(powers, np.intp)
