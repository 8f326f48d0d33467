"""How a query is laid over a reference: known places are found again."""

from collections.abc import Callable
from importlib.resources import files

import numpy as np
import pytest
from PIL import Image as PILImage

from originid.errors import InputError
from originid.explain.alignment import alignments, of_box, warp
from originid.explain.undoing import undo
from originid.testing import textured_image
from originid.types import Image
from originid.views.looks import query_views
from originid.views.moves import mirrored, quarter_turned
from originid.views.words import described

PART = described("full", (0.0, 0.0, 0.7, 0.7))


def photo(name: str) -> Image:
    """A photo that the package carries."""
    with PILImage.open(str(files("originid") / "data" / "demo_photos" / f"{name}.jpg")) as opened:
        return np.asarray(opened.convert("RGB"))


def test_a_part_is_found_where_it_was_cut_out() -> None:
    reference = photo("boston")
    height, width = reference.shape[:2]
    top, left = height // 8, width // 4
    query = reference[top : top + round(0.7 * height), left : left + round(0.7 * width)]
    boxed, *by_details = alignments(query, reference, None)
    assert not boxed.by_details
    assert len(boxed.inliers) == 0  # they do not say that it is the whole
    expected = np.array([(0.25, 0.125), (0.95, 0.125), (0.95, 0.825), (0.25, 0.825)])
    assert len(by_details) == 2
    for way in by_details:
        assert way.by_details
        assert len(way.inliers) > 30
        np.testing.assert_allclose(way.outline, expected, atol=0.02)
        aligned, covered = warp(query, way.affine, width, height)
        assert covered.mean() == pytest.approx(0.49, abs=0.03)
        apart = np.abs(aligned.astype(int) - reference)[covered]
        assert apart.mean() < 12


def test_a_stretched_query_lies_on_the_whole() -> None:
    reference = photo("boston")
    query = np.asarray(PILImage.fromarray(reference).resize((200, 300)))
    boxed, *by_details = alignments(query, reference, None)
    assert len(boxed.inliers) > 30
    corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1)])
    for way in by_details:
        np.testing.assert_allclose(way.outline, corners, atol=0.03)


def test_strangers_are_laid_by_the_box() -> None:
    box = (0.1, 0.2, 0.6, 0.9)
    (found,) = alignments(photo("cat"), photo("boston"), box)
    assert not found.by_details
    assert len(found.inliers) == 0
    assert 0 <= found.statistic < 15
    corners = np.array([(0.1, 0.2), (0.6, 0.2), (0.6, 0.9), (0.1, 0.9)])
    np.testing.assert_allclose(found.outline, corners)


@pytest.mark.parametrize("shape", [(1, 1), (20, 4000), (4000, 20)])
def test_odd_shapes_are_laid_too(shape: tuple[int, int]) -> None:
    odd = textured_image(0, *shape)
    for query, reference in ((odd, photo("cat")), (photo("cat"), odd)):
        (found,) = alignments(query, reference, None)
        height, width = reference.shape[:2]
        aligned, covered = warp(query, found.affine, width, height)
        assert aligned.shape == reference.shape
        assert covered.all()


def test_warping_by_the_whole_box_changes_nothing() -> None:
    image = textured_image(1, 30, 40)
    aligned, covered = warp(image, of_box((0, 0, 1, 1)), 40, 30)
    np.testing.assert_array_equal(aligned, image)
    assert covered.all()


def test_warping_into_a_box_is_a_slow_mapping_of_pixels() -> None:
    image = textured_image(2, 10, 10)
    aligned, covered = warp(image, of_box((0.5, 0.25, 1, 0.75)), 20, 20)
    for y in range(20):
        for x in range(20):
            inside = x >= 10 and 5 <= y < 15
            assert covered[y, x] == inside
            if inside:
                assert (aligned[y, x] == image[y - 5, x - 10]).all()
    assert (aligned[0, 10:] == image[0]).all()  # its border goes on


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        ("full", lambda image: image),
        (PART, lambda image: image),
        ("mirrored", mirrored),
        (f"mirrored, {PART}", mirrored),
        (f"{PART}, mirrored", mirrored),
        ("turned by a quarter", lambda image: quarter_turned(image, 1)),
    ],
)
def test_what_was_done_is_undone(view: str, expected: Callable[[Image], Image]) -> None:
    image = textured_image(3, 60, 80)
    undone = undo(image, view)
    np.testing.assert_array_equal(undone.image, expected(image))
    assert undone.part == (0, 0, 1, 1)


def test_a_block_is_cut_out_and_its_place_is_known() -> None:
    page = np.full((200, 160, 3), 255, np.uint8)
    page[50:150, 20:140] = textured_image(4, 100, 120)
    undone = undo(page, "block 1 of the picture")
    np.testing.assert_allclose(undone.part, (0.125, 0.25, 0.875, 0.75), atol=0.02)
    again = undo(page, "block 1 of the picture, mirrored")
    np.testing.assert_array_equal(again.image, mirrored(undone.image))


def test_every_view_of_a_search_can_be_undone() -> None:
    page = np.full((200, 160, 3), 255, np.uint8)
    page[50:150, 20:140] = textured_image(4, 100, 120)
    for view in query_views(page, "thorough"):
        np.testing.assert_array_equal(undo(page, view.name).image, view.image)


@pytest.mark.parametrize("view", ["block 7 of the picture", "turned inside out", "full, turned"])
def test_a_view_that_there_is_not_is_refused(view: str) -> None:
    with pytest.raises(InputError, match="of a match"):
        undo(textured_image(5), view)
