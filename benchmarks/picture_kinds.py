"""Pictures that share something without being related: frames around photos, and blank pictures."""

import random
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from originid.types import Floats64

Frame = Callable[[Image.Image, random.Random], Image.Image]
"""A function that frames a photo; what is random in the frame comes from the generator."""
LETTERS = "abcdefghij klmn opqrst"


def letterbox(photo: Image.Image, rng: random.Random) -> Image.Image:
    """A still of a wide film, with black bars above and below."""
    return _on((640, 360), "black", photo.resize((640, 268)), (0, 46))


def pillarbox(photo: Image.Image, rng: random.Random) -> Image.Image:
    """A narrow picture with black bars on both sides."""
    return _on((640, 360), "black", photo.resize((420, 360)), (110, 0))


def white_square(photo: Image.Image, rng: random.Random) -> Image.Image:
    """A photo of any shape on a white square, as shops and social networks want it."""
    scale = 512 / max(photo.size)
    size = tuple(max(60, round(side * scale)) for side in photo.size)
    place = ((512 - size[0]) // 2, (512 - size[1]) // 2)
    return _on((512, 512), "white", photo.resize((size[0], size[1])), place)


def polaroid(photo: Image.Image, rng: random.Random) -> Image.Image:
    """An instant photo with its broad lower margin."""
    return _on((420, 500), (248, 246, 240), photo.resize((372, 372)), (24, 24))


def thin_margin(photo: Image.Image, rng: random.Random) -> Image.Image:
    """A white margin of 12 pixels."""
    return _on((photo.width + 24, photo.height + 24), "white", photo, (12, 12))


def caption(photo: Image.Image, rng: random.Random) -> Image.Image:
    """Two lines of white text on black below the photo."""
    picture = _on((480, 440), "black", photo.resize((480, 360)), (0, 0))
    _write(picture, (20, 372), _text(rng, 34), "white", 22)
    _write(picture, (20, 402), _text(rng, rng.randint(8, 34)), "white", 22)
    return picture


def phone_screenshot(photo: Image.Image, rng: random.Random) -> Image.Image:
    """A photo in the page of a social network, as a telephone shows it."""
    picture = _on((360, 720), "white", photo.resize((360, 360)), (0, 92))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, 360, 28), fill=(235, 235, 235))
    _write(picture, (12, 6), f"{rng.randint(1, 23)}:{rng.randint(10, 59)}", "black", 14)
    for left in (300, 318, 336):
        draw.rectangle((left, 8, left + 12, 20), fill=(90, 90, 90))
    draw.ellipse((10, 40, 50, 80), fill=_colour(rng))
    _write(picture, (60, 50), f"user_{rng.randint(100, 99_999)}", "black", 14)
    for left in (14, 58, 102, 146):
        draw.ellipse((left, 464, left + 28, 492), outline=(30, 30, 30), width=3)
    for top in (506, 528, 550):
        _write(picture, (14, top), _text(rng, 40), (40, 40, 40), 14)
    draw.rectangle((0, 670, 360, 720), fill=(245, 245, 245))
    for left in range(24, 360, 70):
        draw.rectangle((left, 682, left + 24, 706), fill=(60, 60, 60))
    return picture


def vignette(photo: Image.Image, rng: random.Random) -> Image.Image:
    """Corners that fade to black."""
    values = np.asarray(photo, np.float64)
    shade = np.clip(1.25 - 0.75 * _radius(photo.width, photo.height) ** 2, 0, 1)
    return Image.fromarray((values * shade[..., None]).astype(np.uint8))


def watermark(photo: Image.Image, rng: random.Random) -> Image.Image:
    """Half-transparent words and a cross over the whole photo."""
    base = photo.resize((384, 288)).convert("RGBA")
    mark = Image.new("RGBA", base.size, (0, 0, 0, 0))
    ink = (255, 255, 255, 110)
    for top in (20, 120, 220):
        _write(mark, (20, top), "SAMPLE  PHOTO", ink, 44)
    draw = ImageDraw.Draw(mark)
    draw.line((0, 0, 384, 288), fill=ink, width=6)
    draw.line((0, 288, 384, 0), fill=ink, width=6)
    return Image.alpha_composite(base, mark).convert("RGB")


