"""What each cell contributes: it adds up to the score, and a slow sum says the same."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PILImage

from originid.explain.alignment import Alignment, of_box
from originid.explain.contributions import (
    CHANCE,
    SMOOTHING,
    STRANGERS,
    alikeness,
    compare_cells,
    pictures,
    smoothed,
)
from originid.explain.placed import cell_place, place
from originid.maps import DctMap, dct_matrix
from originid.model import Model, open_model
from originid.testing import textured_image
from originid.types import Floats32, Image, Mask, Vectors
from originid.views.looks import DAMPING
from originid.views.places import Place, Placing, encode_sizes

CELLS = 32
ALL: Mask = np.ones((CELLS, CELLS), np.bool_)


@pytest.fixture(scope="module")
def packaged() -> Model:
    """The packaged model."""
    return open_model()


def dct_map(model: Model) -> DctMap:
    """Its map, known to be one in the DCT."""
    assert isinstance(model.map, DctMap)
    return model.map


def edited(image: Image) -> Image:
    """An image with another texture in its lower right quarter."""
    height, width = (side // 2 for side in image.shape[:2])
    changed = image.copy()
    changed[height:, width:] = textured_image(999, *changed[height:, width:].shape[:2])
    return changed


def boxed(box: tuple[float, float, float, float]) -> Alignment:
    """An alignment that a box gives."""
    return Alignment(of_box(box), False, np.zeros((0, 2)), 0.0)


def no_strangers(model: Model) -> Vectors:
    return np.zeros((0, model.dim), np.float32)


def test_contributions_of_a_whole_query_add_up_to_the_score_of_the_model(packaged: Model) -> None:
    origin = textured_image(1, 96, 128)
    query = edited(origin)
    reference, expected = packaged.encode([origin, query])
    placed = place(query, boxed((0, 0, 1, 1)), None, packaged, dct_map(packaged))
    cells = compare_cells(
        placed.vector, reference, no_strangers(packaged), placed.known, dct_map(packaged).basis
    )
    assert placed.known.all()
    assert cells.score == pytest.approx(float(reference @ expected), abs=1e-4)
    assert float(cells.contributions.sum()) == pytest.approx(cells.score, abs=1e-4)


def test_contributions_of_a_part_add_up_to_the_score_of_its_place(packaged: Model) -> None:
    origin = textured_image(2, 128, 128)
    box = (0.25, 0.0, 1.0, 0.75)
    query = origin[:96, 32:]
    placed = place(query, boxed(box), box, packaged, dct_map(packaged))
    at = cell_place(box, CELLS)
    assert at == Place(24, 24, 0, 8)
    placing = Placing(packaged.map, [at], DAMPING)
    expected = placing.vectors(encode_sizes(query, placing.sizes, packaged.encoder))[0]
    reference = packaged.encode(origin)[0]
    cells = compare_cells(
        placed.vector, reference, no_strangers(packaged), placed.known, dct_map(packaged).basis
    )
    assert cells.score == pytest.approx(float(reference @ expected), abs=1e-4)
    assert cells.known.sum() == 24 * 24
    assert not cells.alike[~cells.known].any()
    inside = float(cells.contributions[cells.known].sum())
    assert inside > 0.9 * cells.score


def picture_slowly(vector: Floats32, map: DctMap) -> Floats32:
    """A vector turned back by the DCT, coefficient by coefficient."""
    grid = np.zeros((sum(c for c, _, _ in map.basis.shapes), CELLS, CELLS))
    cosines = dct_matrix(CELLS).astype(np.float64)
    component, first = 0, 0
    for (channels, _, _), kept in zip(map.basis.shapes, map.basis.kept, strict=True):
        for index in kept:
            channel, row, column = np.unravel_index(index, (channels, CELLS, CELLS))
            wave = np.outer(cosines[row], cosines[column])
            grid[first + int(channel)] += float(vector[component]) * wave
            component += 1
        first += channels
    return np.asarray(grid, np.float32)


def test_pictures_are_those_of_a_slow_transform(packaged: Model) -> None:
    map = dct_map(packaged)
    vectors = packaged.encode([textured_image(3), textured_image(4)])
    slow = [picture_slowly(vector, map) for vector in vectors]
    np.testing.assert_allclose(pictures(vectors, map.basis), slow, atol=1e-5)
    cells = compare_cells(vectors[0], vectors[1], no_strangers(packaged), ALL, map.basis)
    np.testing.assert_allclose(cells.contributions, (slow[0] * slow[1]).sum(axis=0), atol=1e-5)


def test_what_was_replaced_is_not_alike(packaged: Model) -> None:
    origin = textured_image(5, 128, 128)
    reference, query = packaged.encode([origin, edited(origin)])
    cells = compare_cells(query, reference, no_strangers(packaged), ALL, dct_map(packaged).basis)
    replaced = np.zeros_like(ALL)
    replaced[20:, 20:] = True
    kept = ALL.copy()
    kept[12:, 12:] = False
    assert cells.agreeing[kept].mean() > 0.9
    assert cells.agreeing[replaced].mean() < 0.3
    assert cells.chance == CHANCE


def test_strangers_say_what_chance_is(packaged: Model) -> None:
    vectors = packaged.encode([textured_image(seed) for seed in range(STRANGERS + 2)])
    cells = compare_cells(vectors[0], vectors[1], vectors[2:], ALL, dct_map(packaged).basis)
    here, there = (pictures(each, dct_map(packaged).basis) for each in (vectors[:1], vectors[2:]))
    others = alikeness(here, there)
    assert (others > cells.chance).mean() == pytest.approx(0.01, abs=0.002)
    scores = vectors[2:] @ vectors[0]
    assert float(cells.expected.sum()) == pytest.approx(float(scores.mean()), abs=1e-4)


@given(st.integers(0, 2**32 - 1), st.integers(2, 12))
def test_alikeness_is_a_cosine(seed: int, size: int) -> None:
    random = np.random.default_rng(seed)
    here = random.standard_normal((1, 3, size, size)).astype(np.float32)
    there = random.standard_normal((4, 3, size, size)).astype(np.float32)
    found = alikeness(here, there)
    assert found.shape == (4, size, size)
    assert np.abs(found).max() <= 1 + 1e-5
    assert alikeness(here, here).min() > 0
    np.testing.assert_allclose(alikeness(here, -there), -found, atol=1e-6)


@given(st.integers(0, 2**32 - 1), st.integers(1, 9))
def test_smoothing_is_a_slow_weighted_mean(seed: int, size: int) -> None:
    grid = np.random.default_rng(seed).standard_normal((size, size)).astype(np.float32)
    slow = np.zeros((size, size))
    rows, columns = np.mgrid[:size, :size]
    for row in range(size):
        for column in range(size):
            apart = (rows - row) ** 2 + (columns - column) ** 2
            weights = np.exp(-apart / (2 * SMOOTHING**2))
            slow[row, column] = (weights * grid).sum() / weights.sum()
    np.testing.assert_allclose(smoothed(grid[None])[0], slow, atol=1e-5)


@given(st.tuples(*[st.floats(0, 1)] * 4), st.integers(1, 40))
def test_every_box_has_a_place_inside_of_the_grid(
    sides: tuple[float, float, float, float], cells: int
) -> None:
    x, y = sorted(sides[:2]), sorted(sides[2:])
    at = cell_place((x[0], y[0], x[1], y[1]), cells)
    assert at.height >= 1 <= at.width
    assert 0 <= at.top <= at.top + at.height <= cells
    assert 0 <= at.left <= at.left + at.width <= cells


def test_a_frame_is_no_evidence(packaged: Model) -> None:
    framed = np.zeros((128, 128, 3), np.uint8)
    framed[32:96, 32:96] = np.asarray(PILImage.fromarray(textured_image(6)).resize((64, 64)))
    placed = place(framed, boxed((0, 0, 1, 1)), None, packaged, dct_map(packaged))
    assert not placed.known[:6].any()
    assert placed.known[12:20, 12:20].all()
