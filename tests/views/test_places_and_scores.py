"""Places, parts, scores and the shortlist against slow references, and what they refuse."""

import math
import statistics
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from originid.encoders import open_encoder
from originid.errors import InputError, ModelError
from originid.maps import DctBasis, DctMap, DenseMap, unit_length
from originid.types import Floats32, Image, Vectors
from originid.views.normalise import NORMAL, PRIOR, USUAL, Strangers, moments
from originid.views.parts import Parts, PartSettings, _moved
from originid.views.places import (
    Place,
    Placing,
    _offsets,
    canvas,
    coarse_places,
    dense_places,
    encode_sizes,
    likely_places,
    windows,
)
from originid.views.shortlist import best_estimates, low_frequencies

SEEDS = st.integers(0, 10**6)


def noise(seed: int, height: int = 60, width: int = 80) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)


def directions(seed: int, *shape: int) -> Vectors:
    values = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    return unit_length(values.reshape(-1, shape[-1])).reshape(shape)


def floats(values: ArrayLike) -> Floats32:
    return np.asarray(values, np.float32)


def small_map(cells: int = 8, cutoff: float = 5.0, clip: float | None = None) -> DctMap:
    """A map with every part of its formula, of random numbers."""
    basis = DctBasis(((2, cells, cells), (1, cells, cells)), (cutoff, cutoff))
    rng = np.random.default_rng(0)
    mean, scale, weight = (rng.normal(size=basis.dim).astype(np.float32) for _ in range(3))
    rows = (rng.normal(size=(3, basis.dim)) / 9).astype(np.float32)
    return DctMap(basis, mean, scale, rows, rng.normal(size=3).astype(np.float32), weight, clip)


# Places


@settings(deadline=None)
@given(room=st.integers(0, 60), step=st.integers(1, 30))
def test_offsets_are_as_few_as_reach_across(room: int, step: int) -> None:
    found = _offsets(room, step)
    fewest = next(n for n in range(1, 99) if (n - 1) * step >= room)
    assert len(found) == fewest
    assert (found[0], found[-1]) == ((0, room) if room else (0, 0))
    assert found == sorted(set(found))


@given(cells=st.integers(1, 64))
@settings(deadline=None)
def test_places_of_any_grid_lie_inside_and_are_listed_once(cells: int) -> None:
    for places in (likely_places(cells), coarse_places(cells), dense_places(cells)):
        assert len(set(places)) == len(places) > 0
        for place in places:
            assert place.height >= 1 <= place.width
            assert 0 <= place.top <= cells - place.height
            assert 0 <= place.left <= cells - place.width


def test_the_likely_places_are_those_that_are_stated() -> None:
    places = likely_places(32)
    assert len(places) == 19
    assert coarse_places(32)[0] == Place(32, 32, 0, 0)  # `Lookout` takes the first as the whole
    shares = [place.height * place.width / 32**2 for place in places]
    assert shares[:4] == [28 * 28 / 1024] * 4
    # Every place has its mirror image.
    assert {Place(p.height, p.width, p.top, 32 - p.width - p.left) for p in places} == set(places)


def test_windows_of_one_size_twice_are_listed_once() -> None:
    assert windows([(3, 4), (3, 4)], 2, 5) == windows([(3, 4)], 2, 5)


@pytest.mark.parametrize("clip", [None, 1.5])
@pytest.mark.parametrize("damping", [None, 3.0])
def test_placing_by_the_map_of_a_filled_grid(clip: float | None, damping: float | None) -> None:
    map, cells = small_map(clip=clip), 8
    places = windows([(5, 8), (3, 3)], 2, cells)
    rng = np.random.default_rng(1)
    latents: dict[tuple[int, int], Floats32] = {
        size: rng.normal(size=(3, *size)).astype(np.float32) for size in ((5, 8), (3, 3))
    }
    got = Placing(map, places, damping).vectors(latents)
    for vector, place in zip(got, places, strict=True):
        grid = map.basis.latents(map.mean[None]).reshape(3, cells, cells).copy()
        rows = slice(place.top, place.top + place.height)
        grid[:, rows, place.left : place.left + place.width] = latents[place.size]
        difference = map.basis.coefficients(grid.reshape(1, -1)) - map.mean
        if damping is not None:
            for number in range(difference.shape[1]):
                difference[0, number] *= math.exp(-((radii(map)[number] / damping) ** 2) / 2)
        moved = map.basis.latents(difference + map.mean)
        np.testing.assert_allclose(vector, unit_length(map.apply(moved))[0], atol=5e-5)


