"""Blocks against slow references that look at one pixel after the other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from originid.types import Image
from originid.views.blocks import (
    DEFAULTS,
    Block,
    BlockSettings,
    _divided,
    _enlarged,
    _grey,
    _jumps,
    _lines,
    _longest,
    _sides,
    find_blocks,
    flat_cut,
    flat_rows,
    halves,
    rectangles,
)

BLOCKS = st.builds(
    lambda left, top, width, height: Block(left, top, left + width, top + height),
    st.integers(0, 12),
    st.integers(0, 12),
    st.integers(1, 12),
    st.integers(1, 12),
)


def noise(seed: int, height: int, width: int, low: int = 0, high: int = 256) -> Image:
    """Every pixel another colour: nothing of it is flat."""
    return np.random.default_rng(seed).integers(low, high, (height, width, 3)).astype(np.uint8)


def pixels(block: Block) -> set[tuple[int, int]]:
    """The pixels of a block, (row, column)."""
    rows, columns = range(block.top, block.bottom), range(block.left, block.right)
    return {(row, column) for row in rows for column in columns}


@settings(deadline=None)
@given(one=BLOCKS, other=BLOCKS)
def test_area_and_overlap_count_pixels(one: Block, other: Block) -> None:
    here, there = pixels(one), pixels(other)
    assert one.area == len(here)
    assert one.overlap(other) == pytest.approx(len(here & there) / len(here | there))
    assert one.overlap(other) == other.overlap(one)
    assert one.overlap(one) == 1


@settings(deadline=None)
@given(block=BLOCKS)
def test_a_cut_holds_the_pixels_of_its_block(block: Block) -> None:
    image = np.arange(24 * 24 * 3).reshape(24, 24, 3).astype(np.uint8)
    cut = block.cut(image)
    expected = [image[row, column] for row, column in sorted(pixels(block))]
    assert cut.shape == (block.bottom - block.top, block.right - block.left, 3)
    np.testing.assert_array_equal(cut.reshape(-1, 3), expected)


@settings(deadline=None)
@given(values=st.lists(st.booleans(), max_size=30))
def test_the_longest_run_by_trying_all(values: list[bool]) -> None:
    runs = [
        (start, stop)
        for start in range(len(values))
        for stop in range(start + 1, len(values) + 1)
        if all(values[start:stop])
    ]
    # The first of equally long ones.
    expected = max(runs, key=lambda run: (run[1] - run[0], -run[0]), default=(0, 0))
    assert _longest(np.array(values, np.bool_)) == expected


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), width=st.integers(1, 60), spread=st.integers(1, 40))
def test_flat_rows_by_counting(seed: int, width: int, spread: int) -> None:
    rng = np.random.default_rng(seed)
    grey = (128 + rng.integers(-spread, spread + 1, (8, width))).astype(np.int16)
    expected = []
    for row in grey.tolist():
        middle = sorted(row)[width // 2]
        near = sum(abs(level - middle) <= DEFAULTS.near for level in row)
        expected.append(near >= DEFAULTS.flat * width)
    assert flat_rows(grey).tolist() == expected


def test_grey_is_the_mean_of_the_colours_rounded_down() -> None:
    image = np.array([[[255, 255, 255], [0, 0, 2], [1, 1, 1], [255, 0, 0]]], np.uint8)
    assert _grey(image).tolist() == [[255, 0, 1, 85]]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), width=st.integers(2, 20), apart=st.integers(1, 4))
def test_jumps_by_a_loop(seed: int, width: int, apart: int) -> None:
    chosen = BlockSettings(apart=apart, step=10)
    rng = np.random.default_rng(seed)
    levels = rng.integers(0, 40, (4, width, 3)).astype(np.int16)
    expected = np.zeros((4, width + 1), np.bool_)
    for y in range(4):
        # Before the first pixel and after the last one nothing jumps.
        sizes = [0] * (width + 1)
        for x in range(1, width):
            sizes[x] = max(
                abs(int(a) - int(b)) for a, b in zip(*levels[y, x - 1 : x + 1], strict=True)
            )
        for x, size in enumerate(sizes):
            around = sizes[max(x - apart, 0) : x + apart + 1]
            if size >= 10 and size == max(around):
                expected[y, max(x - 1, 0) : x + 1] = True
    np.testing.assert_array_equal(_jumps(levels, chosen), expected)


def test_a_jump_of_one_colour_counts_as_much_as_one_of_all() -> None:
    levels = np.full((1, 8, 3), 100, np.int16)
    levels[:, 4:, 2] += 10
    assert np.flatnonzero(_jumps(levels, DEFAULTS)[0]).tolist() == [3, 4]
    levels[:, 4:, 2] -= 1
    assert not _jumps(levels, DEFAULTS).any()


def test_lines_are_the_fullest_columns_and_both_borders() -> None:
    jumps = np.zeros((100, 41), np.bool_)
    jumps[:, 10] = True
    jumps[20:90, 25] = True
    jumps[::2, 33] = True  # a half of it jumps, which is texture
    assert _lines(jumps, DEFAULTS).tolist() == [0, 10, 25, 40]
    assert _lines(jumps, BlockSettings(lines=1)).tolist() == [0, 10, 40]
    assert _lines(np.zeros((5, 4), np.bool_), DEFAULTS).tolist() == [0, 3]


def test_of_two_marks_of_one_jump_the_right_one_is_the_line() -> None:
    jumps = np.zeros((50, 21), np.bool_)
    jumps[:, 7:9] = True
    assert _lines(jumps, DEFAULTS).tolist() == [0, 8, 20]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), length=st.integers(12, 40), often=st.floats(0.5, 1.0))
def test_sides_by_a_loop(seed: int, length: int, often: float) -> None:
    rng = np.random.default_rng(seed)
    jumps = rng.random((length, 9)) < often
    lines = np.array([0, 3, 5, 8])
    ends = np.unique(np.array([0, *rng.integers(1, length, 3), length]))
    got = _sides(jumps, lines, ends, DEFAULTS)

    def share(line: int, start: int, stop: int) -> float:
        start, stop = (min(max(each, 0), length) for each in (start, stop))
        count = sum(bool(jumps[at, line]) for at in range(start, stop))
        return count / max(stop - start, 3)

    for i, line in enumerate(lines):
        for j, start in enumerate(ends.tolist()):
            for k, stop in enumerate(ends.tolist()):
                expected = 0.0
                if stop > start:
                    beyond = max(3, (stop - start) // 10)
                    within = share(line, start, stop)
                    before = share(line, start - beyond - 2, start - 2)
                    after = share(line, stop + 2, stop + beyond + 2)
                    if i in (0, 3):
                        expected = 0.5
                    elif within >= 0.65 and max(before, after) <= 0.65:
                        expected = within
                assert got[i, j, k] == pytest.approx(expected)


@settings(deadline=None)
@given(block=BLOCKS, at=st.integers(1, 11), upright=st.booleans())
def test_a_divided_block_is_covered_once(block: Block, at: int, upright: bool) -> None:
    one, other = _divided(block, at, upright)
    assert one.area + other.area == block.area
    length = block.right - block.left if upright else block.bottom - block.top
    if at < length:
        assert one.overlap(other) == 0
        assert pixels(one) | pixels(other) == pixels(block)


@settings(deadline=None)
@given(
    width=st.integers(1, 3000),
    height=st.integers(1, 3000),
    small_width=st.integers(1, 256),
    small_height=st.integers(1, 256),
)
def test_the_whole_enlarged_is_the_whole(
    width: int, height: int, small_width: int, small_height: int
) -> None:
    small = Block(0, 0, small_width, small_height)
    assert _enlarged(small, small, width, height) == Block(0, 0, width, height)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), height=st.integers(1, 90), width=st.integers(1, 90))
def test_what_is_found_lies_inside_and_keeps_the_bounds_that_are_stated(
    seed: int, height: int, width: int
) -> None:
    rng = np.random.default_rng(seed)
    page = np.full((height, width, 3), rng.integers(256), np.uint8)
    for _ in range(4):
        y, x = rng.integers(height), rng.integers(width)
        page[y : y + rng.integers(1, 60), x : x + rng.integers(1, 60)] = rng.integers(0, 256, 3)
    found = find_blocks(page)
    whole = Block(0, 0, width, height)
    for number, block in enumerate(found):
        assert 0 <= block.left < block.right <= width
        assert 0 <= block.top < block.bottom <= height
        assert block.overlap(whole) < DEFAULTS.most
        assert all(block.overlap(other) < DEFAULTS.most for other in found[:number])
    for block in rectangles(page):
        assert block.right - block.left >= DEFAULTS.least * width
        assert block.bottom - block.top >= DEFAULTS.least * height
    assert len(rectangles(page)) <= DEFAULTS.rectangles


def test_the_best_rectangles_are_found_and_no_more_than_asked_for() -> None:
    page = np.zeros((160, 220, 3), np.uint8)
    page[20:90, 20:100] = 200
    page[100:150, 120:210] = 90
    two = rectangles(page)
    assert set(two) == {Block(20, 20, 100, 90), Block(120, 100, 210, 150)}
    # Both have four full sides: the larger one is first.
    assert rectangles(page, BlockSettings(rectangles=1)) == (Block(20, 20, 100, 90),)


def test_a_page_is_cut_by_colour_and_not_by_brightness_of_its_ground() -> None:
    for grey in (0, 90, 255):
        page = np.full((100, 140, 3), grey, np.uint8)
        page[30:80, 40:120] = noise(4, 50, 80)
        assert flat_cut(page) == Block(40, 30, 120, 80)
        assert find_blocks(page)[0] == Block(40, 30, 120, 80)


def test_a_strip_that_is_too_small_is_not_cut_out() -> None:
    page = np.full((100, 100, 3), 255, np.uint8)
    page[40:59] = noise(5, 19, 100)  # 19 % of the height
    assert flat_cut(page) == Block(0, 0, 100, 100)
    page[40:60] = noise(5, 20, 100)
    assert flat_cut(page) == Block(0, 40, 100, 60)


def test_halves_need_their_share_of_the_page() -> None:
    page = noise(6, 60, 100, 0, 80)
    page[:, 10:] = noise(7, 60, 90, 170)  # the left one is a tenth
    whole = Block(0, 0, 100, 60)
    assert halves(page, whole) == ()
    page[:, 10:30] = noise(8, 60, 20, 0, 80)
    assert halves(page, whole) == (Block(0, 0, 30, 60), Block(30, 0, 100, 60))


def test_a_mirrored_page_has_mirrored_blocks() -> None:
    page = np.full((120, 200, 3), 240, np.uint8)
    page[20:100, 30:150] = noise(9, 80, 120)
    for block, other in zip(find_blocks(page), find_blocks(page[:, ::-1].copy()), strict=True):
        assert other == Block(200 - block.right, block.top, 200 - block.left, block.bottom)
