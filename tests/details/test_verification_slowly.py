"""Features and their agreement against plain loops, known similarities, and hostile settings."""

import cmath
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from originid.details.features import (
    CELL,
    Features,
    FeatureSettings,
    _heat,
    _interpolate,
    _resized,
    find_features,
)
from originid.details.verification import (
    VerificationSettings,
    _box,
    _inliers,
    _least_squares,
    match,
    verify,
)
from originid.errors import InputError
from originid.testing import flat_image
from originid.types import Image

SEEDS = st.integers(0, 10**6)


def features(points: np.ndarray, seed: int = 0, width: int = 256, height: int = 256) -> Features:
    """Features at places in 256ths, each with a random descriptor."""
    bits = np.random.default_rng(seed).integers(0, 256, (len(points), 8)).astype(np.uint8)
    return Features(points.astype(np.uint8), bits, width, height)


def spread(seed: int, count: int, low: int = 0, high: int = 256) -> np.ndarray:
    return np.random.default_rng(seed).integers(low, high, (count, 2))


def corners(seed: int, height: int = 240, width: int = 320) -> Image:
    """Rectangles of random colours."""
    rng = np.random.default_rng(seed)
    image = np.full((height, width, 3), 120, np.uint8)
    for _ in range(100):
        y, x, (h, w) = rng.integers(height), rng.integers(width), rng.integers(8, 60, 2)
        image[y : y + h, x : x + w] = rng.integers(0, 256, 3)
    return image


# Features


def test_signs_are_the_bits_from_the_highest_on() -> None:
    one = Features(np.zeros((1, 2), np.uint8), np.array([[0b10000001] + [0] * 7], np.uint8), 32, 32)
    assert np.flatnonzero(one.signs[0] == 1).tolist() == [0, 7]
    assert np.count_nonzero(one.signs[0] == -1) == 62


@settings(deadline=None)
@given(x=st.integers(0, 255), y=st.integers(0, 255), width=st.integers(1, 4000))
def test_places_are_the_middles_of_256ths(x: int, y: int, width: int) -> None:
    place = features(np.array([[x, y]]), width=width, height=100).places[0]
    assert place.real == pytest.approx((2 * x + 1) * width / 512)
    assert place.imag == pytest.approx((2 * y + 1) * 100 / 512)


def test_packed_features_are_the_bytes_that_are_stated() -> None:
    bits = np.arange(8, dtype=np.uint8)[None]
    packed = Features(np.array([[7, 9]], np.uint8), bits, 258, 3).pack()
    assert packed == bytes([2, 1, 3, 0, 7, 9, 0, 1, 2, 3, 4, 5, 6, 7])


@settings(deadline=None)
@given(data=st.binary(max_size=40))
def test_any_bytes_are_read_and_packed_again_or_refused(data: bytes) -> None:
    whole = len(data) >= 4 and (len(data) - 4) % 10 == 0
    if whole and any(data[:2]) and any(data[2:4]):
        assert Features.unpack(data).pack() == data
        assert len(Features.unpack(data)) == (len(data) - 4) // 10
    else:
        with pytest.raises(ValueError, match="features"):
            Features.unpack(data)


def test_heat_puts_each_probability_at_its_pixel() -> None:
    rng = np.random.default_rng(0)
    keypoints = rng.random((65, 3, 4)).astype(np.float32)
    heat = _heat(keypoints)
    assert heat.shape == (24, 32)
    for y in range(24):
        for x in range(32):
            inside = y % CELL * CELL + x % CELL
            assert heat[y, x] == keypoints[inside, y // CELL, x // CELL]


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, row=st.floats(-2, 8), column=st.floats(-2, 8))
def test_interpolation_weighs_the_four_around(seed: int, row: float, column: float) -> None:
    grid = np.random.default_rng(seed).normal(size=(2, 4, 6)).astype(np.float32)
    y, x = min(max(row, 0), 3), min(max(column, 0), 5)
    expected = np.zeros(2)
    for r in range(4):
        for c in range(6):
            weight = max(0, 1 - abs(y - r)) * max(0, 1 - abs(x - c))
            expected += weight * grid[:, r, c]
    got = _interpolate(grid, np.array([row]), np.array([column]))
    np.testing.assert_allclose(got[0], expected, atol=1e-5)


@given(height=st.integers(1, 400), width=st.integers(1, 400), side=st.sampled_from([32, 64, 96]))
@settings(max_examples=30, deadline=None)
def test_a_resized_image_suits_the_network(height: int, width: int, side: int) -> None:
    got = _resized(np.full((height, width, 3), (30, 60, 90), np.uint8), side)
    assert max(got.shape) == side
    assert all(each >= 32 and each % 32 == 0 for each in got.shape)
    assert (got == 60).all()