def radii(map: DctMap) -> list[float]:
    """The radial frequency of each component, one after the other."""
    found = []
    for (_, h, w), kept in zip(map.basis.shapes, map.basis.kept, strict=True):
        found += [math.hypot(number % (h * w) // w, number % w) for number in kept.tolist()]
    return found


def test_vectors_have_the_order_of_the_places() -> None:
    map, places = small_map(), windows([(4, 4), (6, 3)], 2, 8)
    sizes = ((4, 4), (6, 3))
    latents = {size: floats(noise(5, *size).transpose(2, 0, 1)) for size in sizes}
    there = Placing(map, places).vectors(latents)
    back = Placing(map, places[::-1]).vectors(latents)
    np.testing.assert_allclose(there, back[::-1], atol=1e-6)
    assert Placing(map, places).sizes == ((4, 4), (6, 3))


@pytest.mark.parametrize("shapes", [((3, 8, 6),), ((3, 8, 8), (3, 4, 4)), ((1, 8, 8), (1, 8, 4))])
def test_grids_that_are_oblong_or_differ_are_refused(shapes: tuple[Any, ...]) -> None:
    basis = DctBasis(shapes, (math.inf,) * len(shapes))
    one = np.ones(basis.dim, np.float32)
    none = np.zeros((0, basis.dim), np.float32)
    with pytest.raises(ModelError) as caught:
        Placing(DctMap(basis, one, one, none, one[:0], one), [])
    assert caught.value.given == "a map of the kind 'dct'"
    assert "one square grid" in caught.value.expected
    assert "`quick`" in caught.value.todo
    with pytest.raises(ModelError, match="kind 'dense'"):
        Parts(DenseMap(np.eye(4, dtype=np.float32), one[:4]))


@settings(max_examples=20, deadline=None)
@given(height=st.integers(1, 8), width=st.integers(1, 8), level=st.integers(0, 255))
def test_a_canvas_repeats_the_border(height: int, width: int, level: int) -> None:
    image = noise(level, 40, 30)
    got = canvas(image, (height, width), 64, 8)
    h, w = 8 * height, 8 * width
    assert got.shape == (64, 64, 3)
    for y, x in product((0, h // 2, h - 1, 63), (0, w // 2, w - 1, 63)):
        np.testing.assert_array_equal(got[y, x], got[min(y, h - 1), min(x, w - 1)])
    one = canvas(np.full((5, 9, 3), level, np.uint8), (height, width), 64, 8)
    assert (one == level).all()


def test_an_image_of_one_colour_has_the_same_latent_on_every_grid() -> None:
    encoder = open_encoder("pixels")
    latents = encode_sizes(np.full((9, 7, 3), 200, np.uint8), [(32, 32), (5, 20)], encoder)
    assert [latent.shape[1:] for latent in latents.values()] == [(32, 32), (5, 20)]
    for channel in range(3):
        values = np.concatenate([latent[channel].ravel() for latent in latents.values()])
        assert np.ptp(values) < 1e-5


@pytest.mark.parametrize(
    "wrong", [{"side": 0}, {"step": 0}, {"stride": 0}, {"reach": -1}, {"step": -8}]
)
def test_wrong_settings_of_parts_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InputError) as caught:
        PartSettings(**wrong)
    ((name, value),) = wrong.items()
    assert f"{name}={value}" in caught.value.given
    assert name in caught.value.expected
    assert caught.value.todo == "leave them out"


@settings(deadline=None)
@given(top=st.integers(0, 16), left=st.integers(0, 16), reach=st.integers(0, 9))
def test_moved_windows_stop_at_the_border(top: int, left: int, reach: int) -> None:
    found = _moved(top, left, range(-reach, reach + 1, 2), 16, 16)
    expected = [
        Place(16, 16, sorted((0, top + down, 16))[1], sorted((0, left + right, 16))[1])
        for down in range(-reach, reach + 1, 2)
        for right in range(-reach, reach + 1, 2)
    ]
    assert list(found) == expected


def test_a_grid_too_small_for_a_second_window_has_one_part() -> None:
    parts = Parts(small_map(8), PartSettings(side=8, step=4, reach=2, stride=1))
    assert parts.corners == ((0, 0),)
    vectors = parts.vectors(np.ones((3, 8, 8), np.float32))
    # Nowhere to move to: all 25 are the same.
    np.testing.assert_allclose(vectors - vectors[:, :1], 0, atol=1e-6)


# Scores


def slow_moments(scores: list[float], usual: float, usual_mean: float = 0) -> tuple[float, float]:
    if not scores:
        return usual_mean, usual
    count, median = len(scores), statistics.median(scores)
    spread = NORMAL * statistics.median(abs(score - median) for score in scores)
    mean = (count * median + PRIOR * usual_mean) / (count + PRIOR)
    return mean, math.sqrt((count * spread**2 + PRIOR * usual**2) / (count + PRIOR))


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, views=st.integers(1, 5), count=st.integers(0, 40))
def test_z_by_one_vector_after_the_other(seed: int, views: int, count: int) -> None:
    strangers = Strangers(directions(seed, count, 6))
    vectors, references = directions(seed + 1, views, 6), directions(seed + 2, 7, 6)
    best = strangers.best(vectors, vectors @ references.T)
    z = np.empty((views, 7))
    for v, vector in enumerate(vectors.astype(np.float64)):
        scores = [float(vector @ other) for other in strangers.vectors]
        mean, deviation = slow_moments(scores, USUAL / math.sqrt(6))
        z[v] = [(float(vector @ reference) - mean) / deviation for reference in references]
    np.testing.assert_allclose(best.z, z.max(axis=0), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(z[best.vector, range(7)], z.max(axis=0), atol=1e-4)
    expected = [
        vectors[v] @ reference for v, reference in zip(best.vector, references, strict=True)
    ]
    np.testing.assert_allclose(best.cosine, expected, atol=1e-6)


@given(seed=SEEDS, usual=st.floats(0.1, 9), mean=st.floats(-9, 9), count=st.integers(0, 30))
def test_moments_by_the_median(seed: int, usual: float, mean: float, count: int) -> None:
    scores = np.random.default_rng(seed).normal(size=(2, count)).astype(np.float32)
    got = moments(scores, usual, mean)
    expected = [slow_moments(line.tolist(), usual, mean) for line in scores]
    np.testing.assert_allclose(np.hstack(got), expected, rtol=1e-4, atol=1e-4)


def test_one_origin_among_a_hundred_strangers_moves_nothing() -> None:
    scores = np.random.default_rng(0).normal(size=(1, 100)).astype(np.float32)
    plain, with_origin = moments(scores, 1.0), moments(np.append(scores, [[50]], axis=1), 1.0)
    np.testing.assert_allclose(plain, with_origin, atol=0.05)


@given(seed=SEEDS)
@settings(max_examples=20, deadline=None)
def test_a_further_view_never_lowers_a_statistic(seed: int) -> None:
    strangers, references = Strangers(directions(seed, 60, 5)), directions(seed + 1, 9, 5)
    vectors = directions(seed + 2, 4, 5)
    cosines = vectors @ references.T
    few = strangers.best(vectors[:2], cosines[:2])
    all_of_them = strangers.best(vectors, cosines)
    assert (all_of_them.z >= few.z - 1e-4).all()


# The shortlist


@pytest.mark.parametrize(("radius", "length"), [(2.0, 100), (4.0, 7), (99.0, 5), (1.0, 504)])
def test_low_frequencies_by_sorting(radius: float, length: int) -> None:
    map = small_map()
    by_radius = sorted(range(map.dim), key=lambda number: radii(map)[number])[:length]
    expected = sorted(number for number in by_radius if radii(map)[number] < radius)
    assert low_frequencies(map, radius, length).tolist() == expected


@settings(max_examples=50, deadline=None)
@given(seed=SEEDS, vectors=st.integers(1, 4), each=st.integers(1, 6), count=st.integers(1, 9))
def test_the_best_estimates_by_a_dictionary(seed: int, vectors: int, each: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    ids = np.stack([rng.permutation(np.arange(-1, 9))[:each] for _ in range(vectors)])
    estimates = floats(rng.normal(size=ids.shape))
    mean, deviation = floats(rng.normal(size=(vectors, 1))), floats(rng.uniform(1, 3, (vectors, 1)))
    best: dict[int, float] = {}
    for v, line in enumerate(ids.tolist()):
        for place, key in enumerate(line):
            z = float((estimates[v, place] - mean[v, 0]) / deviation[v, 0])
            if key >= 0:
                best[key] = max(best.get(key, -math.inf), z)
    expected = sorted(sorted(best, key=lambda key: -best[key])[:count])
    assert best_estimates(estimates, ids, mean, deviation, count).tolist() == expected


def test_a_vector_with_a_large_deviation_says_little() -> None:
    estimates, ids = floats([[1, 9, 3], [8, 0, 0]]), np.array([[0, 1, 2], [0, 1, 2]])
    zero = np.zeros((2, 1), np.float32)
    assert best_estimates(estimates, ids, zero, zero + 1, 2).tolist() == [0, 1]
    assert best_estimates(estimates, ids, zero, floats([[1], [10]]), 2).tolist() == [1, 2]
