"""What each format and colour mode decodes to."""

import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image as Pillow

from image_files import (
    encoded,
    gif,
    png,
)
from originid.errors import ImageError
from originid.images.decode import decode
from originid.types import Image
from sound_images import SMALL, SOUND, distance

RED, WHITE, BLACK = (255, 0, 0), (255, 255, 255), (0, 0, 0)


def first_pixel(picture: Pillow.Image, kind: str = "PNG", **options: object) -> tuple[int, ...]:
    return tuple(decode(encoded(picture, kind, **options)).image[0, 0].tolist())


@pytest.mark.parametrize("name", SOUND)
def test_every_format_is_decoded(name: str) -> None:
    got = decode(SOUND[name])
    assert (got.width, got.height) == (36, 24)
    assert got.image.shape == (24, 36, 3)
    assert got.image.dtype == np.uint8
    assert distance(got.image, SMALL) < 12  # a fine texture, in 256 colours or coded with loss


@pytest.mark.parametrize("name", ["PNG", "BMP", "TIFF", "LZW TIFF", "lossless WebP"])
def test_lossless_formats_are_exact(name: str) -> None:
    np.testing.assert_array_equal(decode(SOUND[name]).image, SMALL)


def test_heic_without_its_package_names_the_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(ImageError, match=r"pip install 'originid\[heic\]'") as caught:
        decode(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    assert "pip install 'originid[heic]'" in caught.value.reason


def test_a_mif1_container_of_avif_is_avif() -> None:
    data = bytearray(SOUND["AVIF"])
    assert data[8:12] == b"avif"
    data[8:12] = b"mif1"  # the major brand; avif stays among the compatible ones
    assert decode(bytes(data)).width == 36


def test_the_first_frame_is_taken() -> None:
    frames = [Pillow.new("RGB", (8, 8), color) for color in ("red", "lime")]
    for kind in ("GIF", "WEBP", "PNG", "TIFF", "AVIF"):
        data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
        red, green, _ = decode(data).image[4, 4].tolist()
        assert red > 240, kind
        assert green < 15, kind


def test_a_gif_frame_off_the_canvas_is_on_a_larger_canvas() -> None:
    assert decode(gif()).image[0, 0].tolist() == [255, 0, 0]
    got = decode(gif(at=(100, 50)))
    assert got.image.shape == (52, 102, 3)
    assert got.image[-1, -1].tolist() == [255, 0, 0]


@pytest.mark.parametrize(
    ("mode", "color", "seen"),
    [
        ("1", 1, WHITE),
        ("L", 100, (100, 100, 100)),
        ("RGB", (10, 20, 30), (10, 20, 30)),
        ("RGBA", (255, 0, 0, 255), RED),
        ("RGBA", (255, 0, 0, 0), WHITE),
        ("RGBA", (0, 0, 0, 51), (204, 204, 204)),
        ("LA", (0, 51), (204, 204, 204)),
        ("LA", (7, 0), WHITE),
        ("I;16", 0x80FF, (0x80, 0x80, 0x80)),
    ],
)
def test_png_modes(mode: str, color: float | tuple[float, ...], seen: tuple[int, ...]) -> None:
    assert first_pixel(Pillow.new(mode, (4, 4), color)) == seen


def test_palettes() -> None:
    picture = Pillow.new("P", (4, 4), 1)
    picture.putpalette([0, 0, 0, 255, 0, 0, 0, 0, 255])
    assert first_pixel(picture) == RED
    assert first_pixel(picture, transparency=1) == WHITE
    assert first_pixel(picture, transparency=0) == RED
    assert first_pixel(picture, transparency=bytes([255, 51, 255])) == (255, 204, 204)
    assert first_pixel(picture, "GIF", transparency=1) == WHITE


def test_a_transparent_color_without_an_alpha_channel() -> None:
    assert first_pixel(Pillow.new("RGB", (4, 4), RED), transparency=RED) == WHITE
    assert first_pixel(Pillow.new("RGB", (4, 4), RED), transparency=BLACK) == RED
    assert first_pixel(Pillow.new("L", (4, 4), 9), transparency=9) == WHITE
    assert first_pixel(Pillow.new("I;16", (4, 4), 900), transparency=900) == WHITE


def test_16_bit_grey_spans_the_range() -> None:
    ramp = np.arange(256, dtype=np.uint16).reshape(16, 16) * 257
    for kind, picture in (
        ("PNG", Pillow.fromarray(ramp)),
        ("TIFF", Pillow.fromarray(ramp)),
        ("TIFF", Pillow.fromarray(ramp.astype(">u2"))),
    ):
        got = decode(encoded(picture, kind)).image
        np.testing.assert_array_equal(got[..., 0].ravel(), np.arange(256))


def test_values_without_a_range_are_stretched() -> None:
    levels = np.array([[-1.0, 0.0], [1.0, np.nan]], np.float32)
    got = decode(encoded(Pillow.fromarray(levels), "TIFF")).image[..., 0]
    assert got.tolist() == [[0, 128], [255, 255]]  # what has no value is white
    counts = np.array([[0, 1 << 20], [1 << 21, 1 << 22]], np.int32)
    got = decode(encoded(Pillow.fromarray(counts), "TIFF")).image[..., 0]
    assert got.tolist() == [[0, 64], [128, 255]]
    flat = Pillow.fromarray(np.full((2, 2), 7, np.float32))
    assert first_pixel(flat, "TIFF") == BLACK
    assert first_pixel(Pillow.fromarray(np.full((2, 2), np.nan, np.float32)), "TIFF") == WHITE


def test_cmyk_ycbcr_and_lab() -> None:
    assert first_pixel(Pillow.new("CMYK", (4, 4), (0, 255, 255, 0)), "TIFF") == RED
    red, green, blue = first_pixel(Pillow.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG")
    assert (red, green, blue) == pytest.approx(RED, abs=6)  # Adobe's inverted CMYK
    red, green, blue = first_pixel(Pillow.new("YCbCr", (16, 16), (76, 85, 255)), "JPEG")
    assert (red, green, blue) == pytest.approx(RED, abs=6)
    red, green, blue = first_pixel(Pillow.new("RGB", (16, 16), RED), "TIFF", compression="jpeg")
    assert (red, green, blue) == pytest.approx(RED, abs=6)
    lab = Pillow.new("LAB", (4, 4), (138, 208, 195))  # L 54 of 100, a 80, b 67, each + 128
    assert first_pixel(lab, "TIFF") == pytest.approx(RED, abs=12)


def test_a_color_profile_changes_nothing() -> None:
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for kind in ("PNG", "JPEG", "WEBP", "TIFF"):
        plain, tagged = encoded(SMALL, kind), encoded(SMALL, kind, icc_profile=profile)
        np.testing.assert_array_equal(decode(plain).image, decode(tagged).image)


def test_threads_decode_alike() -> None:
    expected = [decode(data, 8).image for data in SOUND.values()]
    start = threading.Barrier(8)

    def work(_: int) -> list[Image]:
        start.wait(timeout=60)
        return [decode(data, 8).image for _ in range(5) for data in SOUND.values()]

    with ThreadPoolExecutor(8) as pool:
        for got in pool.map(work, range(8)):
            np.testing.assert_array_equal(got, 5 * expected)


def test_the_image_cannot_be_changed() -> None:
    for size in (None, 8):
        assert not decode(SOUND["PNG"], size).image.flags.writeable


def test_no_warning_reaches_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pillow, "MAX_IMAGE_PIXELS", 1000)  # Pillow warns between this and twice it
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for data in SOUND.values():
            decode(data, 8)
        decode(encoded(SMALL, "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff"))
        decode(png(30, 50))
    assert [str(warning.message) for warning in caught] == []
