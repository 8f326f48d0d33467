"""Places, parts and looks against slow references; scores made comparable; the shortlist."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from originid.encoders import open_encoder
from originid.errors import InputError, ModelError
from originid.maps import DctMap, DenseMap, unit_length
from originid.model import Model, open_model
from originid.testing import textured_image
from originid.types import Image, Vectors
from originid.views.looks import (
    Lookout,
    Looks,
    Stage,
    best_views,
    query_views,
)
from originid.views.normalise import USUAL, Strangers, moments
from originid.views.parts import (
    USUAL_BEST,
    USUAL_SPREAD,
    Parts,
    PartSettings,
    part_statistic,
)
from originid.views.places import (
    Place,
    Placing,
    canvas,
    coarse_places,
    dense_places,
    encode_sizes,
    windows,
)
from originid.views.shortlist import low_frequencies

CELLS = 32


@pytest.fixture(scope="module")
def packaged() -> Model:
    """The packaged model."""
    return open_model()


def dct_map(model: Model) -> DctMap:
    """Its map, known to be one in the DCT."""
    assert isinstance(model.map, DctMap)
    return model.map


def scene(seed: int) -> Image:
    """Blobs with a frame of other blobs, so that a part is unlike the whole."""
    image = textured_image(seed, 128, 160)
    image[20:90, 30:120] = textured_image(seed + 500, 70, 90)
    return image


def placed_slowly(map: DctMap, latent: np.ndarray, place: Place) -> np.ndarray:
    """The latent of a whole grid: the mean, and a latent at a place of it."""
    channels = sum(c for c, _, _ in map.basis.shapes)
    grid = map.basis.latents(map.mean[None]).reshape(channels, CELLS, CELLS).copy()
    rows = slice(place.top, place.top + place.height)
    grid[:, rows, place.left : place.left + place.width] = latent
    return grid.reshape(1, -1)


@pytest.mark.parametrize("place", [Place(32, 32, 0, 0), Place(22, 28, 3, 4), Place(20, 32, 12, 0)])
def test_a_placed_query_is_mapped_like_a_latent_filled_with_the_mean(
    packaged: Model, place: Place
) -> None:
    map = dct_map(packaged)
    latents = encode_sizes(scene(1), [place.size], packaged.encoder)
    other = Place(place.height, place.width, 0, 0)
    fast = Placing(map, [other, place]).vectors(latents)
    slow = [placed_slowly(map, latents[place.size], each) for each in (other, place)]
    np.testing.assert_allclose(fast, unit_length(map.apply(np.concatenate(slow))), atol=2e-5)


def test_the_whole_grid_gives_the_vector_of_the_model(packaged: Model) -> None:
    image = scene(2)
    whole = Place(CELLS, CELLS, 0, 0)
    latents = encode_sizes(image, [whole.size], packaged.encoder)
    squashed = canvas(image, whole.size, packaged.encoder.size, CELLS)
    expected = packaged.encode(squashed[None])
    got = Placing(packaged.map, [whole]).vectors(latents)
    np.testing.assert_allclose(got, expected, atol=2e-5)


def test_damping_is_one_at_no_frequency_and_exp_of_minus_a_half_at_its_own(model: Model) -> None:
    whole = [Place(CELLS, CELLS, 0, 0)]
    latents = encode_sizes(scene(3), [(CELLS, CELLS)], model.encoder)
    plain = Placing(model.map, whole)
    damped = Placing(model.map, whole, damping=4.0)
    (c, h, w), kept = dct_map(model).basis.shapes[0], dct_map(model).basis.kept[0]
    _, row, column = np.unravel_index(kept, (c, h, w))
    gain = np.exp(-((np.hypot(row, column) / 4.0) ** 2) / 2)
    expected = unit_length(dct_map(model).finish(plain.coefficients(latents) * gain))
    np.testing.assert_allclose(damped.vectors(latents), expected, atol=1e-6)


def test_what_follows_the_mean_is_what_the_map_does(packaged: Model) -> None:
    map = dct_map(packaged)
    latents = packaged.encoder.encode(np.stack([textured_image(s) for s in range(3)]))
    differences = map.basis.coefficients(latents) - map.mean
    np.testing.assert_array_equal(map.finish(differences), map.apply(latents))


def test_a_smaller_grid_is_encoded_as_the_image_alone(packaged: Model) -> None:
    # An image of half the width, doubled by its own mirror image: inside nothing may differ.
    image = scene(4)
    both = np.concatenate([image, image[:, ::-1]], axis=1)
    half = encode_sizes(image, [(32, 16)], packaged.encoder)[32, 16]
    whole = encode_sizes(both, [(32, 32)], packaged.encoder)[32, 32]
    # The filter that shrinks reaches over the seam by a pixel, two cells feel it; the half is
    # squashed in two steps.
    np.testing.assert_allclose(half[:, :, :12], whole[:, :, :12], atol=0.06)


@given(
    size=st.tuples(st.integers(1, 32), st.integers(1, 32)),
    step=st.integers(1, 40),
)
def test_windows_reach_both_borders_and_leave_no_gap(size: tuple[int, int], step: int) -> None:
    found = windows([size], step, CELLS)
    for side, ends in ((0, {place.top for place in found}), (1, {place.left for place in found})):
        ordered = sorted(ends)
        assert ordered[0] == 0
        assert ordered[-1] == CELLS - size[side]
        assert max(np.diff([*ordered, ordered[-1]])) <= step
    for place in found:
        x0, y0, x1, y1 = place.box(CELLS)
        assert 0 <= x0 < x1 <= 1
        assert 0 <= y0 < y1 <= 1


def test_numbers_of_places_are_those_that_are_stated() -> None:
    assert len(coarse_places(CELLS)) == 37
    assert len(dense_places(CELLS)) == 151
    assert all(place.top + place.height <= 16 for place in dense_places(16))


def test_maps_without_a_grid_are_refused() -> None:
    dense = DenseMap(np.eye(4, dtype=np.float32), np.zeros(4, np.float32))
    with pytest.raises(ModelError, match="map of the kind 'dense'"):
        Placing(dense, [])


def test_a_moved_part_is_a_placed_window(packaged: Model) -> None:
    map = dct_map(packaged)
    latent = encode_sizes(scene(5), [(CELLS, CELLS)], packaged.encoder)[CELLS, CELLS]
    parts = Parts(map, PartSettings(side=16, step=8, reach=4, stride=4))
    vectors = parts.vectors(latent)
    assert vectors.shape == (9, 9, packaged.dim)
    assert parts.corners[4] == (8, 8)
    slow = placed_slowly(map, latent[:, 8:24, 8:24], Place(16, 16, 4, 12))
    # Moves go by rows, then by columns, from -4: up by 4 and right by 4 is the third.
    np.testing.assert_allclose(vectors[4, 2], unit_length(map.apply(slow))[0], atol=2e-5)


def test_parts_at_the_border_stay_inside(packaged: Model) -> None:
    parts = Parts(packaged.map)
    assert parts.moves == 25
    for placing in parts._placings:
        assert all(0 <= p.top <= 16 and 0 <= p.left <= 16 for p in placing.places)


def test_a_part_statistic_sums_the_best_of_each_part() -> None:
    rng = np.random.default_rng(0)
    strangers = Strangers(unit_length(rng.normal(size=(60, 8)).astype(np.float32)))
    vectors = unit_length(rng.normal(size=(6, 8)).astype(np.float32)).reshape(2, 3, 8)
    references = unit_length(rng.normal(size=(5, 8)).astype(np.float32))
    got = part_statistic(vectors, references, strangers)

    def slow(rows: np.ndarray) -> np.ndarray:
        total = np.zeros(len(rows))
        for part in vectors:
            best = np.full(len(rows), -np.inf)
            for vector in part:
                mean, deviation = moments((strangers.vectors @ vector)[None], USUAL / 8**0.5)
                best = np.maximum(best, (rows @ vector - mean[0]) / deviation[0])
            total += best
        return total

    of_strangers = np.asarray(slow(strangers.vectors), np.float32)[None]
    mean, deviation = moments(of_strangers, 2 * USUAL_SPREAD, 2 * USUAL_BEST)
    expected = (slow(references) - mean[0]) / deviation[0]
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)


def test_without_strangers_photos_are_taken_for_them() -> None:
    references = np.array([[0.6, 0.8, 0, 0], [1, 0, 0, 0]], np.float32)
    best = Strangers(np.zeros((0, 4), np.float32)).best(np.eye(4, dtype=np.float32), references.T)
    np.testing.assert_allclose(best.z, [0.8 / 0.6, 1 / 0.6], rtol=1e-6)
    np.testing.assert_allclose(best.cosine, [0.8, 1])
    assert best.vector.tolist() == [1, 0]


def test_signs_are_those_of_the_lowest_frequencies(packaged: Model) -> None:
    map = dct_map(packaged)
    components = low_frequencies(map)
    assert len(components) == 504
    radii = []
    for shape, kept in zip(map.basis.shapes, map.basis.kept, strict=True):
        _, row, column = np.unravel_index(kept, shape)
        radii.append(np.hypot(row, column))
    radius = np.concatenate(radii)
    assert radius[components].max() <= np.delete(radius, components).min() + 1e-9


def test_a_map_without_low_frequencies_is_refused(packaged: Model) -> None:
    with pytest.raises(ModelError, match="no frequency below 0"):
        low_frequencies(dct_map(packaged), radius=0)


def compared(lookout: Lookout, looks: Looks, references: Vectors, strangers: Strangers) -> Stage:
    return lookout.compare(looks, looks.vectors @ references.T, strangers)


def test_a_mirrored_part_is_found_where_it_lies(packaged: Model) -> None:
    lookout = Lookout(packaged.encoder, packaged.map, ThreadPoolExecutor(2))
    images = [scene(seed) for seed in range(80)]
    references = packaged.encode(images)
    strangers = Strangers(references[20:])
    # The upper left 28 x 24 cells of the third reference, mirrored.
    query = np.ascontiguousarray(images[2][:112, :120][:, ::-1])
    views = [view for view in query_views(query) if not view.block]
    coarse = compared(lookout, lookout.coarse(views), references, strangers)
    assert coarse.z.argmax() == 2
    chosen = best_views(coarse, views)
    assert chosen[0].name == "mirrored"
    dense = compared(lookout, lookout.dense(chosen), references, strangers)
    assert dense.z.argmax() == 2
    best = dense.looks[dense.look[2]]
    assert best.view == "mirrored"
    np.testing.assert_allclose(best.place.box(lookout.cells), (0, 0, 0.75, 0.875), atol=0.13)
    parts = lookout.compare_parts(chosen[0], references, strangers)
    assert parts.shape == (80,)
    assert np.isfinite(parts).all()


def test_efforts_add_views() -> None:
    image = scene(7)
    assert [view.name for view in query_views(image, "quick")] == ["full"]
    assert [view.name for view in query_views(image)][:5] == [
        "full",
        "mirrored",
        "turned by a quarter",
        "turned by a half",
        "turned by three quarters",
    ]
    thorough = [view.name for view in query_views(image, "thorough")]
    assert thorough[-2:] == ["turned by 5 degrees", "turned by -5 degrees"]
    with pytest.raises(InputError, match="effort 'slow'"):
        query_views(image, "slow")  # type: ignore[arg-type]


def test_other_encoders_with_a_grid_can_be_placed(model: Model) -> None:
    latents = encode_sizes(scene(8), [(20, 24)], open_encoder("pixels"))
    assert latents[20, 24].shape == (3, 20, 24)
    vectors = Placing(model.map, windows([(20, 24)], 4, CELLS)).vectors(latents)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