FRAMES: dict[str, Frame] = {
    "letterbox": letterbox,
    "pillarbox": pillarbox,
    "white square": white_square,
    "polaroid": polaroid,
    "thin margin": thin_margin,
    "caption": caption,
    "phone screenshot": phone_screenshot,
    "vignette": vignette,
    "watermark": watermark,
}


def blanks(kind: str, count: int, seed: int) -> list[Image.Image]:
    """Make pictures in which there is little to see.

    Args:
        kind: a key of `BLANKS`.
        count: how many.
        seed: of the random numbers.
    """
    rng = random.Random(seed)
    return [BLANKS[kind](rng) for _ in range(count)]


def _solid(rng: random.Random) -> Image.Image:
    return Image.new("RGB", _size(rng), _colour(rng))


def _gradient(rng: random.Random) -> Image.Image:
    width, height = _size(rng)
    ramp = np.linspace(0, 1, width)[None, :] * rng.uniform(-1, 1)
    ramp = ramp + np.linspace(0, 1, height)[:, None] * rng.uniform(-1, 1)
    if rng.random() < 0.3:
        ramp = _radius(width, height)
    ramp = (ramp - ramp.min()) / max(np.ptp(ramp), 1e-9)
    first, last = np.array(_colour(rng)), np.array(_colour(rng))
    return Image.fromarray((first + (last - first) * ramp[..., None]).astype(np.uint8))


def _logo(rng: random.Random) -> Image.Image:
    """A small mark in the middle of plain ground."""
    width, height = _size(rng)
    picture = Image.new(
        "RGB", (width, height), rng.choice([(255, 255, 255), (0, 0, 0), _colour(rng)])
    )
    reach = rng.randint(20, 45)
    box = (width // 2 - reach, height // 2 - reach, width // 2 + reach, height // 2 + reach)
    draw = ImageDraw.Draw(picture)
    rng.choice([draw.ellipse, draw.rectangle])(box, fill=_colour(rng))
    _write(picture, (box[0] + 4, height // 2 - 8), _text(rng, 4).upper(), "white", 16)
    return picture


def _lens_cap(rng: random.Random) -> Image.Image:
    """A photo of darkness, with the noise of the sensor."""
    width, height = _size(rng)
    noise = np.random.default_rng(rng.getrandbits(32)).normal(
        rng.uniform(2, 12), 3, (height, width, 3)
    )
    return Image.fromarray(np.clip(noise, 0, 255).astype(np.uint8))


def _page(rng: random.Random) -> Image.Image:
    """A black or white page that is not quite of one level, as a scanner gives it."""
    level = rng.choice([rng.randint(0, 8), rng.randint(246, 255)])
    return Image.new("RGB", _size(rng), (level, level, level))


BLANKS: dict[str, Callable[[random.Random], Image.Image]] = {
    "solid colours": _solid,
    "gradients": _gradient,
    "logos": _logo,
    "lens caps": _lens_cap,
    "black and white pages": _page,
}


def _on(
    size: tuple[int, int],
    colour: str | tuple[int, int, int],
    photo: Image.Image,
    place: tuple[int, int],
) -> Image.Image:
    """Paste a photo on plain ground."""
    picture = Image.new("RGB", size, colour)
    picture.paste(photo, place)
    return picture


def _write(
    picture: Image.Image,
    place: tuple[int, int],
    text: str,
    colour: str | tuple[int, ...],
    size: int,
) -> None:
    ImageDraw.Draw(picture).text(place, text, fill=colour, font=ImageFont.load_default(size))


def _text(rng: random.Random, length: int) -> str:
    return "".join(rng.choice(LETTERS) for _ in range(length))


def _colour(rng: random.Random) -> tuple[int, int, int]:
    return rng.randint(0, 255), rng.randint(0, 255), rng.randint(0, 255)


def _size(rng: random.Random) -> tuple[int, int]:
    return rng.choice([(640, 480), (500, 400), (480, 640), (512, 512)])


def _radius(width: int, height: int) -> Floats64:
    """The distance (h, w) from the centre; 1 at the middle of an edge."""
    rows, columns = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None, :]
    return np.asarray(np.hypot(rows, columns), np.float64)
