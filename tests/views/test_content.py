"""The content of framed pictures is found where it lies, and ordinary pictures have none."""

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageDraw

from originid.testing import textured_image
from originid.types import Box, Image
from originid.views.content import box_within, find_content


def noisy(seed: int, height: int = 240, width: int = 320) -> Image:
    """Blobs with noise: no row of it is flat."""
    noise = np.random.default_rng(seed).integers(-20, 21, (height, width, 3))
    return np.asarray(np.clip(textured_image(seed, height, width) + noise, 0, 255), np.uint8)


def page(height: int, width: int, grey: int, *parts: tuple[int, int, Image]) -> Image:
    """A page of one grey level, with images at (top, left)."""
    made = np.full((height, width, 3), grey, np.uint8)
    for top, left, image in parts:
        made[top : top + image.shape[0], left : left + image.shape[1]] = image
    return made


def with_text(image: Image, top: int, bottom: int) -> Image:
    """Lines of words from one row to another."""
    drawn = Pillow.fromarray(image)
    for at in range(top, bottom, 18):
        ImageDraw.Draw(drawn).text((12, at), "what I have seen today and what not", "black")
    return np.asarray(drawn)


FRAMED: dict[str, tuple[Image, Box]] = {
    "letterbox": (page(320, 320, 0, (40, 0, noisy(1))), (0, 1 / 8, 1, 7 / 8)),
    "pillarbox": (page(240, 400, 0, (0, 40, noisy(2))), (0.1, 0, 0.9, 1)),
    "white margins": (page(300, 400, 255, (20, 30, noisy(3))), (0.075, 1 / 15, 0.875, 13 / 15)),
    "a post": (
        with_text(page(640, 320, 255, (100, 0, noisy(4))), 360, 520),
        (0, 100 / 640, 1, 340 / 640),
    ),
}


@pytest.mark.parametrize("kind", list(FRAMED))
@pytest.mark.parametrize("side", [None, 512])
def test_content_is_found_where_it_lies(kind: str, side: int | None) -> None:
    """At its own shape, and squashed to a square as a file is before it is looked at."""
    image, box = FRAMED[kind]
    if side:
        image = np.asarray(Pillow.fromarray(image).resize((side, side), Pillow.Resampling.BILINEAR))
    assert find_content(image) == pytest.approx(box, abs=0.01)


def thing_on_white() -> Image:
    drawn = Pillow.new("RGB", (400, 300), "white")
    ImageDraw.Draw(drawn).ellipse((100, 50, 300, 250), "navy")
    return np.asarray(drawn)


def horizon() -> Image:
    """A picture under a sky of one colour."""
    image = noisy(5).copy()
    image[:90] = (120, 170, 220)
    return image


ORDINARY: dict[str, Callable[[], Image]] = {
    "a picture": lambda: noisy(6),
    "a thing on white": thing_on_white,
    "a sky of one colour": horizon,
    "a page of text": lambda: with_text(page(400, 300, 255), 10, 390),
    "a collage": lambda: page(260, 680, 255, (10, 10, noisy(7)), (10, 350, noisy(8))),
    "a small picture on a page": lambda: page(600, 600, 255, (200, 200, noisy(9, 150, 150))),
    "one colour": lambda: page(200, 300, 90),
    "a hair's breadth of margin": lambda: page(244, 324, 0, (2, 2, noisy(10))),
    "one pixel": lambda: page(1, 1, 7),
}


@pytest.mark.parametrize("kind", list(ORDINARY))
def test_ordinary_pictures_have_none(kind: str) -> None:
    assert find_content(ORDINARY[kind]()) is None


def test_a_part_within_a_part() -> None:
    assert box_within((0, 0, 1, 1), (0.1, 0.2, 0.7, 0.8)) == (0.1, 0.2, 0.7, 0.8)
    assert box_within((0.5, 0.25, 1, 0.75), (0, 0.5, 0.5, 1)) == (0.5, 0.5, 0.75, 0.75)
