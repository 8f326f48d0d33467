"""Moves and attacks worked out by hand, their bounds, and the texts that name them."""

import contextlib
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from originid.errors import ImageError, InputError
from originid.evaluation.attacks import ATTACKS, Attack, Kind, Step, parse_attack
from originid.evaluation.degradations import resize, watermark
from originid.evaluation.moves import (
    caption,
    crop,
    letterbox,
    mirror,
    pad,
    screenshot,
    social,
    square,
    story,
    turn,
)
from originid.types import Image

SEEDS = st.integers(0, 10**6)
SIDES = st.integers(1, 60)
LEVELS = {
    "jpeg": st.integers(1, 100),
    "social": st.integers(1, 100),
    "quarter": st.integers(1, 3),
    "blur": st.floats(1e-6, 100),
    "resize": st.floats(1e-6, 4),
    "watermark": st.floats(1e-6, 1),
    "crop": st.floats(1e-6, 90),
    "turn": st.floats(1e-6, 45),
    "letterbox": st.floats(1e-6, 90),
    "pad": st.floats(1e-6, 90),
}
STEPS = st.one_of(
    [st.builds(Step, st.just(name), level.map(float)) for name, level in LEVELS.items()]
    + [st.builds(Step, st.just(name)) for name in sorted(ATTACKS.keys() - LEVELS.keys())]
)


def noise(seed: int, height: int = 40, width: int = 60) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)


def held(image: Image, page: Image) -> list[tuple[int, int]]:
    """Where a page shows an image as it is, (top, left)."""
    (h, w), (height, width) = image.shape[:2], page.shape[:2]
    places = itertools.product(range(height - h + 1), range(width - w + 1))
    return [(y, x) for y, x in places if np.array_equal(page[y : y + h, x : x + w], image)]


# Texts


@settings(deadline=None)
@given(steps=st.lists(STEPS, min_size=1, max_size=4))
def test_an_attack_is_read_from_its_text(steps: list[Step]) -> None:
    attack = Attack(tuple(steps))
    assert parse_attack(str(attack)) == attack


@pytest.mark.parametrize(
    ("level", "text"),
    [
        (0.00001, "blur:0.00001"),
        (12.345678901, "blur:12.345678901"),
        (100, "blur:100"),
        (1 / 3, "blur:0.3333333333333333"),
    ],
)
def test_a_text_has_all_digits_and_no_exponent(level: float, text: str) -> None:
    assert str(Step("blur", level)) == text
    assert parse_attack(text).steps == (Step("blur", level),)


@pytest.mark.parametrize(("text", "level"), [("crop:.5", 0.5), ("crop:05", 5), ("jpeg:30.0", 30)])
def test_other_ways_to_write_a_level(text: str, level: float) -> None:
    assert parse_attack(text).steps[0].level == level


