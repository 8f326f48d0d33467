"""Contact sheets: where each picture lies, and captions that fit."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage

from originid.errors import StorageError
from originid.images.contact_sheet import FRAME, LINE, MARGIN, TILE, Tile, write_sheet
from originid.testing import flat_image
from originid.types import Image

TOP = 2 * LINE + MARGIN
CELL = TILE + MARGIN
COLOURS = [(200, 30, 30), (30, 160, 30), (30, 30, 200), (160, 160, 20)]


def sheet_of(path: Path, rows: list[list[Tile]], columns: int = 1) -> Image:
    write_sheet(path, "a title", rows, columns)
    with PILImage.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def flat(number: int, *caption: str) -> Tile:
    return Tile(flat_image(COLOURS[number], 300), caption)


def test_tiles_stand_in_their_rows_and_columns(tmp_path: Path) -> None:
    sheet = sheet_of(tmp_path / "a.png", [[flat(0), flat(1)], [flat(2), flat(3)]])
    height = TILE + MARGIN
    assert sheet.shape == (TOP + 2 * height, 2 * CELL + MARGIN, 3)
    for number in range(4):
        row, column = divmod(number, 2)
        y, x = TOP + row * height + TILE // 2, MARGIN + column * CELL + TILE // 2
        assert tuple(sheet[y, x]) == COLOURS[number]


def test_groups_stand_side_by_side(tmp_path: Path) -> None:
    sheet = sheet_of(tmp_path / "a.png", [[flat(n)] for n in range(3)], columns=2)
    width, height = CELL + MARGIN, TILE + MARGIN
    assert sheet.shape == (TOP + 2 * height, 2 * width, 3)
    for number in range(3):
        down, across = divmod(number, 2)
        y, x = TOP + down * height + TILE // 2, across * width + MARGIN + TILE // 2
        assert tuple(sheet[y, x]) == COLOURS[number]
    assert (sheet[TOP + height :, width:] == 255).all()  # the fourth place is empty


@pytest.mark.parametrize(("height", "width"), [(400, 100), (100, 400), (50, 50), (1, 900)])
def test_a_picture_keeps_its_shape_and_stands_on_its_caption(
    height: int, width: int, tmp_path: Path
) -> None:
    tile = Tile(np.full((height, width, 3), (200, 30, 30), np.uint8), ())
    sheet = sheet_of(tmp_path / "a.png", [[tile]])
    ys, xs = np.nonzero((sheet == (200, 30, 30)).all(axis=2))
    seen = (np.ptp(ys) + 1, np.ptp(xs) + 1)
    shrink = min(1, TILE / max(height, width))
    assert seen == pytest.approx((max(height * shrink, 1), max(width * shrink, 1)), abs=1)
    assert ys.max() == TOP + TILE - 1
    assert abs((xs.min() + xs.max()) / 2 - (MARGIN + TILE / 2)) <= 1


def test_a_tile_without_a_picture_is_a_frame(tmp_path: Path) -> None:
    sheet = sheet_of(tmp_path / "a.png", [[Tile(None, ("nothing",))]])
    frame = sheet[TOP : TOP + TILE, MARGIN : MARGIN + TILE]
    grey = (frame == 211).all(axis=2)
    assert grey.sum() == 4 * (TILE - 1)
    assert (frame[1:-1, 1:-1] == 255).all()


def test_the_longest_caption_sets_the_height(tmp_path: Path) -> None:
    rows = [[flat(0, "one"), flat(1, "one", "two", "three")]]
    sheet = sheet_of(tmp_path / "a.png", rows)
    assert sheet.shape[0] == TOP + TILE + 3 * LINE + MARGIN
    below = sheet[TOP + TILE :]
    left, right = below[:, : MARGIN + TILE], below[:, MARGIN + CELL :]
    assert (left[LINE + 6 :] == 255).all()  # one line
    assert (right[2 * LINE + 4 :] < 128).any()  # three


@pytest.mark.parametrize("text", ["w" * 500, "日本" * 100, "a b " * 200])
def test_a_long_caption_is_cut_at_its_tile(text: str, tmp_path: Path) -> None:
    sheet = sheet_of(tmp_path / "a.png", [[flat(0, text), Tile(None, ())]])
    caption = sheet[TOP + TILE + 1 : TOP + TILE + LINE + 4]
    assert (caption[:, MARGIN : MARGIN + TILE] < 128).any()
    assert (caption[:, MARGIN + TILE + 1 :] == 255).all()


@pytest.mark.parametrize("text", ["a\nb", "\x1b[31mred", "caf\udce9.jpg", "\0"])
def test_a_caption_of_any_characters_is_drawn(text: str, tmp_path: Path) -> None:
    sheet = sheet_of(tmp_path / "a.png", [[flat(0, text)]])
    assert sheet.shape[0] == TOP + TILE + LINE + MARGIN  # a line break makes no second line
    assert (sheet[TOP + TILE + 1 :] < 128).any()


def test_a_jpeg_is_written_by_its_suffix(tmp_path: Path) -> None:
    write_sheet(tmp_path / "a.jpg", "t", [[flat(0)]])
    with PILImage.open(tmp_path / "a.jpg") as picture:
        assert picture.format == "JPEG"


def test_a_folder_that_is_not_there_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot write"):
        write_sheet(tmp_path / "none" / "a.png", "t", [[flat(0)]])


def test_a_colour_frames_the_image_and_writes_the_last_line(tmp_path: Path) -> None:
    sheet = sheet_of(tmp_path / "a.png", [[Tile(flat(0).image, ("plain", "red"), "#ff0000")]])
    red = (sheet == (255, 0, 0)).all(axis=2)
    inside = red[TOP : TOP + TILE, MARGIN : MARGIN + TILE]
    assert inside.sum() == TILE**2 - (TILE - 2 * FRAME) ** 2
    first, second = (sheet[TOP + TILE + 4 + n * LINE :][:LINE] for n in range(2))
    assert (first[..., 0] == first[..., 1]).all()  # black on white
    assert (second[..., 0] == 255).all()  # red on white
    assert second[..., 1].min() < 100
