"""The Hartley transform: as its definition says, at lengths that are prime and others."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from originid.index.hartley import SHORT, hartley

PRIMES = (53, 59, 97, 211, 1999)


def slow_hartley(length: int) -> NDArray[np.float64]:
    """The transform as a matrix."""
    angles = np.outer(np.arange(length), np.arange(length)) % length * (2 * np.pi / length)
    return np.asarray((np.cos(angles) + np.sin(angles)) / np.sqrt(length))


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 47, SHORT, 51, 64, 91, *PRIMES, 2000])
@pytest.mark.parametrize("count", [1, 20])
def test_it_is_what_its_definition_says(length: int, count: int) -> None:
    rows = np.random.default_rng(length).standard_normal((count, length))
    before = rows.copy()
    np.testing.assert_allclose(hartley(rows), rows @ slow_hartley(length), atol=1e-12)
    np.testing.assert_array_equal(rows, before)


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 300), st.integers(0, 2**32 - 1))
def test_it_is_its_own_inverse(length: int, seed: int) -> None:
    rows = np.random.default_rng(seed).standard_normal((3, length))
    np.testing.assert_allclose(hartley(hartley(rows)), rows, atol=1e-12)


@pytest.mark.parametrize("length", PRIMES)
def test_a_single_component_becomes_a_wave(length: int) -> None:
    expected = slow_hartley(length)
    for place in (0, 1, length - 1):
        single = np.zeros((1, length))
        single[0, place] = 1
        np.testing.assert_allclose(hartley(single)[0], expected[place], atol=1e-13)


def test_no_rows_give_none() -> None:
    assert hartley(np.empty((0, 97))).shape == (0, 97)
