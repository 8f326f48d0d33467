"""Of an animation the first frame that is not blank is taken."""

import io

import numpy as np
import pytest
from PIL import Image as Pillow

from image_files import natural
from originid.images.decode import decode
from originid.images.frames import MOST, is_blank
from originid.types import Image

PICTURE = natural(48, 64)


def animation(kind: str, *frames: Image) -> bytes:
    file = io.BytesIO()
    pictures = [Pillow.fromarray(frame) for frame in frames]
    options = {"lossless": True} if kind == "WEBP" else {}
    pictures[0].save(file, kind, save_all=True, append_images=pictures[1:], duration=40, **options)
    return file.getvalue()


def flat(level: int) -> Image:
    return np.full((48, 64, 3), level, np.uint8)


def distance(got: Image, expected: Image) -> float:
    return float(np.abs(got.astype(int) - expected).mean())


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF"])
@pytest.mark.parametrize("size", [None, 16])
def test_blank_frames_at_the_start_are_passed_over(kind: str, size: int | None) -> None:
    still = decode(animation("PNG", PICTURE), size).image
    got = decode(animation(kind, flat(0), flat(3), PICTURE, natural(48, 64, 1)), size)
    assert distance(got.image, still) < 12
    assert (got.width, got.height) == (64, 48)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF"])
def test_a_first_frame_that_shows_something_is_taken(kind: str) -> None:
    got = decode(animation(kind, PICTURE, natural(48, 64, 1)))
    assert distance(got.image, PICTURE) < 12


def test_a_fade_in_is_taken_from_where_it_can_be_seen() -> None:
    steps = [(PICTURE * share).astype(np.uint8) for share in np.linspace(0, 1, 12)]
    got = decode(animation("PNG", *steps)).image
    assert not is_blank(got)
    assert np.corrcoef(got.ravel(), PICTURE.ravel())[0, 1] > 0.95


def test_without_any_such_frame_it_is_the_first_one() -> None:
    got = decode(animation("GIF", flat(0), flat(60), flat(120))).image
    assert got.max() < 5


def test_only_so_many_frames_are_looked_at() -> None:
    levels = [flat(number % 7) for number in range(MOST + 5)]
    got = decode(animation("PNG", *levels, PICTURE)).image
    assert is_blank(got)


def test_pages_of_a_tiff_are_no_frames() -> None:
    file = io.BytesIO()
    blank, picture = Pillow.fromarray(flat(255)), Pillow.fromarray(PICTURE)
    blank.save(file, "TIFF", save_all=True, append_images=[picture])
    assert (decode(file.getvalue()).image == 255).all()


def test_a_blank_still_image_stays_blank() -> None:
    assert (decode(animation("PNG", flat(7))).image == 7).all()
