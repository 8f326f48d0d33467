"""The cosine basis: against scipy's transform, and what it promises for any shape."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import fft

from originid.errors import ModelError
from originid.maps.dct import DctBasis, DctMap, dct_matrix

sides = st.integers(1, 12)
blocks = st.lists(st.tuples(st.integers(1, 3), sides, sides), min_size=1, max_size=3)
cutoffs = st.one_of(st.just(math.inf), st.floats(0.5, 20))


@st.composite
def bases(draw: st.DrawFn) -> DctBasis:
    shapes = tuple(draw(blocks))
    return DctBasis(shapes, tuple(draw(cutoffs) for _ in shapes))


def some_latents(basis: DctBasis, count: int = 3, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, basis.latent_dim)).astype(np.float32)


def slow_coefficients(basis: DctBasis, latent: np.ndarray) -> np.ndarray:
    """One coefficient after the other, by scipy's transform of each channel."""
    out, start = [], 0
    for (c, h, w), cutoff in zip(basis.shapes, basis.cutoffs, strict=True):
        block = latent[start : start + c * h * w].reshape(c, h, w).astype(np.float64)
        start += c * h * w
        for channel in block:
            spectrum = fft.dctn(channel, norm="ortho")
            out += [spectrum[u, v] for u in range(h) for v in range(w) if math.hypot(u, v) < cutoff]
    return np.array(out)


@given(st.integers(1, 64), st.integers(0, 1000))
def test_a_transform_is_scipys(n: int, seed: int) -> None:
    x = np.random.default_rng(seed).normal(size=n)
    np.testing.assert_allclose(dct_matrix(n) @ x, fft.dct(x, norm="ortho"), atol=1e-5)


@settings(deadline=None)
@given(bases(), st.integers(0, 1000))
def test_coefficients_are_those_of_the_slow_way(basis: DctBasis, seed: int) -> None:
    latents = some_latents(basis, seed=seed)
    expected = np.stack([slow_coefficients(basis, latent) for latent in latents])
    assert expected.shape == (3, basis.dim)
    np.testing.assert_allclose(basis.coefficients(latents), expected, atol=1e-4)


@settings(deadline=None)
@given(bases(), st.integers(0, 1000))
def test_coefficients_come_back(basis: DctBasis, seed: int) -> None:
    coefficients = np.random.default_rng(seed).normal(size=(2, basis.dim)).astype(np.float32)
    latents = basis.latents(coefficients)
    assert latents.shape == (2, basis.latent_dim)
    np.testing.assert_allclose(basis.coefficients(latents), coefficients, atol=1e-4)


@settings(deadline=None)
@given(bases(), st.integers(0, 1000))
def test_what_is_left_out_is_at_right_angles(basis: DctBasis, seed: int) -> None:
    """Keeping low frequencies is a projection: what it loses has none of them."""
    latents = some_latents(basis, seed=seed)
    kept = basis.latents(basis.coefficients(latents))
    np.testing.assert_allclose(basis.coefficients(latents - kept), 0, atol=1e-4)
    energy = np.square(latents).sum(1)
    parts = np.square(kept).sum(1) + np.square(latents - kept).sum(1)
    np.testing.assert_allclose(parts, energy, rtol=1e-4)


@given(bases())
def test_lengths_and_angles_stay_where_all_is_kept(basis: DctBasis) -> None:
    whole = DctBasis(basis.shapes, (math.inf,) * len(basis.shapes))
    assert whole.dim == whole.latent_dim
    latents = some_latents(whole, 4)
    coefficients = whole.coefficients(latents)
    np.testing.assert_allclose(coefficients @ coefficients.T, latents @ latents.T, atol=1e-3)


@given(sides, sides, st.floats(0.5, 20), st.floats(0.5, 20))
def test_a_higher_cutoff_keeps_what_a_lower_one_does(
    h: int, w: int, one: float, other: float
) -> None:
    low, high = (DctBasis(((2, h, w),), (cut,)).kept[0] for cut in sorted((one, other)))
    assert set(low) <= set(high)