@pytest.mark.parametrize(
    "text",
    [
        "crop:1_0",
        "crop: 5",
        "crop:5 ",
        "crop:-5",
        "crop:1e1",
        "crop:5.",
        "crop:5:5",
        "crop:\u0663",  # an Arabic digit
        "crop:\uff15",  # a wide digit
        "crop:0.0",
        "crop:5\n",
        "crop:" + "9" * 400,
        "crop:0." + "0" * 400 + "1",
        "Crop:5",
        "crop :5",
        "mirror:",
        "mirror:0",
        "quarter:1.5",
        "quarter:0",
        "\0",
        "crop:5,mirror",
    ],
)
def test_what_is_no_attack_is_refused_in_three_parts(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_attack(text)
    assert caught.value.given == f"attack {text!r}"
    assert "crop:PERCENT of the area that is cut away, above 0, at most 90" in caught.value.expected
    misspelt = text in ("Crop:5", "crop :5")
    assert caught.value.todo == (
        "did you mean crop?" if misspelt else "choose a name and a level; join several by +"
    )
    assert len(str(caught.value).split("\n")) == 3


@given(text=st.text(alphabet="crop:mirojeg+0129. -_e", max_size=14))
@settings(max_examples=200, deadline=None)
def test_any_text_is_an_attack_or_an_input_error(text: str) -> None:
    with contextlib.suppress(InputError):
        attack = parse_attack(text)
        assert len(attack.steps) == text.count("+") + 1
        assert all(step.name in ATTACKS for step in attack.steps)


@pytest.mark.parametrize("level", [math.nan, math.inf, -math.inf, -1])
@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_no_step_takes_what_is_no_level(name: str, level: float) -> None:
    with pytest.raises(InputError, match="attack "):
        Step(name, level)


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_each_kind_admits_its_highest_level_and_nothing_above(name: str) -> None:
    kind = ATTACKS[name]
    assert kind.admits(kind.most)
    assert not kind.admits(math.nextafter(kind.most, math.inf))
    assert kind.admits(0) == (kind.most == 0)
    assert bool(kind.level) == bool(kind.most)


def test_whole_levels_start_at_one() -> None:
    kind = Kind(mirror, 3, whole=True)
    assert [kind.admits(level) for level in (0, 0.5, 1, 1.5, 2, 3, 4)] == [
        *(False, False, True, False, True, True, False)
    ]


# What each move keeps


def test_crops_lie_everywhere() -> None:
    places = [held(crop(noise(seed), 50), noise(seed))[0] for seed in range(200)]
    tops, lefts = (set(each) for each in zip(*places, strict=True))
    # 28 x 42 of 40 x 60: each of 13 x 19 places may be drawn.
    assert (min(tops), max(tops), min(lefts), max(lefts)) == (0, 12, 0, 18)
    assert len(set(places)) > 100


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, height=SIDES, width=SIDES)
def test_a_square_and_a_story_are_the_largest_in_the_middle(
    seed: int, height: int, width: int
) -> None:
    image = noise(seed, height, width)
    short = min(height, width)
    top, left = (height - short) // 2, (width - short) // 2
    expected = image[top : top + short, left : left + short]
    np.testing.assert_array_equal(square(image, 0), expected)
    h, w = story(image, 0).shape[:2]
    assert h == height or w == width
    assert ((height - h) // 2, (width - w) // 2) in held(story(image, 0), image)
    # No pixel more would fit to 9:16.
    assert abs(w - h * 9 / 16) <= 0.5 + 9 / 32


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, height=SIDES, width=SIDES, percent=st.floats(0.01, 80))
def test_bars_are_black_equal_and_of_their_share(
    seed: int, height: int, width: int, percent: float
) -> None:
    image = np.maximum(noise(seed, height, width), 1)  # no pixel is black
    got = letterbox(image, percent)
    above = got.shape[1] == width
    side, whole = (height, got.shape[0]) if above else (width, got.shape[1])
    assert got.shape[:2] == ((whole, width) if above else (height, whole))
    bar = (whole - side) // 2
    assert held(image, got) == [(bar, 0) if above else (0, bar)]
    assert whole - side == 2 * bar == 2 * max(1, round(side * percent / (100 - percent) / 2))
    assert np.count_nonzero(got.any(axis=2)) == height * width


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, percent=st.floats(1, 60))
def test_a_margin_has_one_colour_and_its_share(seed: int, percent: float) -> None:
    image = noise(seed, 21, 33)
    got = pad(image, percent)
    h, w = got.shape[:2]
    assert h == round(21 / (1 - percent / 100))
    assert w == round(33 / (1 - percent / 100))
    ((top, left),) = held(image, got)
    around = np.ones((h, w), np.bool_)
    around[top : top + 21, left : left + 33] = False
    assert len(np.unique(got[around], axis=0)) == (1 if around.any() else 0)
    assert (h - 21) / 4 - 0.5 <= top <= 3 * (h - 21) / 4 + 0.5
    assert (w - 33) / 4 - 0.5 <= left <= 3 * (w - 33) / 4 + 0.5


def test_margins_have_many_colours_white_and_black_among_them() -> None:
    colours = {tuple(pad(noise(seed, 8, 8), 40)[0, 0].tolist()) for seed in range(40)}
    assert {(0, 0, 0), (255, 255, 255)} < colours
    assert len(colours) > 5


