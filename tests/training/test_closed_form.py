"""The closed form: against a slow reference, on toys whose answer is known, and by its effect."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from originid.errors import InputError
from originid.maps import DctBasis, DctMap, DenseMap, dct_matrix, unit_length
from originid.training.closed_form import (
    ClosedForm,
    PairScatter,
    Scatter,
    fit,
    no_map,
)
from originid.training.linear_algebra import ProductSum, eigen
from originid.training.shrinkage import noise_share

SHAPES = ((2, 4, 4),)
ALL = DctBasis(SHAPES, (np.inf,))


def toy(seed: int = 0, n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Origins, and queries that differ from them mostly along a few directions."""
    rng = np.random.default_rng(seed)
    origins = rng.normal(size=(n, 32))
    nuisance = np.linalg.qr(rng.normal(size=(32, 32)))[0][:8] * 12
    queries = origins + rng.normal(size=(n, 8)) @ nuisance + rng.normal(size=(n, 32)) * 0.4
    return origins.astype(np.float32), queries.astype(np.float32)


def scatters(
    origins: np.ndarray, queries: np.ndarray, basis: DctBasis = ALL
) -> tuple[PairScatter, Scatter]:
    within, natural = PairScatter(basis), Scatter(basis)
    add_pairs(within, queries - origins)
    natural.add(origins)
    return within, natural


def add_pairs(within: PairScatter, differences: np.ndarray) -> None:
    """Each pair a group of its own."""
    n = len(differences)
    within.add(differences.astype(np.float32), np.ones(n), np.arange(n))


def accuracy(vectors_of_queries: np.ndarray, vectors_of_origins: np.ndarray) -> float:
    scores = unit_length(vectors_of_queries) @ unit_length(vectors_of_origins).T
    return float((scores.argmax(axis=1) == np.arange(len(scores))).mean())


def test_the_map_is_the_inverse_root_of_the_blended_scatter() -> None:
    origins, queries = toy()
    within, natural = scatters(origins, queries)
    fitted = fit(within, natural, ClosedForm(cutoff=np.inf, blend=0.5, rank=32, tilt=0))
    dct = np.kron(np.eye(2), np.kron(dct_matrix(4), dct_matrix(4))).astype(np.float64)
    differences = (queries - origins) @ dct.T
    s_w = sum(np.outer(d, d) for d in differences) / len(differences) / 2
    blended = 0.5 * s_w + 0.5 * np.diag(np.diag(s_w))
    d = np.diag(np.diag(blended) ** 0.5)
    values, vectors = np.linalg.eigh(np.linalg.inv(d) @ blended @ np.linalg.inv(d))
    root = vectors @ np.diag(values**-0.5) @ vectors.T @ np.linalg.inv(d)
    expected = (origins - origins.mean(axis=0)) @ dct.T @ root.T
    # With every direction kept, gain is relative to 1.
    assert np.allclose(fitted.apply(origins), expected, atol=1e-3)


def test_the_structured_map_divides_by_the_deviation_of_each_coefficient() -> None:
    basis = DctBasis(((1, 1, 4),), (np.inf,))
    within, natural = PairScatter(basis), Scatter(basis)
    natural.add(np.zeros((1, 4), np.float32))
    wanted = np.array([1.0, 2.0, 4.0, 8.0], np.float32)
    # Differences along one coefficient each, of known size.
    add_pairs(within, np.diag(wanted) @ dct_matrix(4))
    fitted = fit(within, natural, ClosedForm(cutoff=np.inf, rank=0, tilt=0))
    assert isinstance(fitted, DctMap)
    assert np.allclose(fitted.scale * wanted, fitted.scale[0] * wanted[0])
    assert len(fitted.gain) == 0


def test_directions_left_out_are_taken_at_their_mean() -> None:
    origins, queries = toy()
    within, natural = scatters(origins, queries)
    some = fit(within, natural, ClosedForm(cutoff=np.inf, blend=0.5, rank=8, tilt=0))
    every = fit(within, natural, ClosedForm(cutoff=np.inf, blend=0.5, rank=None, tilt=0))
    assert isinstance(some, DctMap)
    assert isinstance(every, DctMap)
    assert len(every.gain) == 32
    s_w = within.moments()[0] / 2
    values = np.linalg.eigvalsh(s_w * np.outer(some.scale, some.scale))[::-1]
    blended = 0.5 + 0.5 * values
    assert np.allclose(1 + every.gain, blended**-0.5, atol=1e-4)
    assert np.allclose(1 + some.gain, (blended[:8] / blended[8:].mean()) ** -0.5, atol=1e-4)