def test_the_most_reliable_features_come_first() -> None:
    image = corners(1)
    many = find_features(image)
    few = find_features(image, FeatureSettings(most=20))
    assert len(few) == 20 < len(many) <= 512
    np.testing.assert_array_equal(few.points, many.points[:20])
    np.testing.assert_array_equal(few.bits, many.bits[:20])


def test_a_higher_threshold_finds_a_part_of_the_same_features() -> None:
    image = corners(2)
    low, high = (
        {tuple(point) for point in find_features(image, FeatureSettings(320, 10**5, least)).points}
        for least in (0.05, 0.2)
    )
    assert high < low


@pytest.mark.parametrize("order", ["columns", "read-only", "reversed twice"])
def test_features_do_not_depend_on_how_an_image_lies_in_memory(order: str) -> None:
    image = corners(3)
    other = {
        "columns": np.asfortranarray(image),
        "read-only": image.copy(),
        "reversed twice": np.ascontiguousarray(image[::-1])[::-1],
    }[order]
    other.flags.writeable = False
    assert find_features(other).pack() == find_features(image).pack()


# Verification


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS, n=st.integers(0, 12), m=st.integers(0, 12), least=st.floats(-1, 0.9))
def test_matches_by_comparing_all_with_all(seed: int, n: int, m: int, least: float) -> None:
    query, reference = features(spread(seed, n), seed), features(spread(seed, m), seed + 1)

    def equal(i: int, j: int) -> int:
        pairs = zip(query.bits[i].tolist(), reference.bits[j].tolist(), strict=True)
        return 64 - sum(int(a ^ b).bit_count() for a, b in pairs)

    expected = []
    for i in range(n if m else 0):
        j = max(range(m), key=lambda j: (equal(i, j), -j))
        back = max(range(n), key=lambda k: (equal(k, j), -k))
        cosine = math.sin(math.pi / 2 * (2 * equal(i, j) / 64 - 1))
        if back == i and cosine > least + 1e-6:
            expected.append((i, j, cosine))
        elif back == i and abs(cosine - least) <= 1e-6:
            return  # rounding decides
    rows, columns, cosines = match(query, reference, least)
    assert list(zip(rows.tolist(), columns.tolist(), strict=True)) == [e[:2] for e in expected]
    np.testing.assert_allclose(cosines, [e[2] for e in expected], atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS, turn=st.floats(-3, 3), zoom=st.floats(0.3, 3), near=st.floats(0.5, 20))
def test_inliers_by_a_loop(seed: int, turn: float, zoom: float, near: float) -> None:
    rng = np.random.default_rng(seed)
    z, w = (rng.normal(size=8) * 9 + 9j * rng.normal(size=8) for _ in range(2))
    a, b = np.array([cmath.rect(zoom, turn), 1]), np.array([3 - 2j, 0])
    got = _inliers(a, b, z, w, near)
    for k in range(2):
        for n in range(8):
            error = abs(a[k] * z[n] + b[k] - w[n])
            limit = near * max(abs(a[k]), 1)
            if abs(error - limit) > 1e-9:
                assert got[k, n] == (error < limit)


@settings(max_examples=40, deadline=None)
@given(
    seed=SEEDS,
    turn=st.floats(-3, 3),
    zoom=st.floats(0.1, 5),
    x=st.floats(-300, 300),
    y=st.floats(-300, 300),
)
def test_an_exact_similarity_is_recovered(
    seed: int, turn: float, zoom: float, x: float, y: float
) -> None:
    rng = np.random.default_rng(seed)
    z = rng.uniform(0, 200, 6) + 1j * rng.uniform(0, 200, 6)
    a, b = cmath.rect(zoom, turn), complex(x, y)
    weights = rng.uniform(0.1, 1, 6).astype(np.float32)
    got_a, got_b = _least_squares(z, a * z + b, weights)
    assert got_a == pytest.approx(a, abs=1e-5)
    assert got_b == pytest.approx(b, abs=1e-3)


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS)
def test_no_other_similarity_has_a_smaller_weighted_error(seed: int) -> None:
    rng = np.random.default_rng(seed)
    z, w = (rng.normal(size=7) * 20 + 20j * rng.normal(size=7) for _ in range(2))
    weights = rng.uniform(0.1, 1, 7).astype(np.float32)
    a, b = _least_squares(z, w, weights)

    def error(a: complex, b: complex) -> float:
        return float((weights * np.abs(a * z + b - w) ** 2).sum())

    for step in (0.01, -0.01, 0.01j, -0.01j):
        assert error(a, b) < error(a + step, b)
        assert error(a, b) < error(a, b + 10 * step)


def test_equal_places_give_a_number() -> None:
    same = np.full(4, 3 + 4j)
    a, b = _least_squares(same, same + 2, np.ones(4, np.float32))
    assert np.isfinite([a, b]).all()
    assert a * (3 + 4j) + b == pytest.approx(5 + 4j)