@settings(max_examples=30, deadline=None)
@given(height=SIDES, width=SIDES, degrees=st.floats(0.1, 45))
def test_a_turned_picture_has_no_corner_that_was_filled(
    height: int, width: int, degrees: float
) -> None:
    got = turn(np.full((height, width, 3), 255, np.uint8), degrees)
    angle = math.radians(degrees)
    h, w = got.shape[:2]
    assert h <= height
    assert w <= width
    # What is kept, turned back, fits into the picture, if it is more than one pixel.
    if min(h, w) > 1:
        assert w * math.cos(angle) + h * math.sin(angle) <= width + 1e-9
        assert w * math.sin(angle) + h * math.cos(angle) <= height + 1e-9


def test_a_picture_is_turned_to_both_sides() -> None:
    line = np.zeros((81, 81, 3), np.uint8)
    sides = set()
    for seed in range(20):
        line[39:42] = 200 + seed  # a level line; its bytes seed the side
        got = turn(line, 20)[..., 0] > 100
        left, right = (np.flatnonzero(got[:, x]).mean() for x in (5, -6))
        expected = math.tan(math.radians(20)) * (got.shape[1] - 11)
        assert abs(right - left) == pytest.approx(expected, abs=1.5)
        sides.add(bool(right > left))
    assert sides == {False, True}


@settings(max_examples=12, deadline=None)
@given(seed=SEEDS, width=st.integers(1, 400), height=st.integers(1, 400))
def test_a_screenshot_has_the_shape_of_a_phone(seed: int, width: int, height: int) -> None:
    page = screenshot(noise(seed, height, width), 0)
    assert page.shape[1] == max(width, 300)
    assert page.shape[0] == round(page.shape[1] * 19.5 / 9)


def test_a_caption_leaves_the_middle_as_it_is() -> None:
    image = noise(1, 200, 300)
    got = caption(image, 0)
    assert got.shape == image.shape
    np.testing.assert_array_equal(got[60:140], image[60:140])
    assert set(np.unique(got[9:40, 25:275])) >= {0, 255}
    np.testing.assert_array_equal(got[:, :25], image[:, :25])


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((100, 40), (90, 36)), ((2160, 1080), (975, 487)), ((1, 1), (1, 1)), ((8, 2000), (4, 975))],
)
def test_what_is_shared_twice_shrinks_twice(
    shape: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert social(noise(2, *shape), 60).shape[:2] == expected


@given(height=SIDES, width=SIDES, scale=st.floats(0.001, 4))
@settings(max_examples=30, deadline=None)
def test_a_resized_image_has_its_size_and_its_colour(height: int, width: int, scale: float) -> None:
    got = resize(np.full((height, width, 3), (9, 100, 250), np.uint8), scale)
    assert got.shape == (max(1, round(scale * height)), max(1, round(scale * width)), 3)
    assert (got == (9, 100, 250)).all()


@given(seed=SEEDS, opacity=st.floats(0.01, 1))
@settings(max_examples=20, deadline=None)
def test_a_watermark_mixes_with_black_and_white(seed: int, opacity: float) -> None:
    image = noise(seed, 60, 90)
    got, base = watermark(image, opacity).astype(int), image.astype(float)
    mixed = [np.abs(got - (base + opacity * (ink - base))).max(axis=2) for ink in (0, 255)]
    kept = (got == image).all(axis=2)
    assert (kept | (np.minimum(*mixed) <= 0.51)).all()
    assert 0.5 < kept.mean() < 0.99 or opacity < 0.05


def test_a_step_that_fails_ends_the_attack() -> None:
    long = np.zeros((1, 30_000, 3), np.uint8)
    with pytest.raises(ImageError) as caught:
        parse_attack("resize:3+jpeg:50+mirror").apply(long)
    assert caught.value.given == "90000 x 3 pixels"
    assert caught.value.expected == "expected at most 65500 a side"
    assert caught.value.todo == "resize it"
