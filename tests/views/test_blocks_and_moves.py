"""Blocks that frames hold, and moves that are undone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from originid.testing import textured_image
from originid.types import Image
from originid.views.blocks import (
    Block,
    BlockSettings,
    find_blocks,
    flat_cut,
    flat_rows,
    halves,
    rectangles,
)
from originid.views.moves import inscribed_share, mirrored, quarter_turned, reduced, turned


def noisy(seed: int, height: int = 120, width: int = 160) -> Image:
    """Blobs with noise: no row of it is flat."""
    rng = np.random.default_rng(seed)
    noise = rng.integers(-20, 21, (height, width, 3))
    levels = textured_image(seed, height, width) + noise
    return np.asarray(np.clip(levels, 0, 255), np.uint8)


def framed(image: Image, block: Block, height: int, width: int, grey: int = 250) -> Image:
    """An image at a block of a page of one colour."""
    page = np.full((height, width, 3), grey, np.uint8)
    page[block.top : block.bottom, block.left : block.right] = image
    return page


@settings(max_examples=25, deadline=None)
@given(
    left=st.integers(0, 60),
    top=st.integers(0, 60),
    right=st.integers(0, 60),
    bottom=st.integers(0, 60),
    grey=st.integers(0, 255),
)
def test_margins_of_one_colour_are_cut_off(
    left: int, top: int, right: int, bottom: int, grey: int
) -> None:
    block = Block(left, top, left + 160, top + 120)
    page = framed(noisy(1), block, top + 120 + bottom, left + 160 + right, grey)
    found = flat_cut(page)
    # A row of the picture that happens to have the page's colour may be taken for it.
    assert found.overlap(block) > 0.93


def test_a_block_within_text_is_found_again_and_again() -> None:
    page = framed(noisy(2), Block(20, 60, 180, 180), 300, 200)
    page[20:30, 20:60] = page[250:260, 20:120] = 0  # two lines of text
    assert flat_cut(page) == Block(20, 60, 180, 180)


def test_a_row_is_flat_if_nearly_all_of_it_is_near_its_median() -> None:
    grey = np.full((4, 100), 100, np.int16)
    grey[1, :2] = 0  # 98 % are near
    grey[2, :3] = 0  # 97 % are near
    grey[3] += np.where(np.arange(100) % 2, 9, 0)
    assert flat_rows(grey).tolist() == [True, True, False, True]


def test_a_photo_pasted_into_another_is_a_rectangle() -> None:
    page = noisy(3, 200, 240) // 2
    block = Block(60, 40, 220, 160)
    page[40:160, 60:220] = 128 + noisy(4) // 2
    assert max(found.overlap(block) for found in rectangles(page)) > 0.95


def test_pictures_side_by_side_are_two_blocks() -> None:
    page = np.concatenate([noisy(5) // 2, 128 + noisy(6, 120, 130) // 2], axis=1)
    found = find_blocks(page)
    for half in (Block(0, 0, 160, 120), Block(160, 0, 290, 120)):
        assert max(block.overlap(half) for block in found) > 0.95


def test_pictures_that_share_a_page_are_divided_where_they_meet() -> None:
    page = np.full((200, 330, 3), 255, np.uint8)
    page[40:160, 20:180], page[40:160, 180:310] = noisy(5) // 2, 128 + noisy(6, 120, 130) // 2
    cut = flat_cut(page)
    assert cut == Block(20, 40, 310, 160)
    assert halves(page, cut) == (Block(20, 40, 180, 160), Block(180, 40, 310, 160))
    turned = np.ascontiguousarray(page.swapaxes(0, 1))
    expected = (Block(40, 20, 160, 180), Block(40, 180, 160, 310))
    assert halves(turned, flat_cut(turned)) == expected
    assert halves(noisy(7), Block(0, 0, 160, 120)) == ()


def test_a_line_that_goes_on_is_no_side() -> None:
    page = np.zeros((200, 240, 3), np.uint8)
    page[:, 60:] = 100  # this edge runs from top to bottom
    page[50:150, 60:180] = 200
    settings = BlockSettings(rectangles=9)
    inner = Block(60, 50, 180, 150)
    assert all(found.overlap(inner) < 0.9 for found in rectangles(page, settings))
    page[:, 60:] = 0
    page[50:150, 60:180] = 200
    assert inner in rectangles(page, settings)


def test_blocks_of_a_large_image_are_in_its_own_pixels() -> None:
    large = framed(noisy(7, 600, 800), Block(200, 400, 1000, 1000), 1400, 1200)
    (block, *_) = find_blocks(large)
    assert block.overlap(Block(200, 400, 1000, 1000)) > 0.97


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (2, 2), (3, 5), (40, 40)])
def test_images_of_one_colour_or_of_few_pixels_have_no_blocks_that_are_empty(
    shape: tuple[int, int],
) -> None:
    for image in (np.zeros((*shape, 3), np.uint8), noisy(8, *shape)):
        for block in find_blocks(image):
            assert block.area > 0
            assert block.cut(image).size > 0


def test_overlap_is_intersection_over_union() -> None:
    assert Block(0, 0, 2, 2).overlap(Block(1, 0, 3, 2)) == pytest.approx(1 / 3)
    assert Block(0, 0, 2, 2).overlap(Block(5, 5, 6, 6)) == 0


def test_moves_are_undone() -> None:
    image = noisy(9)
    np.testing.assert_array_equal(mirrored(mirrored(image)), image)
    np.testing.assert_array_equal(quarter_turned(quarter_turned(image, 1), 3), image)
    assert quarter_turned(image, 1).shape == (160, 120, 3)


@given(height=st.integers(1, 400), width=st.integers(1, 400), degrees=st.floats(-45, 45))
def test_the_inscribed_rectangle_touches_the_turned_one(
    height: int, width: int, degrees: float
) -> None:
    share = inscribed_share(height, width, degrees)
    assert 0 < share <= 1 + 1e-9
    # Its corners, turned back, lie in the image, and one of them on its border.
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    corners = share / 2 * np.array([[width, height], [width, -height]]) @ turn.T
    reach = np.abs(corners).max(axis=0) / (np.array([width, height]) / 2)
    assert reach.max() == pytest.approx(1, abs=1e-9)


def test_a_small_turn_is_undone_nearly() -> None:
    image = textured_image(10, 200, 260)
    back = turned(turned(image, 5.0), -5.0)
    share = inscribed_share(200, 260, 5.0) ** 2
    height, width = back.shape[:2]
    assert height == pytest.approx(200 * share, abs=2)
    assert width == pytest.approx(260 * share, abs=2)
    top, left = (200 - height) // 2, (260 - width) // 2
    expected = image[top : top + height, left : left + width].astype(int)
    assert np.abs(back - expected).mean() < 3


def test_no_turn_changes_nothing() -> None:
    image = noisy(11)
    np.testing.assert_array_equal(turned(image, 0.0), image)


def test_large_images_are_reduced_and_small_ones_are_not() -> None:
    assert reduced(noisy(12, 120, 300), 100).shape == (40, 100, 3)
    assert reduced(noisy(12, 1, 300), 100).shape == (1, 100, 3)
    image = noisy(12)
    assert reduced(image, 160) is image
