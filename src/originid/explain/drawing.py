"""Draws an explanation as one picture: four panels with their captions, and the sentence below."""

import re
from collections.abc import Iterator, Sequence

from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from originid.explain.captions import Panel, facts, panels
from originid.explain.evidence import Evidence
from originid.explain.panels import SIDE

MARGIN = 20  # pixels
TITLE, TEXT, SENTENCE = 16, 13, 18  # pixels, the sizes of fonts
_LEADING = 1.35  # of a size, from line to line
_DARK, _SOFT = (20, 20, 20), (90, 90, 90)

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def draw_evidence(evidence: Evidence) -> Pillow.Image:
    """An explanation as one RGB picture, 1020 pixels wide."""
    width = 2 * SIDE + 3 * MARGIN
    first, second, third, fourth = panels(evidence)
    rows = [_row((first, second)), _row((third, fourth))]
    words = _text(evidence.sentence, SENTENCE, _DARK, width - 2 * MARGIN)
    words = _stacked([words, _text(facts(evidence), TITLE, _SOFT, width - 2 * MARGIN)], 8)
    content = _stacked([*rows, words], MARGIN)
    sheet = Pillow.new("RGB", (width, content.height + 2 * MARGIN), "white")
    sheet.paste(content, (MARGIN, MARGIN))
    return sheet


def _row(pair: Sequence[Panel]) -> Pillow.Image:
    """Two panels side by side, each below its caption; the pictures begin at one height."""
    captions = [
        _stacked([_line(panel.title, TITLE, SIDE), _text(panel.text, TEXT, _SOFT, SIDE)], 2)
        for panel in pair
    ]
    pictures = [Pillow.fromarray(panel.image) for panel in pair]
    top = max(caption.height for caption in captions) + 6
    height = top + max(picture.height for picture in pictures)
    row = Pillow.new("RGB", (2 * SIDE + MARGIN, height), "white")
    for number, (caption, picture) in enumerate(zip(captions, pictures, strict=True)):
        left = number * (SIDE + MARGIN)
        row.paste(caption, (left, 0))
        row.paste(picture, (left, top))
    return row


def _line(text: str, size: int, width: int) -> Pillow.Image:
    """One line, a name in front of a path; if it is too wide, the start of the path is left out."""
    font = ImageFont.load_default(size)
    name, space, path = text.partition(" ")
    shown, cut = text, 0
    while font.getlength(shown) > width and cut < len(path):
        cut += 1
        shown = f"{name}{space}… {path[cut:]}"
    return _drawn([shown], font, size, _DARK, width)


def _text(text: str, size: int, colour: tuple[int, int, int], width: int) -> Pillow.Image:
    """Text in as many lines as it needs."""
    font = ImageFont.load_default(size)
    return _drawn(list(_lines(text, font, width)), font, size, colour, width)


def _lines(text: str, font: Font, width: int) -> Iterator[str]:
    """Text broken between words, so that each line fits where a word does."""
    line = ""
    # A number and its unit stay together.
    for word in re.split(r" (?!%)", text):
        longer = f"{line} {word}".strip()
        if line and font.getlength(longer) > width:
            yield line
            line = word
        else:
            line = longer
    if line:
        yield line


def _drawn(
    lines: Sequence[str], font: Font, size: int, colour: tuple[int, int, int], width: int
) -> Pillow.Image:
    step = round(size * _LEADING)
    picture = Pillow.new("RGB", (width, max(1, step * len(lines))), "white")
    draw = ImageDraw.Draw(picture)
    for number, line in enumerate(lines):
        draw.text((0, number * step), line, colour, font)
    return picture


def _stacked(pictures: Sequence[Pillow.Image], gap: int) -> Pillow.Image:
    """Pictures one below the other, on white."""
    height = sum(picture.height + gap for picture in pictures) - gap
    stack = Pillow.new("RGB", (max(picture.width for picture in pictures), height), "white")
    top = 0
    for picture in pictures:
        stack.paste(picture, (0, top))
        top += picture.height + gap
    return stack