def test_halves_that_agree_show_little_noise_and_chance_shows_nothing_else() -> None:
    rng = np.random.default_rng(0)
    mixing = np.linalg.qr(rng.normal(size=(32, 32)))[0] * np.geomspace(1, 30, 32)

    def share(pairs: int, correlated: bool) -> float:
        within = PairScatter(ALL)
        rows = rng.normal(size=(pairs, 32))
        add_pairs(within, rows @ mixing.T if correlated else rows)
        total, noise = within.moments()
        scale = np.diag(total) ** -0.5
        return noise_share(total * np.outer(scale, scale), noise * np.outer(scale, scale))

    assert share(20_000, correlated=True) < 0.01
    assert 0.05 < share(60, correlated=True) < 0.6
    assert share(2_000, correlated=False) > 0.8


def test_the_blend_that_is_chosen_comes_near_the_best() -> None:
    rng = np.random.default_rng(1)
    mixing = np.linalg.qr(rng.normal(size=(32, 32)))[0] * np.geomspace(1, 10, 32)
    truth = mixing @ mixing.T
    within, natural = PairScatter(ALL), Scatter(ALL)
    to_latents = np.kron(np.eye(2), np.kron(dct_matrix(4), dct_matrix(4)))
    add_pairs(within, rng.normal(size=(60, 32)) @ mixing.T @ to_latents)
    natural.add(rng.normal(size=(50, 32)).astype(np.float32))
    scale = np.diag(truth) ** -0.5
    true = truth * np.outer(scale, scale)
    total, noise = within.moments()
    scale = np.diag(total) ** -0.5
    seen = total * np.outer(scale, scale)

    def error(blend: float) -> float:
        return float((((1 - blend) * np.eye(32) + blend * seen - true) ** 2).sum())

    chosen = 1 - noise_share(seen, noise * np.outer(scale, scale))
    assert error(chosen) < 1.1 * min(error(blend) for blend in np.linspace(0, 1, 101))
    automatic = fit(within, natural, ClosedForm(cutoff=np.inf, blend=None))
    stated = fit(within, natural, ClosedForm(cutoff=np.inf, blend=chosen))
    assert np.array_equal(automatic.apply(to_latents), stated.apply(to_latents))


def test_a_single_group_cannot_choose_the_blend() -> None:
    origins, queries = toy(n=20)
    _, natural = scatters(origins, queries)
    alone = PairScatter(ALL)
    alone.add(queries - origins, np.ones(20), np.zeros(20, np.int64))
    assert np.isfinite(fit(alone, natural, ClosedForm(cutoff=np.inf)).apply(queries)).all()
    with pytest.raises(InputError, match="a single origin group"):
        fit(alone, natural, ClosedForm(cutoff=np.inf, blend=None))


def test_both_halves_make_the_whole() -> None:
    origins, queries = toy()
    weights = np.linspace(0.1, 2, len(origins))
    whole, halves = Scatter(ALL), PairScatter(ALL)
    whole.add(queries - origins, weights)
    halves.add(queries - origins, weights, np.arange(len(origins)) // 3)
    assert np.allclose(halves.moments()[0], whole.second_moment(), atol=1e-4)


def test_torch_computes_what_numpy_does() -> None:
    pytest.importorskip("torch")
    rows = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)
    here, there = ProductSum(6), ProductSum(6, "cpu")
    for each in (here, there):
        each.add(rows)
        each.add(rows[:7])
    assert np.allclose(here.value(), there.value())
    for a, b in zip(eigen(here.value()), eigen(here.value(), "cpu"), strict=True):
        assert np.allclose(np.abs(a), np.abs(b))


def test_few_dims_keep_what_tells_images_apart() -> None:
    rng = np.random.default_rng(0)
    basis = DctBasis(((1, 1, 4),), (np.inf,))
    to_latents = dct_matrix(4)
    spread = np.array([1, 1, 10, 1])  # images differ most in coefficient 2 ...
    noise = np.array([1, 1, 1, 0.01])  # ... edits least in coefficient 3
    natural, within = Scatter(basis), PairScatter(basis)
    natural.add((rng.normal(size=(5000, 4)) * spread @ to_latents).astype(np.float32))
    add_pairs(within, rng.normal(size=(5000, 4)) * noise @ to_latents)
    fitted = fit(within, natural, ClosedForm(cutoff=np.inf, rank=0, dim=2))
    assert isinstance(fitted, DenseMap)
    kept = np.abs(unit_length(fitted.matrix) @ to_latents.T)
    assert kept[:, [2, 3]].max(axis=1).min() > 0.99


def test_streaming_equals_one_batch() -> None:
    origins, queries = toy()
    weights = np.linspace(0.1, 2, len(origins))
    whole, parts = Scatter(ALL), Scatter(ALL)
    whole.add(queries - origins, weights)
    for start in range(0, len(origins), 7):
        part = slice(start, start + 7)
        parts.add((queries - origins)[part], weights[part])
    assert np.allclose(whole.second_moment(), parts.second_moment(), atol=1e-4)
    assert np.allclose(whole.mean, parts.mean, atol=1e-6)


