"""The arithmetic of the closed form on small matrices, beside the formulas it stands for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from originid.errors import InputError
from originid.maps import DctBasis, DctMap
from originid.training.linear_algebra import ProductSum
from originid.training.shrinkage import correction, correlations, cut, noise_share, tilted
from originid.types import Floats64

SEEDS = st.integers(0, 10_000)


def covariance(seed: int, k: int = 6) -> Floats64:
    """A covariance of full rank, with deviations from 0.1 to 10."""
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(k, 3 * k)) * np.geomspace(0.1, 10, k)[:, None]
    return np.asarray(mixed @ mixed.T / (3 * k))


@given(SEEDS)
def test_correlations_are_those_of_numpy(seed: int) -> None:
    rows = np.random.default_rng(seed).normal(size=(20, 5)) * [0.1, 1, 5, 100, 1e4]
    found = correlations(np.cov(rows.T))
    assert np.allclose(found, np.corrcoef(rows.T))


def test_a_constant_coefficient_correlates_with_nothing() -> None:
    given_covariance = covariance(0)
    given_covariance[2] = given_covariance[:, 2] = 0
    found = correlations(given_covariance)
    assert np.isfinite(found).all()
    assert not found[2].any()
    assert np.allclose(np.delete(np.diag(found), 2), 1)


def test_nothing_at_all_has_no_correlations() -> None:
    assert not correlations(np.zeros((3, 3))).any()


def test_the_share_of_noise_leaves_the_diagonal_out() -> None:
    correlation = np.array([[1.0, 0.5], [0.5, 1.0]])
    noise = np.array([[9.0, 0.25], [0.25, -9.0]])
    assert noise_share(correlation, noise) == pytest.approx(0.25**2 / 0.5**2)


@pytest.mark.parametrize(
    ("between", "noise", "expected"), [(0.5, 0.0, 1e-3), (0.1, 0.7, 1.0), (0.0, 0.1, 1.0)]
)
def test_the_share_of_noise_has_limits(between: float, noise: float, expected: float) -> None:
    both = (np.array([[1.0, value], [value, 1.0]]) for value in (between, noise))
    assert noise_share(*both) == expected


def test_one_group_says_nothing_about_noise() -> None:
    with pytest.raises(InputError) as caught:
        noise_share(np.eye(3), np.full((3, 3), np.nan))
    assert caught.value.given == "pairs of a single origin group"
    assert "at least two groups" in caught.value.expected
    assert caught.value.todo == "give pairs of more origins, or state a blend"


@given(SEEDS, st.floats(-2, 2))
def test_a_tilted_diagonal_has_mean_1_in_each_block(seed: int, tilt: float) -> None:
    basis = DctBasis(((2, 3, 2), (1, 2, 2)), (2.0, np.inf))
    diagonal = np.random.default_rng(seed).uniform(0.01, 100, basis.dim)
    found = tilted(basis, diagonal, tilt)
    blocks = np.split(found, [basis.dims[0]])
    assert [np.prod(block) for block in blocks] == pytest.approx([1, 1])
    # Within a block, ratios are those of the diagonal to the power of the tilt.
    assert np.allclose(found[1:3] / found[0], (diagonal[1:3] / diagonal[0]) ** tilt)
    if tilt == 0:
        assert np.array_equal(found, np.ones(basis.dim))


@given(SEEDS, st.floats(0.05, 0.95))
def test_all_directions_give_the_inverse_root(seed: int, blend: float) -> None:
    correlation = correlations(covariance(seed))
    directions, gain = correction(correlation, blend, None, None)
    assert np.allclose(directions @ directions.T, np.eye(6))
    whiten = np.eye(6) + directions.T * gain @ directions
    shrunk = (1 - blend) * np.eye(6) + blend * correlation
    # With all directions kept there are no others, and the floor is 1.
    assert np.allclose(whiten @ shrunk @ whiten, np.eye(6))


@given(SEEDS, st.integers(1, 5))
def test_fewer_directions_are_the_first_of_all(seed: int, rank: int) -> None:
    correlation = correlations(covariance(seed))
    every, _ = correction(correlation, 0.6, None, None)
    some, gain = correction(correlation, 0.6, rank, None)
    assert np.array_equal(some, every[:rank])
    values = np.linalg.eigvalsh(correlation)[::-1]
    floor = 0.4 + 0.6 * values[rank:].mean()
    assert np.allclose(gain, np.sqrt(floor / (0.4 + 0.6 * values[:rank])) - 1)
    # A direction in which edits change more is shortened more.
    assert (np.diff(gain) >= -1e-12).all()


@given(SEEDS)
def test_each_direction_has_its_largest_component_positive(seed: int) -> None:
    directions, _ = correction(correlations(covariance(seed)), 0.5, None, None)
    largest = directions[np.arange(6), np.abs(directions).argmax(axis=1)]
    assert (largest > 0).all()


@pytest.mark.parametrize(("blend", "rank"), [(0.0, None), (0.0, 3), (0.7, 0)])
def test_nothing_to_correct(blend: float, rank: int | None) -> None:
    directions, gain = correction(correlations(covariance(1)), blend, rank, None)
    assert directions.shape == (0, 6)
    assert gain.shape == (0,)


def test_a_rank_beyond_the_dimension_is_all_directions() -> None:
    correlation = correlations(covariance(2))
    for mine, whole in zip(
        correction(correlation, 0.5, 100, None), correction(correlation, 0.5, None, None),
        strict=True,
    ):  # fmt: skip
        assert np.array_equal(mine, whole)


def test_eigenvalues_below_zero_by_rounding_stay_finite() -> None:
    correlation = np.ones((4, 4)) - 1e-9 * np.eye(4)
    _, gain = correction(correlation, 0.999, None, None)
    assert np.isfinite(gain).all()


@given(SEEDS, st.integers(1, 4))
def test_a_cut_map_keeps_the_directions_in_which_photos_vary_most(seed: int, dim: int) -> None:
    rng = np.random.default_rng(seed)
    basis = DctBasis(((1, 2, 2),), (np.inf,))
    directions = np.linalg.qr(rng.normal(size=(4, 2)))[0].T.astype(np.float32)
    scale, weight = rng.uniform(0.5, 2, (2, 4)).astype(np.float32)
    mean = rng.normal(size=4).astype(np.float32)
    gain = rng.uniform(-0.9, 0, 2).astype(np.float32)
    whole = DctMap(basis, mean, scale, directions, gain, weight)
    rows = rng.normal(size=(50, 4)) @ rng.normal(size=(4, 4))
    small = cut(whole, np.cov(rows.T), dim, None)
    assert (small.dim, small.latent_dim) == (dim, 4)
    # The mean of the map is a latent whose vector is zero under both maps.
    centre = basis.latents(mean[None])
    assert np.allclose(small.apply(centre), 0, atol=1e-4)
    # Vectors of the small map are projections of those of the whole one.
    latents = basis.latents((rows + mean).astype(np.float32))
    vectors = whole.apply(latents) - whole.apply(centre)
    values = np.linalg.eigvalsh(np.cov(vectors.T))[::-1]
    assert np.allclose(np.cov(small.apply(latents).T), np.diag(values[:dim]), rtol=1e-2, atol=1e-2)


@given(st.lists(st.integers(0, 7), max_size=5), SEEDS)
def test_products_add_up_over_calls(sizes: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    parts = [rng.normal(size=(size, 3)).astype(np.float32) for size in sizes]
    total = ProductSum(3)
    for part in parts:
        total.add(part)
    expected = np.zeros((3, 3))
    for part in parts:
        for row in part.astype(np.float64):
            expected += np.outer(row, row)
    assert total.value().dtype == np.float64
    assert np.allclose(total.value(), expected, atol=1e-5)
