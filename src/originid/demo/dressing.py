"""How the demo dresses up an edit, as people do before they share a picture.

Each function takes an image, uint8 RGB of shape (h, w, 3), and returns another one. They are
pictures to look at; `originid.evaluation.moves` has the ones that are measured with.
"""

import io
from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from originid.images.decode import decode
from originid.types import Image

TALL = 9 / 16  # width by height of a picture that fills a phone


def post(image: Image) -> Image:
    """A screenshot of a phone that shows the image in a post."""
    width, line = 360, 17
    height = round(width * image.shape[0] / image.shape[1])
    page = Pillow.new("RGB", (width, height + 13 * line), (18, 18, 20))
    draw = ImageDraw.Draw(page)
    _write(draw, (line, 8), "9:41", line - 3, "white")
    _write(draw, (width - 5 * line, 8), "5G   87 %", line - 3, "white")
    draw.ellipse((line, 2.4 * line, 3.2 * line, 4.6 * line), (214, 102, 58))
    _write(draw, (3.8 * line, 2.3 * line), "wanderlust.daily", line - 2, "white")
    _write(draw, (3.8 * line, 3.5 * line), "2 hours ago", line - 5, "grey")
    top = 5 * line + 4
    page.paste(_scaled(image, width, height), (0, top))
    low = top + height + line
    draw.polygon(_heart(line, low, 22), (230, 50, 70))
    draw.ellipse((64, low, 84, low + 20), outline="white", width=2)
    draw.polygon([(110, low + 20), (122, low), (134, low + 20)], outline="white", width=2)
    _write(draw, (line, low + 1.9 * line), "18,204 likes", line - 3, "white")
    _write(draw, (line, low + 3.3 * line), "you will not believe this is real", line - 4, "white")
    _write(draw, (line, low + 4.5 * line), "View all 962 comments", line - 5, "grey")
    return np.asarray(page)


def meme(image: Image) -> Image:
    """The image exchanged left and right, with a line of text above and below."""
    height, width = image.shape[:2]
    page = _scaled(image[:, ::-1], 2 * width, 2 * height)
    draw = ImageDraw.Draw(page)
    size = page.width // 11
    for top, text in ((0.02, "MONDAY"), (0.84, "AGAIN?")):
        at = (page.width / 2, top * page.height)
        draw.text(at, text, "white", _font(size), "ma", stroke_width=4, stroke_fill="black")
    return np.asarray(page)


def story(image: Image) -> Image:
    """The middle of the image that fills an upright phone, with a text in a bar."""
    height, width = image.shape[:2]
    wide = min(width, round(height * TALL))
    left = (width - wide) // 2
    page = _scaled(image[:, left : left + wide], 360, 640)
    draw = ImageDraw.Draw(page)
    draw.rounded_rectangle((30, 490, 330, 560), 14, "white")
    draw.text((180, 508), "breaking news", "black", _font(30), "ma")
    return np.asarray(page)


def collage(image: Image, beside: Image) -> Image:
    """The image in one frame with another one at its left."""
    side = 300
    page = Pillow.new("RGB", (2 * side + 36, side + 24), "white")
    for place, each in enumerate((beside, image)):
        page.paste(_scaled(_square(each), side, side), (12 + place * (side + 12), 12))
    return np.asarray(page)


def cutting(image: Image) -> Image:
    """A part of the image, turned around, shrunk and compressed until blocks show."""
    height, width = image.shape[:2]
    part = image[: round(0.86 * height), round(0.12 * width) :]
    file = io.BytesIO()
    small = _scaled(part[:, ::-1], round(0.6 * width), round(0.6 * height))
    small.save(file, "JPEG", quality=12)
    return decode(file.getvalue()).image


def poster(image: Image) -> Image:
    """The image in a wide coloured margin with a title, and a round sticker on it."""
    height, width = image.shape[:2]
    page = Pillow.new("RGB", (2 * width + 140, 2 * height + 230), (246, 226, 190))
    page.paste(_scaled(image, 2 * width, 2 * height), (70, 60))
    draw = ImageDraw.Draw(page)
    at = (page.width / 2, page.height - 130)
    draw.text(at, "WINTER SALE", (60, 40, 40), _font(70), "ma")
    x, y, r = page.width - 120, 120, 80
    draw.ellipse((x - r, y - r, x + r, y + r), (208, 32, 48))
    draw.text((x, y), "-50 %", "white", _font(48), "mm")
    return np.asarray(page)


DRESSINGS: Mapping[str, Callable[[Image], Image]] = {
    "post": post,
    "meme": meme,
    "story": story,
    "cutting": cutting,
    "poster": poster,
}
"""The dressings that need nothing but the image."""


def _write(
    draw: ImageDraw.ImageDraw, at: tuple[float, float], text: str, size: int, colour: str
) -> None:
    draw.text(at, text, colour, _font(size))


def _font(size: int) -> "ImageFont.FreeTypeFont | ImageFont.ImageFont":
    return ImageFont.load_default(size)


def _scaled(image: Image, width: int, height: int) -> Pillow.Image:
    picture = Pillow.fromarray(np.ascontiguousarray(image))
    return picture.resize((width, height), Pillow.Resampling.BICUBIC)


def _square(image: Image) -> Image:
    side = min(image.shape[:2])
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    return image[top : top + side, left : left + side]


def _heart(x: float, y: float, size: float) -> list[tuple[float, float]]:
    """The outline of a heart in a square of a size in pixels, whose corner is at (x, y)."""
    angles = np.linspace(0, 2 * np.pi, 40)
    across = 16 * np.sin(angles) ** 3
    down = -(13 * np.cos(angles) - 5 * np.cos(2 * angles) - 2 * np.cos(3 * angles))
    return [(x + size * (a + 16) / 32, y + size * (d + 12) / 32)
            for a, d in zip(across.tolist(), down.tolist(), strict=True)]  # fmt: skip
