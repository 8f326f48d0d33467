"""Draws contact sheets: pictures on which small images stand in rows, each with a caption."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image as PILImage
from PIL import ImageDraw, ImageFont

from originid.system.storage import storage_errors
from originid.system.text import printable
from originid.types import Image

TILE = 192  # pixels, the side of the square in which an image is shown
MARGIN = 12  # pixels between tiles
LINE = 16  # pixels, the height of a line of text
FONT_SIZE = 13  # pixels
FRAME = 3  # pixels, the width of a coloured frame


@dataclass(frozen=True)
class Tile:
    """An image on a contact sheet, and its caption.

    Args:
        image: a uint8 RGB image of shape (h, w, 3), or None for an empty frame.
        caption: the lines of text below the image; a line that is too wide is cut.
        colour: the colour of a frame around the image and of the last line of the caption, in a
            form that Pillow reads, such as ``#1a7f37``; None for no frame and black.
    """

    image: Image | None
    caption: tuple[str, ...]
    colour: str | None = None


def write_sheet(
    path: str | os.PathLike[str], title: str, rows: Sequence[Sequence[Tile]], columns: int = 1
) -> None:
    """Draw rows of tiles into one picture and write it to a file.

    Args:
        path: the path of the picture; its suffix says whether it is a PNG or a JPEG.
        title: the text above the rows.
        rows: groups of tiles that belong together, such as a query and its matches; at least one
            group, each of at least one tile.
        columns: the number of groups that stand side by side.

    Raises:
        StorageError: if the picture cannot be written.
    """
    lines = max(len(tile.caption) for row in rows for tile in row)
    cell = TILE + MARGIN
    height = TILE + lines * LINE + MARGIN
    width = max(len(row) for row in rows) * cell + MARGIN
    down = -(-len(rows) // columns)
    sheet = PILImage.new("RGB", (columns * width, 2 * LINE + MARGIN + down * height), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(FONT_SIZE)
    draw.text((MARGIN, MARGIN), title, "black", font)
    for place, row in enumerate(rows):
        top = 2 * LINE + MARGIN + place // columns * height
        for column, tile in enumerate(row):
            left = place % columns * width + MARGIN + column * cell
            _draw(sheet, draw, font, tile, left, top)
    with storage_errors(path):
        sheet.save(path)


def _draw(
    sheet: PILImage.Image,
    draw: ImageDraw.ImageDraw,
    font: "ImageFont.FreeTypeFont | ImageFont.ImageFont",
    tile: Tile,
    left: int,
    top: int,
) -> None:
    if tile.image is None:
        draw.rectangle((left, top, left + TILE - 1, top + TILE - 1), outline="lightgrey")
    else:
        picture = PILImage.fromarray(np.ascontiguousarray(tile.image))
        picture.thumbnail((TILE, TILE))
        at = (left + (TILE - picture.width) // 2, top + TILE - picture.height)
        sheet.paste(picture, at)
        if tile.colour is not None:
            low = (at[0] + picture.width - 1, at[1] + picture.height - 1)
            draw.rectangle((at, low), outline=tile.colour, width=FRAME)
    for line, text in enumerate(tile.caption):
        text = printable(text)
        while draw.textlength(text, font) > TILE:
            text = text[:-2] + "…"
        last = line == len(tile.caption) - 1
        colour = tile.colour if last and tile.colour is not None else "black"
        draw.text((left, top + TILE + 4 + line * LINE), text, colour, font)
