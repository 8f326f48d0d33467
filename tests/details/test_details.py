"""Local features and their verification: known moves, what strangers score, hostile bytes."""

from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PILImage

from originid.details.features import (
    Features,
    FeatureSettings,
    _interpolate,
    _local_maximum,
    find_features,
)
from originid.details.verification import VerificationSettings, match, verify
from originid.errors import InputError
from originid.testing import flat_image
from originid.types import Image


def photo(seed: int = 0, height: int = 240, width: int = 320) -> Image:
    """Rectangles of random colours: full of corners, like no other seed's."""
    rng = np.random.default_rng(seed)
    image = np.full((height, width, 3), 120, np.uint8)
    for _ in range(120):
        y, x = rng.integers(height), rng.integers(width)
        h, w = rng.integers(8, 60, 2)
        image[y : y + h, x : x + w] = rng.integers(0, 256, 3)
    return image


def synthetic(places: np.ndarray, seed: int = 0) -> Features:
    """Features at places in 256ths of an image of 256 x 256, with random descriptors."""
    bits = np.random.default_rng(seed).integers(0, 256, (len(places), 8)).astype(np.uint8)
    return Features(places.astype(np.uint8), bits, 256, 256)


def test_a_part_is_found_where_it_lies() -> None:
    image = photo()
    whole = find_features(image)
    part = find_features(image[40:200, 100:300])
    agreement = verify(part, whole)
    assert agreement.statistic > 15
    assert agreement.box is not None
    expected = (100 / 320, 40 / 240, 300 / 320, 200 / 240)
    np.testing.assert_allclose(agreement.box, expected, atol=0.03)
    assert len(agreement.query) == len(agreement.reference) > 30


def test_a_small_turn_is_measured() -> None:
    image = photo(1)
    turned = np.asarray(PILImage.fromarray(image).rotate(10, PILImage.Resampling.BICUBIC))
    agreement = verify(find_features(turned), find_features(image))
    assert agreement.statistic > 10
    # Pillow turns counter-clockwise; with y downward that is the positive direction to undo it.
    assert np.degrees(np.angle(agreement.turn_zoom)) == pytest.approx(10, abs=1)
    assert abs(agreement.turn_zoom) == pytest.approx(1, abs=0.03)


def test_strangers_score_low() -> None:
    features = [find_features(photo(seed)) for seed in range(2, 6)]
    statistics = [verify(a, b).statistic for a in features for b in features if a is not b]
    assert max(statistics) < 8


def test_the_same_images_give_the_same_result() -> None:
    a, b = find_features(photo(6)), find_features(photo(6)[20:, 30:])
    first, second = verify(a, b), verify(a, b)
    assert first.statistic == second.statistic
    np.testing.assert_array_equal(first.query, second.query)


def test_a_known_similarity_is_recovered_among_wrong_matches() -> None:
    rng = np.random.default_rng(0)
    places = rng.integers(20, 120, (60, 2))
    moved = places * 1.5 + 20
    moved[:20] = rng.integers(0, 256, (20, 2))  # a third is wrong
    agreement = verify(synthetic(places), synthetic(moved))
    assert set(range(20, 60)) <= set(agreement.query.tolist())
    assert agreement.turn_zoom == pytest.approx(1.5, abs=0.02)
    # Equal descriptors have a cosine of 1.
    assert agreement.statistic == pytest.approx(0.6 * len(agreement.query), rel=1e-5)


@pytest.mark.parametrize("zoom", [0.2, 4.0])
def test_what_is_zoomed_too_far_does_not_agree(zoom: float) -> None:
    places = np.random.default_rng(0).integers(0, 60, (40, 2)) * (1 if zoom > 1 else 4)
    agreement = verify(synthetic(places), synthetic(places * zoom))
    assert agreement.statistic < 0.6 * 12


def test_matches_are_mutual_nearest_neighbours() -> None:
    a = synthetic(np.random.default_rng(1).integers(0, 256, (50, 2)), 1)
    b = synthetic(np.random.default_rng(2).integers(0, 256, (40, 2)), 2)
    rows, columns, cosines = match(a, b, -1.0)
    products = np.array([[float(x @ y) for y in b.signs] for x in a.signs])
    for row, column, cosine in zip(rows, columns, cosines, strict=True):
        assert products[row, column] == products[row].max() == products[:, column].max()
        assert cosine == pytest.approx(np.sin(np.pi / 2 * products[row, column] / 64), abs=1e-6)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_features_agree_with_nothing(count: int) -> None:
    few = synthetic(np.zeros((count, 2)))
    agreement = verify(few, synthetic(np.full((10, 2), 9)))
    assert (agreement.statistic, agreement.box, len(agreement.query)) == (0, None, 0)


def test_an_image_of_one_colour_has_hardly_any_features() -> None:
    assert len(find_features(flat_image((9, 9, 9), 64))) < 5


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (700, 3)])
def test_odd_shapes_are_looked_at(shape: tuple[int, int]) -> None:
    features = find_features(
        photo(0, *shape) if min(shape) > 2 else np.zeros((*shape, 3), np.uint8)
    )
    assert features.width >= 32
    assert features.height >= 32


@given(count=st.integers(0, 20), width=st.integers(1, 65535), height=st.integers(1, 65535))
def test_features_survive_packing(count: int, width: int, height: int) -> None:
    rng = np.random.default_rng(count)
    points = rng.integers(0, 256, (count, 2)).astype(np.uint8)
    bits = rng.integers(0, 256, (count, 8)).astype(np.uint8)
    features = Features(points, bits, width, height)
    data = features.pack()
    assert len(data) == 4 + 10 * count
    back = Features.unpack(data)
    np.testing.assert_array_equal(back.points, points)
    np.testing.assert_array_equal(back.bits, bits)
    assert (back.width, back.height) == (width, height)


@pytest.mark.parametrize("data", [b"", b"abc", b"\1\0\1\0x", b"\0\0\1\0"])
def test_bytes_that_are_no_features_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"bytes are no features|image of"):
        Features.unpack(data)


def test_local_maxima_by_a_loop() -> None:
    values = np.random.default_rng(3).normal(size=(9, 7)).astype(np.float32)
    got = _local_maximum(values, 2)
    for y in range(9):
        for x in range(7):
            part = values[max(y - 2, 0) : y + 3, max(x - 2, 0) : x + 3]
            assert got[y, x] == part.max()


def test_interpolation_is_exact_for_a_plane() -> None:
    y, x = np.mgrid[:5, :6].astype(np.float32)
    grid = np.stack([2 * x + 3 * y, x - y])
    row, column = np.array([0.5, 3.25, 9.0]), np.array([4.75, 0.0, -2.0])
    inside = np.clip(row, 0, 4), np.clip(column, 0, 5)
    expected = np.stack([2 * inside[1] + 3 * inside[0], inside[1] - inside[0]], axis=1)
    np.testing.assert_allclose(_interpolate(grid, row, column), expected, atol=1e-6)


def test_settings_are_checked() -> None:
    with pytest.raises(InputError, match="side=8"):
        FeatureSettings(side=8)
    with pytest.raises(InputError, match=r"zoom=0\.5"):
        VerificationSettings(zoom=0.5)
    with pytest.raises(InputError, match="near=0"):
        VerificationSettings(near=0)


def test_the_network_lies_in_the_package_with_its_licence() -> None:
    folder = files("originid") / "data" / "details"
    assert 1e6 < len((folder / "xfeat.onnx").read_bytes()) < 2.7e6
    assert "Apache License" in (folder / "XFEAT-LICENSE.txt").read_text(encoding="utf-8")
