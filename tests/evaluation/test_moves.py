"""What people do to images: each move keeps what it says it keeps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from originid.evaluation.attacks import ATTACKS
from originid.testing import textured_image

MOVES = {name: kind.apply for name, kind in ATTACKS.items()}
LEVELS = {
    "jpeg": 50,
    "resize": 0.5,
    "crop": 25,
    "letterbox": 25,
    "pad": 30,
    "turn": 5,
    "social": 60,
    "quarter": 1,
}
IMAGE = textured_image(1, 120, 180)


@pytest.mark.parametrize("name", MOVES)
def test_a_move_gives_the_same_image_every_time_and_leaves_its_argument_alone(name: str) -> None:
    before = IMAGE.copy()
    first, second = (MOVES[name](IMAGE, LEVELS.get(name, 1)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(IMAGE, before)
    assert first.dtype == np.uint8
    assert first.shape[2] == 3


@pytest.mark.parametrize("name", MOVES)
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (33, 7)])
def test_small_images_are_moved(name: str, shape: tuple[int, int]) -> None:
    assert MOVES[name](textured_image(2, *shape), LEVELS.get(name, 1)).size > 0


def test_mirror_and_quarter_are_exact() -> None:
    np.testing.assert_array_equal(MOVES["mirror"](IMAGE, 1), IMAGE[:, ::-1])
    np.testing.assert_array_equal(MOVES["quarter"](IMAGE, 3), np.rot90(IMAGE, 3))


@settings(max_examples=20, deadline=None)
@given(percent=st.integers(1, 90), seed=st.integers(0, 99))
def test_a_crop_keeps_its_share_of_the_area_and_lies_inside(percent: int, seed: int) -> None:
    image = textured_image(seed, 120, 180)
    part = MOVES["crop"](image, percent)
    share = part.shape[0] * part.shape[1] / (120 * 180)
    assert share == pytest.approx(1 - percent / 100, abs=0.02)
    h, w = part.shape[:2]
    places = ((y, x) for y in range(121 - h) for x in range(181 - w))
    assert any(np.array_equal(image[y : y + h, x : x + w], part) for y, x in places)


@pytest.mark.parametrize(("name", "aspect"), [("story", 9 / 16), ("square", 1.0)])
def test_the_middle_has_its_aspect(name: str, aspect: float) -> None:
    height, width = MOVES[name](IMAGE, 1).shape[:2]
    assert width / height == pytest.approx(aspect, abs=0.02)
    assert height == 120


@pytest.mark.parametrize("name", ["letterbox", "pad"])
def test_a_frame_takes_its_share_and_holds_the_image(name: str) -> None:
    framed = MOVES[name](IMAGE, 30)
    h, w = framed.shape[:2]
    places = ((y, x) for y in range(h - 119) for x in range(w - 179))
    assert any(np.array_equal(framed[y : y + 120, x : x + 180], IMAGE) for y, x in places)
    shares = 120 / h, 180 / w
    assert min(shares) == pytest.approx(0.7, abs=0.02)


def test_side_by_side_holds_the_image_at_one_end() -> None:
    both = MOVES["side-by-side"](IMAGE, 1)
    assert both.shape[0] == 120
    assert any(np.array_equal(part, IMAGE) for part in (both[:, :180], both[:, -180:]))
