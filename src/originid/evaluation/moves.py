"""What people do to an image before it is found again: they mirror, cut, turn and frame it.

Each function takes an image, uint8 RGB of shape (h, w, 3), and a level, and returns another image.
The same image always gives the same result: what is chosen at random (where a crop lies, which
colour a frame has) is drawn from a generator that the image's bytes seed.
"""

import hashlib
import math
from importlib.resources import files

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from originid.evaluation.degradations import jpeg
from originid.images.decode import decode
from originid.types import Image
from originid.views.moves import inscribed_share, mirrored, quarter_turned

STORY = 9 / 16  # width by height of a picture that fills a phone
PHONE = 9 / 19.5
_SOCIAL_SIDE = 1080  # pixels, to which social networks shrink the longer side
Colour = tuple[int, int, int]


def mirror(image: Image, level: float) -> Image:
    """Exchange left and right; the level has no meaning."""
    return mirrored(image)


def crop(image: Image, percent: float) -> Image:
    """Cut away a percentage of the area at a random place; the aspect ratio stays."""
    height, width = image.shape[:2]
    scale = math.sqrt(1 - percent / 100)
    h, w = max(1, round(scale * height)), max(1, round(scale * width))
    random = _random(image)
    top, left = random.integers(height - h + 1), random.integers(width - w + 1)
    return np.ascontiguousarray(image[top : top + h, left : left + w])


def story(image: Image, level: float) -> Image:
    """Keep the middle of 9:16, as a phone shows a picture upright; the level has no meaning."""
    return _middle(image, STORY)


def square(image: Image, level: float) -> Image:
    """Keep the middle square; the level has no meaning."""
    return _middle(image, 1.0)


def letterbox(image: Image, percent: float) -> Image:
    """Add black bars that take a percentage of the result: above and below, or at the sides."""
    height, width = image.shape[:2]
    above = _random(image).random() < 0.7
    side = height if above else width
    bar = max(1, round(side * percent / 100 / (1 - percent / 100) / 2))
    vertical, horizontal = ((bar, bar), (0, 0)) if above else ((0, 0), (bar, bar))
    return np.pad(image, (vertical, horizontal, (0, 0)))


def pad(image: Image, percent: float) -> Image:
    """Add a margin of one random colour that takes a percentage of the width and of the height.

    The image does not lie in the middle.
    """
    height, width = image.shape[:2]
    random = _random(image)
    colour = _ground(random)
    share = percent / 100
    h, w = round(height / (1 - share)), round(width / (1 - share))
    out = np.empty((h, w, 3), np.uint8)
    out[:] = colour
    top = round((h - height) * random.uniform(0.25, 0.75))
    left = round((w - width) * random.uniform(0.25, 0.75))
    out[top : top + height, left : left + width] = image
    return out