@pytest.mark.parametrize(
    ("a", "b", "box"),
    [
        (1, 0, (0, 0, 0.5, 0.25)),
        (1, 50 + 100j, (0.25, 0.25, 0.75, 0.5)),
        (2, -100, (0, 0, 0.5, 0.5)),  # what lies outside is cut off
        (-1, 100 + 100j, (0, 0, 0.5, 0.25)),  # turned by a half
        (1j, 100, (0, 0, 0.5, 0.25)),  # by a quarter: the corners are 0, 100 to -100, 0 to 100
        (1, 500 + 900j, (1, 1, 1, 1)),
    ],
)
def test_boxes_by_hand(a: complex, b: complex, box: tuple[float, ...]) -> None:
    query = features(np.zeros((0, 2)), width=100, height=100)
    reference = features(np.zeros((0, 2)), width=200, height=400)
    assert _box(query, reference, complex(a), complex(b)) == pytest.approx(box)


@settings(max_examples=15, deadline=None)
@given(seed=SEEDS, x=st.integers(0, 100), y=st.integers(0, 100))
def test_a_shift_is_found_whatever_it_is(seed: int, x: int, y: int) -> None:
    points = spread(seed, 30, 0, 150)
    agreement = verify(features(points, seed), features(points + np.array([x, y]), seed))
    assert agreement.turn_zoom == pytest.approx(1, abs=1e-6)
    assert agreement.shift == pytest.approx(complex(x, y), abs=1e-3)
    assert agreement.query.tolist() == agreement.reference.tolist() == list(range(30))
    assert agreement.statistic == pytest.approx(30 * 0.6, rel=1e-5)
    assert agreement.box == pytest.approx((x / 256, y / 256, 1, 1))


@pytest.mark.parametrize(("turn", "agrees"), [(15, True), (40, False)])
def test_what_is_turned_too_far_does_not_agree(turn: float, agrees: bool) -> None:
    points = spread(3, 40, 60, 190)
    around = (points - 128) @ np.array([1, 1j]) * cmath.exp(1j * math.radians(turn))
    moved = np.rint(np.stack([around.real, around.imag], axis=1) + 128)
    found = verify(features(points), features(moved))
    assert (len(found.query) == 40) == agrees
    wide = verify(features(points), features(moved), VerificationSettings(turn=60))
    assert len(wide.query) == 40
    assert math.degrees(cmath.phase(wide.turn_zoom)) == pytest.approx(turn, abs=1)


def test_features_that_all_lie_at_one_place_propose_nothing() -> None:
    agreement = verify(features(np.full((30, 2), 80)), features(spread(4, 30)))
    assert (agreement.statistic, agreement.box) == (0, None)


def test_descriptors_below_the_cosine_do_not_count() -> None:
    points = spread(5, 40)
    strangers = verify(features(points, 1), features(points, 2), VerificationSettings(cosine=0.8))
    assert strangers.statistic == 0


def test_images_of_one_colour_agree_with_nothing() -> None:
    flat = find_features(flat_image((200, 10, 10), 96))
    assert verify(flat, find_features(corners(6))).statistic < 1


NAN, INFINITE = math.nan, math.inf


@pytest.mark.parametrize(
    "wrong",
    [{"side": 31}, {"most": 0}, {"threshold": -0.1}, {"threshold": 1}, {"threshold": NAN}],
)
def test_wrong_settings_of_features_say_what_is_expected(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError) as caught:
        FeatureSettings(**wrong)  # type: ignore[arg-type]
    ((name, value),) = wrong.items()
    assert f"{name}={value}" in caught.value.given
    assert name in caught.value.expected
    assert caught.value.todo == "leave them out"


@pytest.mark.parametrize(
    "wrong",
    [
        *({"cosine": value} for value in (-0.1, 1.0, NAN)),
        *({"turn": value} for value in (0, 181, NAN, INFINITE)),
        *({"zoom": value} for value in (0.99, NAN, -INFINITE)),
        *({"near": value} for value in (0, -1, NAN)),
        {"proposals": 0},
    ],
)
def test_wrong_settings_of_verification_say_what_is_expected(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError) as caught:
        VerificationSettings(**wrong)  # type: ignore[arg-type]
    ((name, value),) = wrong.items()
    assert f"{name}={value}" in caught.value.given
    assert name in caught.value.expected
    assert caught.value.todo == "leave them out"


@given(seed=SEEDS, cells=st.sampled_from([1, 4, 32]))
def test_features_within_cells_by_a_loop(seed: int, cells: int) -> None:
    random = np.random.default_rng(seed)
    found = features(random.integers(0, 256, (30, 2)), seed)
    known = random.random((cells, cells)) < 0.5
    kept = [
        number
        for number, (x, y) in enumerate(found.points.tolist())
        if known[y * cells // 256, x * cells // 256]
    ]
    within = found.within(known)
    np.testing.assert_array_equal(within.points, found.points[kept])
    np.testing.assert_array_equal(within.bits, found.bits[kept])