@given(st.floats(0.01, 100))
def test_the_scale_of_latents_does_not_matter(factor: float) -> None:
    origins, queries = toy(n=50)
    settings = ClosedForm(cutoff=np.inf, rank=8)
    plain = fit(*scatters(origins, queries), settings)
    scaled = fit(*scatters(origins * np.float32(factor), queries * np.float32(factor)), settings)
    a = unit_length(plain.apply(queries))
    b = unit_length(scaled.apply(queries * np.float32(factor)))
    assert np.abs(a - b).max() < 2e-3


def test_the_map_beats_no_map_on_unseen_origins() -> None:
    fitted = fit(*scatters(*toy(seed=0)), ClosedForm(cutoff=np.inf, blend=0.9, rank=32))
    # The same nuisance directions (seed 0), other images.
    rng = np.random.default_rng(99)
    origins, queries = toy(seed=0, n=400)
    shift = queries - origins
    unseen = rng.normal(size=origins.shape).astype(np.float32)
    plain = no_map(ALL, origins.mean(axis=0))
    before = accuracy(plain.apply(unseen + shift), plain.apply(unseen))
    after = accuracy(fitted.apply(unseen + shift), fitted.apply(unseen))
    assert before < 0.3
    assert after > 0.8


def test_few_pairs_for_many_coefficients_still_give_a_finite_map() -> None:
    origins, queries = toy(n=3)
    fitted = fit(*scatters(origins, queries), ClosedForm(cutoff=np.inf, rank=512))
    assert np.isfinite(fitted.apply(queries)).all()


def test_two_fits_are_equal_to_the_bit() -> None:
    a, b = (fit(*scatters(*toy()), ClosedForm(cutoff=np.inf)) for _ in range(2))
    assert isinstance(a, DctMap)
    assert isinstance(b, DctMap)
    assert np.array_equal(a.directions, b.directions)


def test_the_mean_alone_is_not_learned_from_pairs() -> None:
    origins, _ = toy()
    mapped = no_map(ALL, origins.mean(axis=0)).apply(origins)
    assert np.allclose(mapped.mean(axis=0), 0, atol=1e-4)
    assert np.allclose(
        np.linalg.norm(mapped, axis=1),
        np.linalg.norm(origins - origins.mean(axis=0), axis=1),
        rtol=1e-4,
    )


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        ("no pairs", "no readable pairs"),
        ("no natural images", "no readable natural images"),
        ("nan", "not finite"),
        ("identical", "the same image"),
        ("too many dims", "dim 33"),
    ],
)
def test_what_cannot_be_fitted_is_said(problem: str, message: str) -> None:
    origins, queries = toy(n=20)
    if problem == "nan":
        queries[0, 0] = np.nan
    if problem == "identical":
        queries = origins
    within, natural = scatters(origins, queries)
    if problem == "no pairs":
        within = PairScatter(ALL)
    if problem == "no natural images":
        natural = Scatter(ALL)
    settings = ClosedForm(cutoff=np.inf, dim=33 if problem == "too many dims" else None)
    with pytest.raises(InputError, match=message):
        fit(within, natural, settings)


@pytest.mark.parametrize(
    "bad",
    [
        {"cutoff": 0},
        {"blend": 1.0},
        {"blend": -0.1},
        {"tilt": np.inf},
        {"rank": -1},
        {"dim": 0},
        {"natural_share": 1.1},
        {"clip": 0},
    ],
)
def test_settings_out_of_range_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(bad))):
        ClosedForm(**bad)  # type: ignore[arg-type]


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(TypeError, match="cutof"):
        ClosedForm(cutof=3)  # type: ignore[call-arg]


def test_natural_correlations_are_shared_in() -> None:
    origins, queries = toy()
    within, natural = scatters(origins, queries)
    mixed = fit(
        within, natural, ClosedForm(cutoff=np.inf, blend=0.5, rank=None, tilt=0, natural_share=0.4)
    )
    assert isinstance(mixed, DctMap)

    def correlation(covariance: np.ndarray) -> np.ndarray:
        deviation = np.sqrt(np.diag(covariance))
        return np.asarray(covariance / np.outer(deviation, deviation))

    expected = 0.6 * correlation(within.moments()[0]) + 0.4 * correlation(natural.covariance())
    values = np.linalg.eigvalsh(expected)[::-1]
    assert np.allclose(1 + mixed.gain, (0.5 + 0.5 * values) ** -0.5, atol=1e-4)


def test_a_clipped_map_cuts_what_stands_out() -> None:
    origins, queries = toy()
    settings = ClosedForm(cutoff=np.inf, rank=8)
    plain = fit(*scatters(origins, queries), settings).apply(queries)
    clipped = fit(*scatters(origins, queries), replace(settings, clip=1.5)).apply(queries)
    limit = 1.5 * np.sqrt((plain**2).mean(axis=1, keepdims=True))
    assert np.allclose(clipped, np.clip(plain, -limit, limit), atol=1e-4)
    assert (np.abs(plain) > limit).any()