@pytest.mark.parametrize(
    ("cutoff", "kept"),
    [(0.5, 1), (1.0, 1), (1.1, 3), (1.5, 4), (2.0, 4), (2.1, 6), (math.inf, 16)],
)
def test_how_many_coefficients_a_cutoff_keeps(cutoff: float, kept: int) -> None:
    """Of 4 x 4: (0, 0), then (0, 1) and (1, 0), then (1, 1), then (0, 2) and (2, 0)."""
    assert DctBasis(((1, 4, 4),), (cutoff,)).dims == (kept,)


def test_blocks_stand_one_after_the_other() -> None:
    one, two = DctBasis(((1, 4, 4),), (2.0,)), DctBasis(((2, 3, 3),), (1.1,))
    both = DctBasis(((1, 4, 4), (2, 3, 3)), (2.0, 1.1))
    latents = some_latents(both)
    got = both.coefficients(latents)
    assert both.dims == (4, 6)
    np.testing.assert_array_equal(got[:, :4], one.coefficients(latents[:, :16]))
    np.testing.assert_array_equal(got[:, 4:], two.coefficients(latents[:, 16:]))


def test_a_row_does_not_depend_on_the_others() -> None:
    basis = DctBasis(((3, 8, 8),), (5.0,))
    latents = some_latents(basis, 20)
    together = basis.coefficients(latents)
    for row in (0, 7, 19):
        np.testing.assert_allclose(
            basis.coefficients(latents[row : row + 1])[0], together[row], atol=1e-6
        )


def test_a_cutoff_for_each_block() -> None:
    with pytest.raises(ModelError, match="1 cutoffs for 2 latent blocks"):
        DctBasis(((1, 2, 2), (1, 2, 2)), (1.0,))


# The map on this basis.


@pytest.fixture
def dct_map() -> DctMap:
    basis = DctBasis(((2, 4, 4),), (2.1,))
    rng = np.random.default_rng(8)
    directions = np.linalg.qr(rng.normal(size=(basis.dim, 3)))[0].T.astype(np.float32)
    positive = [rng.uniform(0.5, 2, basis.dim).astype(np.float32) for _ in range(2)]
    mean = rng.normal(size=basis.dim).astype(np.float32)
    gain = np.array([1.0, -0.5, 0.2], np.float32)
    return DctMap(basis, mean, positive[0], directions, gain, positive[1])


def test_a_map_by_its_formula(dct_map: DctMap) -> None:
    latents = some_latents(dct_map.basis)
    V, scale = dct_map.directions.astype(np.float64), np.diag(dct_map.scale)
    whole = np.diag(dct_map.weight) @ (np.eye(12) + V.T @ np.diag(dct_map.gain) @ V) @ scale
    spectrum = np.stack([slow_coefficients(dct_map.basis, latent) for latent in latents])
    expected = (spectrum - dct_map.mean) @ whole.T
    np.testing.assert_allclose(dct_map.apply(latents), expected, atol=1e-4)


@pytest.mark.parametrize("clip", [0.5, 1.0, 2.0, 100.0])
def test_clipping_cuts_at_so_many_root_mean_squares(clip: float, dct_map: DctMap) -> None:
    latents = some_latents(dct_map.basis, 5)
    whole, cut = dct_map.apply(latents), replace(dct_map, clip=clip).apply(latents)
    for row, got in zip(whole, cut, strict=True):
        limit = clip * math.sqrt(sum(float(x) ** 2 for x in row) / len(row))
        expected = [max(-limit, min(limit, float(x))) for x in row]
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
    assert (clip == 100.0) == bool((whole == cut).all())


def test_a_file_has_no_infinity(dct_map: DctMap) -> None:
    """JSON knows none: null stands for all frequencies."""
    whole = DctBasis(((1, 2, 2),), (math.inf,))
    four = np.ones(4, np.float32)
    made = DctMap(whole, four, four, np.zeros((0, 4), np.float32), np.zeros(0, np.float32), four)
    _, header = made.pack()
    assert header["cutoffs"] == [None]
    tensors, header = dct_map.pack()
    again = DctMap.unpack(tensors, header)
    assert again.basis == dct_map.basis
    assert tensors["directions"].dtype == np.float16
