"""The views of a query: what each holds, how it is turned and reduced, and what is refused."""

import cmath
import math
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from originid.errors import InputError
from originid.evaluation.moves import pad
from originid.types import Image
from originid.views.blocks import find_blocks
from originid.views.looks import (
    LONGEST,
    Effort,
    Look,
    Stage,
    best_views,
    check_effort,
    query_views,
)
from originid.views.moves import inscribed_share, mirrored, quarter_turned, reduced, turned
from originid.views.places import Place


def noise(seed: int, height: int = 60, width: int = 80) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)


def test_each_view_holds_the_query_as_its_name_says() -> None:
    image = pad(noise(1, 200, 260), 40)
    views = {view.name: view for view in query_views(image, "thorough", degrees=3)}
    expected = {
        "full": image,
        "mirrored": mirrored(image),
        "turned by a quarter": quarter_turned(image, 1),
        "turned by a half": quarter_turned(image, 2),
        "turned by three quarters": quarter_turned(image, 3),
        "turned by 3 degrees": turned(image, 3),
        "turned by -3 degrees": turned(image, -3),
    }
    for number, block in enumerate(find_blocks(image), 1):
        expected[f"block {number} of the picture"] = block.cut(image)
        expected[f"block {number} of the picture, mirrored"] = mirrored(block.cut(image))
    assert views.keys() == expected.keys()
    assert "block 1 of the picture" in views
    for name, picture in expected.items():
        np.testing.assert_array_equal(views[name].image, picture)
        assert views[name].block == name.startswith("block")
        assert views[name].placed == (name in ("full", "mirrored") or "block" in name)


@pytest.mark.parametrize("effort", get_args(Effort))
def test_a_large_query_is_reduced_in_every_view(effort: Effort) -> None:
    views = query_views(pad(noise(2, 700, 900), 30), effort)
    assert all(max(view.image.shape) <= LONGEST for view in views)
    assert max(views[0].image.shape) == LONGEST
    assert len({view.name for view in views}) == len(views)
    assert all(view.image.flags.c_contiguous for view in views)


@pytest.mark.parametrize("effort", ["", "Quick", "normal ", "none", "thorough\n", "0"])
def test_an_unknown_effort_names_those_that_there_are(effort: str) -> None:
    with pytest.raises(InputError) as caught:
        check_effort(effort)
    assert caught.value.given == f"effort {effort!r}"
    assert caught.value.expected == "expected one of quick, normal, thorough"
    meant = effort.strip().lower()
    assert caught.value.todo == (
        f"did you mean {meant}?" if meant in get_args(Effort) else "name one"
    )


@settings(deadline=None)
@given(turns=st.integers(-9, 9), other=st.integers(-9, 9))
def test_quarters_add_up(turns: int, other: int) -> None:
    image = noise(3, 3, 4)
    twice = quarter_turned(quarter_turned(image, turns), other)
    np.testing.assert_array_equal(twice, quarter_turned(image, (turns + other) % 4))


@settings(max_examples=30, deadline=None)
@given(height=st.integers(1, 50), width=st.integers(1, 50), degrees=st.floats(-45, 45))
def test_nothing_but_the_image_is_in_a_turned_one(height: int, width: int, degrees: float) -> None:
    white = np.full((height, width, 3), 255, np.uint8)
    got = turned(white, degrees)
    share = inscribed_share(height, width, degrees)
    assert got.shape[0] == max(1, math.floor(share * height))
    assert got.shape[1] == max(1, math.floor(share * width))
    if min(got.shape[:2]) > 1:
        assert (got == 255).all()  # a filled corner would be black


def test_a_mark_turns_counter_clockwise() -> None:
    image = np.zeros((201, 201, 3), np.uint8)
    image[98:103, 148:153] = 255  # 50 pixels to the right of the middle
    got = turned(image, 20)
    y, x = (np.argwhere(got[..., 0] > 127) - (np.array(got.shape[:2]) - 1) / 2).mean(axis=0)
    expected = 50 * cmath.exp(1j * math.radians(20))
    assert (x, -y) == pytest.approx((expected.real, expected.imag), abs=1)


@given(height=st.integers(1, 300), width=st.integers(1, 300), side=st.integers(1, 300))
@settings(max_examples=40, deadline=None)
def test_a_reduced_image_keeps_its_colour_and_its_shape(height: int, width: int, side: int) -> None:
    got = reduced(np.full((height, width, 3), (1, 128, 254), np.uint8), side)
    assert (got == (1, 128, 254)).all()
    scale = min(1, side / max(height, width))
    assert max(got.shape[:2]) == min(side, max(height, width))
    assert got.shape[0] == pytest.approx(max(1, scale * height), abs=0.5)
    assert got.shape[1] == pytest.approx(max(1, scale * width), abs=0.5)


def test_a_framed_query_is_seen_by_what_the_frame_holds() -> None:
    image = pad(noise(1, 200, 260), 40)
    views = query_views(image, "thorough", framed=True)
    assert [view.name for view in views[:2]] == [
        "block 1 of the picture",
        "block 1 of the picture, mirrored",
    ]
    assert [view.placed for view in views[:2]] == [True, True]
    others = [view for view in views if not view.block]
    assert [view.name for view in others] == [
        "mirrored",
        "turned by a quarter",
        "turned by a half",
        "turned by three quarters",
    ]
    plain = {view.name: view for view in query_views(image)}
    for view in others:
        np.testing.assert_array_equal(view.image, plain[view.name].image)
        assert view.known is not None
        assert not view.placed
    mirror, half = others[0].known, others[2].known
    assert mirror is not None
    assert half is not None
    assert 0 < mirror.sum() < mirror.size
    np.testing.assert_array_equal(half, mirror[::-1])


def test_an_empty_frame_has_no_views() -> None:
    assert query_views(np.full((100, 100, 3), 255, np.uint8), framed=True) == ()


def stage(z: list[float], look: list[int], views: list[str]) -> Stage:
    looks = tuple(Look(view, Place(2, 4, 1, 0)) for view in views)
    values = np.array(z, np.float32)
    return Stage(values, np.array(look), looks, values)


def test_the_best_views_are_those_of_the_best_references() -> None:
    views = query_views(noise(4, 20, 20))
    names = ["full", "mirrored", "turned by a half", "mirrored"]
    of_stage = stage([1, 5, 3, 4, 2], [2, 1, 0, 3, 2], names)
    assert [view.name for view in best_views(of_stage, views)] == ["mirrored", "full"]
    assert [view.name for view in best_views(of_stage, views, 1)] == ["mirrored"]
    assert [view.name for view in best_views(of_stage, views, 9)][2:] == ["turned by a half"]