def screenshot(image: Image, level: float) -> Image:
    """Show the image in a post on a phone, with text and signs around; the level has no meaning."""
    random = _random(image)
    width = max(image.shape[1], 300)
    height = round(width / PHONE)
    dark = random.random() < 0.4
    ground, ink = ((15, 15, 18), 235) if dark else ((255, 255, 255), 20)
    page = Pillow.new("RGB", (width, height), ground)
    draw = ImageDraw.Draw(page)
    margin = round(width * random.choice([0.0, 0.0, 0.04]))
    line = max(10, width // 22)
    _write(draw, (line, line // 2), "9:41", line, ink)
    _write(draw, (width - 4 * line, line // 2), "5G 87%", line, ink)
    disc = random.integers(0, 256, 3).tolist()
    top = round(line * random.uniform(2.5, 6))
    draw.ellipse((line, top, 3 * line, top + 2 * line), tuple(disc))
    _write(draw, (round(3.5 * line), top), "somebody.out.there", line, ink)
    _write(draw, (round(3.5 * line), top + line), "2 h - Lisbon", line, 128)
    wide = width - 2 * margin
    high = min(round(wide * image.shape[0] / image.shape[1]), height - top - 4 * line)
    shown = Pillow.fromarray(image).resize((wide, high), Pillow.Resampling.BICUBIC)
    top += round(2.6 * line)
    page.paste(shown, (margin, top))
    top += high + line // 2
    for number in range(3):
        x = line + 2 * line * number
        draw.ellipse((x, top, x + line, top + line), outline=(ink,) * 3, width=2)
    for text in ("1,204 likes", "somebody you will never believe", "what I have seen today #wow"):
        top += round(1.5 * line)
        _write(draw, (line, top), text, line, ink)
    return np.asarray(page)


def side_by_side(image: Image, level: float) -> Image:
    """Put another picture at its side, both of one height; the level has no meaning.

    The other one is a photo of the packaged demo.
    """
    random = _random(image)
    height = image.shape[0]
    other = Pillow.fromarray(_demo_photo(int(random.integers(1 << 30))))
    width = max(1, round(other.width * height / other.height))
    beside = np.asarray(other.resize((width, height), Pillow.Resampling.BICUBIC))
    gap = np.full((height, round(image.shape[1] * random.choice([0, 0, 0.02])), 3), 255, np.uint8)
    parts = [image, gap, beside]
    return np.concatenate(parts if random.random() < 0.5 else parts[::-1], axis=1)


def caption(image: Image, level: float) -> Image:
    """Write two lines over the image in boxes of one colour; the level has no meaning."""
    random = _random(image)
    page = Pillow.fromarray(image)
    draw = ImageDraw.Draw(page)
    height, width = image.shape[:2]
    line = max(8, width // 16)
    ground, ink = ((255, 255, 255), 0) if random.random() < 0.5 else ((0, 0, 0), 255)
    tops = (round(0.04 * height), height - 2 * line - round(0.04 * height))
    for top, text in zip(tops, ("WHEN YOU SEE IT", "it was there all along"), strict=True):
        draw.rectangle((width // 12, top, width - width // 12, top + 2 * line), ground)
        _write(draw, (width // 8, top + line // 2), text, line, ink)
    return np.asarray(page)


def quarter(image: Image, turns: float) -> Image:
    """Turn by quarters, counter-clockwise: 1, 2 or 3 of them."""
    return quarter_turned(image, round(turns))


def turn(image: Image, degrees: float) -> Image:
    """Turn by some degrees, to a side at random, and keep the largest upright part of its shape."""
    sign = 1 if _random(image).random() < 0.5 else -1
    height, width = image.shape[:2]
    turned = Pillow.fromarray(image).rotate(sign * degrees, Pillow.Resampling.BICUBIC)
    scale = inscribed_share(height, width, degrees)
    h, w = max(1, math.floor(scale * height)), max(1, math.floor(scale * width))
    top, left = (height - h) // 2, (width - w) // 2
    return np.asarray(turned)[top : top + h, left : left + w].copy()


def social(image: Image, quality: float) -> Image:
    """Shrink and compress twice, as what is shared on social networks and then shared again."""
    for _ in range(2):
        scale = min(1.0, _SOCIAL_SIDE / max(image.shape[:2])) * 0.95
        size = [max(1, round(scale * side)) for side in image.shape[1::-1]]
        small = Pillow.fromarray(image).resize((size[0], size[1]), Pillow.Resampling.BICUBIC)
        image = jpeg(np.asarray(small), quality)
    return image


def _random(image: Image) -> np.random.Generator:
    digest = hashlib.sha256(image.tobytes()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little"))


def _ground(random: np.random.Generator) -> Colour:
    """White, black, or any colour."""
    kind = random.integers(3)
    if kind < 2:
        return (255,) * 3 if kind else (0, 0, 0)
    r, g, b = random.integers(0, 256, 3).tolist()
    return r, g, b


def _middle(image: Image, aspect: float) -> Image:
    """The middle part of a width by height."""
    height, width = image.shape[:2]
    h, w = min(height, round(width / aspect)), min(width, round(height * aspect))
    top, left = (height - h) // 2, (width - w) // 2
    return np.ascontiguousarray(image[top : top + max(h, 1), left : left + max(w, 1)])


def _demo_photo(number: int) -> Image:
    folder = files("originid") / "data" / "demo_photos"
    names = sorted(each.name for each in folder.iterdir() if each.name.endswith(".jpg"))
    return decode((folder / names[number % len(names)]).read_bytes()).image


def _write(draw: ImageDraw.ImageDraw, at: tuple[int, int], text: str, size: int, grey: int) -> None:
    """Write a text of a height in pixels with the font that every Pillow has."""
    font = ImageFont.load_default_imagefont()
    _, _, right, bottom = font.getbbox(text)
    mask = Pillow.new("L", (int(right), int(bottom)))
    ImageDraw.Draw(mask).text((0, 0), text, 255, font)
    wide = max(1, round(size * mask.width / mask.height))
    scaled = mask.resize((wide, size), Pillow.Resampling.BILINEAR)
    draw.bitmap(at, scaled, (grey,) * 3)
