"""What many pictures share: frames, bars and captions are found and left out."""

import numpy as np
import pytest

from originid.verdict import margins
from originid.verdict.margins import (
    CELLS,
    content_cells,
    flat_cells,
    framed,
    with_unknown,
)


def busy(seed: int = 0) -> np.ndarray:
    """A picture with no flat part, (64, 64, 3)."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (64, 64, 3)).astype(np.uint8)


def bars(image: np.ndarray, top: int, left: int, colour: int) -> np.ndarray:
    image_in_bars = np.full_like(image, colour)
    image_in_bars[top : 64 - top or None, left : 64 - left or None] = image[
        top : 64 - top or None, left : 64 - left or None
    ]
    return image_in_bars


@pytest.mark.parametrize("colour", [0, 128, 255])
@pytest.mark.parametrize(("top", "left"), [(8, 0), (0, 10), (5, 5), (1, 1)])
def test_bars_and_frames_are_found(top: int, left: int, colour: int) -> None:
    assert framed(bars(busy(), top, left, colour)[None])[0]


def test_a_picture_without_flat_lines_is_not_framed() -> None:
    assert not framed(busy()[None])[0]


def test_a_thing_on_plain_ground_is_not_framed() -> None:
    image = np.full((64, 64, 3), 250, np.uint8)
    y, x = np.mgrid[:64, :64]
    image[np.hypot(y - 32, x - 32) < 18] = 40
    assert not framed(image[None])[0]


@pytest.mark.parametrize("value", [0, 77, 255])
def test_a_blank_picture_is_not_framed(value: int) -> None:
    blank = np.full((64, 64, 3), value, np.uint8)
    assert not framed(blank[None])[0]
    assert flat_cells(blank).all()
    assert not content_cells(blank).any()


def test_rows_that_cannot_be_flat_need_not_be_looked_at() -> None:
    for seed in range(40):
        rng = np.random.default_rng(seed)
        image = rng.integers(0, 256, (64, 64, 3), np.uint8)
        flat = rng.integers(0, 64, 3)
        image[flat] = rng.integers(0, 256, (3, 1, 3))
        image[flat[0], rng.integers(0, 64)] = 255
        image[rng.integers(0, 64)] = image[flat[1]] // 2
        slowly = margins._has_border(image, np.ones(64, np.bool_))
        turned = margins._has_border(image.transpose(1, 0, 2), np.ones(64, np.bool_))
        inset = margins._inset(image) is not None
        assert framed(image[None])[0] == (slowly or turned or inset)


def test_only_the_cells_inside_the_bars_are_content() -> None:
    content = content_cells(bars(busy(), 8, 0, 0))
    assert not content[:4].any()
    assert not content[-4:].any()
    assert content[6:-6].all()


def test_a_caption_with_letters_is_no_content() -> None:
    image = bars(busy(), 8, 0, 0)
    image[2:5, 10:30:3] = 255
    assert not content_cells(image)[:4].any()


def test_flat_cells_agree_with_their_definition() -> None:
    image = np.full((64, 64, 3), 100, np.uint8)
    image[20, 31, 1] = 113
    padded = np.pad(image.astype(int), ((1, 1), (1, 1), (0, 0)), mode="edge")
    slowly = np.array(
        [
            [
                np.ptp(padded[2 * r : 2 * r + 4, 2 * c : 2 * c + 4].reshape(-1, 3), axis=0).max()
                <= 12
                for c in range(CELLS)
            ]
            for r in range(CELLS)
        ]
    )
    np.testing.assert_array_equal(flat_cells(image), slowly)
    assert 0 < (~slowly).sum() <= 4


def test_unknown_cells_get_the_mean_and_no_others() -> None:
    rng = np.random.default_rng(1)
    latents = rng.normal(size=(2, 3 * CELLS * CELLS)).astype(np.float32)
    mean = rng.normal(size=3 * CELLS * CELLS).astype(np.float32)
    known = rng.random((2, CELLS, CELLS)) < 0.5
    out = with_unknown(latents, mean, known).reshape(2, 3, CELLS, CELLS)
    wide = np.broadcast_to(known[:, None], out.shape)
    np.testing.assert_array_equal(out[wide], latents.reshape(out.shape)[wide])
    means = np.broadcast_to(mean.reshape(1, 3, CELLS, CELLS), out.shape)
    np.testing.assert_array_equal(out[~wide], means[~wide])


def inset(share: float, colour: int, seed: int = 0) -> np.ndarray:
    """A busy picture of a share of the side, in the middle of plain ground."""
    image = np.full((64, 64, 3), colour, np.uint8)
    side = int(64 * share)
    start = (64 - side) // 2
    noise = np.random.default_rng(seed).integers(0, 256, (side, side, 3))
    image[start : start + side, start : start + side] = noise
    return image


@pytest.mark.parametrize("colour", [0, 128, 255])
@pytest.mark.parametrize("share", [0.3, 0.5, 0.7, 0.9])
def test_a_small_picture_on_plain_ground_is_framed(share: float, colour: int) -> None:
    image = inset(share, colour)
    assert framed(image[None])[0]
    known = content_cells(image)
    side = int(64 * share)
    start = (64 - side) // 2
    rows, columns = np.nonzero(known)
    assert rows.size > 0
    # Every cell that counts lies inside of the picture, and few of its cells do not count.
    for places in (rows, columns):
        assert places.min() * 2 >= start
        assert (places.max() + 1) * 2 <= start + side
    assert known.sum() >= (side // 2 - 4) ** 2


def test_a_round_thing_on_plain_ground_is_no_inset() -> None:
    rows, columns = np.mgrid[:64, :64]
    image = np.full((64, 64, 3), 255, np.uint8)
    disc = (rows - 32) ** 2 + (columns - 32) ** 2 < 24**2
    image[disc] = np.random.default_rng(1).integers(0, 200, (int(disc.sum()), 3))
    assert not framed(image[None])[0]


def test_an_inset_that_reaches_the_edge_is_not_one() -> None:
    image = inset(0.5, 255)
    image[:, 16:48] = np.random.default_rng(2).integers(0, 256, (64, 32, 3))
    assert margins._inset(image) is None
