import io
import os
import sys
import threading
import tracemalloc
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow
from PIL import ImageFile

from image_files import (
    broken_files,
    encoded,
    exif,
    gif,
    jpeg_of_scans,
    natural,
    png,
    png_chunk,
    tiff_of_fields,
)
from originid.errors import ImageError, InputError
from originid.images import decode as images
from originid.images.decode import Decoded, Limits, decode, read_bytes
from originid.images.find_files import IMAGE_SUFFIXES, find_images
from originid.types import Failure, Image

RED, WHITE, BLACK = (255, 0, 0), (255, 255, 255), (0, 0, 0)
UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a),
}
SMALL = natural(24, 36)
SOUND = {
    "JPEG": encoded(SMALL, "JPEG", quality=95),
    "progressive JPEG": encoded(SMALL, "JPEG", quality=95, progressive=True),
    "PNG": encoded(SMALL, "PNG"),
    "WebP": encoded(SMALL, "WEBP"),
    "lossless WebP": encoded(SMALL, "WEBP", lossless=True),
    "GIF": encoded(SMALL, "GIF"),
    "BMP": encoded(SMALL, "BMP"),
    "TIFF": encoded(SMALL, "TIFF"),
    "LZW TIFF": encoded(SMALL, "TIFF", compression="tiff_lzw"),
    "AVIF": encoded(SMALL, "AVIF"),
}


def distance(one: Image, other: Image) -> float:
    """Mean absolute difference in grey levels."""
    return float(np.abs(one.astype(float) - other.astype(float)).mean())


def correlation_of_gradients(one: Image, other: Image) -> float:
    """Correlation of the gradient magnitudes of two grey images."""
    dy, dx = np.gradient([one.astype(float).mean(2), other.astype(float).mean(2)], axis=(1, 2))
    return float(np.corrcoef(np.hypot(dy, dx).reshape(2, -1))[0, 1])


def first_pixel(picture: Pillow.Image, kind: str = "PNG", **options: object) -> tuple[int, ...]:
    return tuple(decode(encoded(picture, kind, **options)).image[0, 0].tolist())


# ------------------------------------------------------------------------------ formats


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


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_heic_is_decoded_upright(orientation: int) -> None:
    heif = pytest.importorskip("pillow_heif")
    file = io.BytesIO()
    picture = Pillow.fromarray(SMALL)
    heif.from_pillow(picture).save(file, quality=95, exif=exif(orientation))
    got = decode(file.getvalue())
    expected = UPRIGHT[orientation](SMALL)
    assert (got.height, got.width) == expected.shape[:2]
    assert distance(got.image, expected) < 12


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


# ------------------------------------------------------------------------------ modes


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
    assert got.tolist() == [[0, 127], [255, 0]]
    counts = np.array([[0, 1 << 20], [1 << 21, 1 << 22]], np.int32)
    got = decode(encoded(Pillow.fromarray(counts), "TIFF")).image[..., 0]
    assert got.tolist() == [[0, 63], [127, 255]]
    flat = Pillow.fromarray(np.full((2, 2), 7, np.float32))
    assert first_pixel(flat, "TIFF") == BLACK
    with pytest.raises(ImageError):
        decode(encoded(Pillow.fromarray(np.full((2, 2), np.nan, np.float32)), "TIFF"))


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


# ------------------------------------------------------------------------------ orientation


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_orientation_is_applied(kind: str, orientation: int, order: str) -> None:
    block = exif(orientation, order)
    turned = decode(encoded(SMALL, kind, exif=block))
    expected = UPRIGHT[orientation](decode(encoded(SMALL, kind)).image)
    np.testing.assert_array_equal(turned.image, expected)
    assert (turned.height, turned.width) == expected.shape[:2]


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
def test_tiff_orientation_is_applied_once(compression: str, orientation: int) -> None:
    data = encoded(SMALL, "TIFF", compression=compression, tiffinfo={0x0112: orientation})
    got = decode(data)
    expected = UPRIGHT[orientation](SMALL)
    np.testing.assert_array_equal(got.image, expected)
    assert (got.height, got.width) == expected.shape[:2]


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_avif_orientation_is_applied(orientation: int) -> None:
    got = decode(encoded(SMALL, "AVIF", exif=exif(orientation)))
    expected = UPRIGHT[orientation](decode(SOUND["AVIF"]).image)
    np.testing.assert_array_equal(got.image, expected)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 40), st.integers(1, 40), st.sampled_from(sorted(UPRIGHT)), st.integers(0, 9999)
)
def test_orientation_and_squash_commute(h: int, w: int, orientation: int, seed: int) -> None:
    """The squashed turned file is the squashed upright one; the two passes round differently."""
    stored = np.random.default_rng(seed).integers(0, 256, (h, w, 3), dtype=np.uint8)
    upright = np.ascontiguousarray(UPRIGHT[orientation](stored))
    got = decode(encoded(stored, "PNG", exif=exif(orientation)), 16).image
    expected = decode(encoded(upright, "PNG"), 16).image
    assert np.abs(got.astype(int) - expected).max() <= 1


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"Exif\0\0",
        b"Exif\0\0MM\0*",
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        b"Exif\0\0II*\0\x08\0\0\0\xff\xff",
        exif(0),
        exif(9),
        exif(65535),
        b"garbage" * 9,
    ],
)
def test_a_broken_exif_block_is_ignored(block: bytes) -> None:
    got = decode(encoded(SMALL, "JPEG", quality=95, exif=block))
    np.testing.assert_array_equal(got.image, decode(SOUND["JPEG"]).image)


# ------------------------------------------------------------------------------ squash


@pytest.mark.parametrize("name", [name for name in SOUND if "JPEG" not in name])
@pytest.mark.parametrize("size", [1, 7, 64])
def test_squash_is_the_bilinear_filter_of_the_whole_image(name: str, size: int) -> None:
    whole = Pillow.fromarray(decode(SOUND[name]).image)
    got = decode(SOUND[name], size)
    assert (got.width, got.height) == (36, 24)
    expected = np.asarray(whole.resize((size, size), Pillow.Resampling.BILINEAR))
    np.testing.assert_array_equal(got.image, expected)


def test_squash_against_box_means() -> None:
    """A slow reference: 64 x 64 to 8 x 8 by triangles of twice the box's width."""
    image = natural(64, 64)
    centres = 8 * np.arange(8) + 4
    weights = np.maximum(0, 1 - np.abs(np.arange(64) + 0.5 - centres[:, None]) / 8)
    weights /= weights.sum(1, keepdims=True)
    expected = np.einsum("yi,xj,ijc->yxc", weights, weights, image.astype(float))
    assert np.abs(decode(encoded(image, "PNG"), 8).image - expected).max() <= 1


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
@pytest.mark.parametrize("shape", [(1025, 1280), (513, 1280), (1728, 540)])
def test_reduced_jpegs_are_within_the_stated_tolerance(
    shape: tuple[int, int], options: dict[str, object]
) -> None:
    size = 64
    data = encoded(natural(*shape, seed=1), "JPEG", quality=92, **options)
    whole = Pillow.fromarray(decode(data).image)
    expected = np.asarray(whole.resize((size, size), Pillow.Resampling.BILINEAR))
    got = decode(data, size)
    assert (got.height, got.width) == shape
    assert distance(got.image, expected) < 1
    assert correlation_of_gradients(got.image, expected) > 0.99


def test_a_smaller_margin_is_not_within_the_tolerance(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above can fail, and reduced decoding does happen."""
    data = encoded(natural(1025, 1280, seed=1), "JPEG", quality=92)
    expected = decode(data, 512).image  # below twice this size, nothing is reduced
    whole = Pillow.fromarray(decode(data).image)
    np.testing.assert_array_equal(
        expected, np.asarray(whole.resize((512, 512), Pillow.Resampling.BILINEAR))
    )
    full = np.asarray(whole.resize((120, 120), Pillow.Resampling.BILINEAR))
    monkeypatch.setattr(images, "DRAFT_MARGIN", 1)
    coarse = decode(data, 120).image
    assert correlation_of_gradients(coarse, full) < 0.99


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("shape", [(20, 10_000), (10_000, 20), (1, 1), (1, 3000), (300, 1)])
def test_any_aspect_ratio_is_squashed(kind: str, shape: tuple[int, int]) -> None:
    data = encoded(np.full((*shape, 3), 99, np.uint8), kind)
    got = decode(data, 256)
    assert (got.height, got.width) == shape
    np.testing.assert_array_equal(got.image, np.full((256, 256, 3), 99, np.uint8))


def test_grey_and_cmyk_jpegs_are_reduced() -> None:
    grey = Pillow.fromarray(natural(600, 800)).convert("L")
    small = np.asarray(grey.resize((64, 64), Pillow.Resampling.BILINEAR).convert("RGB"))
    got = decode(encoded(grey, "JPEG"), 64).image
    assert distance(got, small) < 1
    assert (got[..., 0] == got[..., 2]).all()
    cmyk = decode(encoded(grey.convert("CMYK"), "JPEG"), 64).image
    assert distance(cmyk, small) < 1


# ------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize("name", broken_files())
@pytest.mark.parametrize("size", [None, 16])
def test_broken_files_are_image_errors(name: str, size: int | None) -> None:
    with pytest.raises(ImageError) as caught:
        decode(broken_files()[name], size)
    assert caught.value.reason
    assert "\n" not in caught.value.reason


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9, 0.99])
@pytest.mark.parametrize("size", [None, 16])
def test_a_jpeg_that_is_cut_short_is_never_half_grey(kept: float, size: int | None) -> None:
    for progressive in (False, True):
        data = encoded(natural(300, 300), "JPEG", progressive=progressive)
        with pytest.raises(ImageError, match="truncated"):
            decode(data[: int(kept * len(data))], size)


def test_an_image_may_have_as_many_pixels_as_the_limit() -> None:
    assert decode(png(40, 50), limits=Limits(max_pixels=2000)).image.shape == (50, 40, 3)
    with pytest.raises(ImageError, match=r"40 x 50 pixels.*\n.*1,999"):
        decode(png(40, 50), limits=Limits(max_pixels=1999))


def test_the_limit_of_pillow_is_neither_used_nor_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pillow, "MAX_IMAGE_PIXELS", 100)
    assert decode(png(40, 50)).width == 40
    assert Pillow.MAX_IMAGE_PIXELS == 100
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


def test_decoding_stops_when_the_time_is_up() -> None:
    short = Limits(max_seconds=1e-9)
    for name, data in SOUND.items():
        with pytest.raises(ImageError, match="more than 1e-09 seconds"):
            decode(data, limits=short)
        assert decode(data), name


def test_a_jpeg_of_many_scans_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock runs one second for each block that the decoder asks for."""
    clock = iter(range(10_000))
    monkeypatch.setattr("originid.images.decode.time.monotonic", lambda: next(clock))
    data = jpeg_of_scans(64, 40_000)
    assert decode(jpeg_of_scans(64, 10), limits=Limits(max_seconds=100)).width == 64
    with pytest.raises(ImageError, match="more than 5 seconds"):
        decode(data, limits=Limits(max_seconds=5))


@pytest.mark.filterwarnings("ignore::UserWarning")  # newer Pillows warn about each field
def test_a_tiff_whose_fields_share_bytes_takes_little_memory() -> None:
    data = tiff_of_fields()
    tracemalloc.start()
    got = outcome(data, None, Limits())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000
    if isinstance(got, ImageError):  # older Pillows would copy each
        assert "repeats itself" in got.reason


def test_a_header_is_not_read_again_and_again() -> None:
    reader = images._Reader(bytes(100), 10.0)
    for _ in range(2):
        reader.seek(0)
        assert len(reader.read()) == 100
    reader.allowance = 50
    reader.seek(0)
    with pytest.raises(ImageError, match="repeats itself"):
        reader.read()


def test_no_orientation_from_a_png_text() -> None:
    text = png_chunk(b"tEXt", b"Orientation\0" + b"6")
    got = decode(png(40, 50, text))
    assert (got.width, got.height) == (40, 50)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([None, 8]))
def test_random_bytes_are_images_or_image_errors(data: bytes, size: int | None) -> None:
    survives(data, size)


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(sorted(SOUND)),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=8),
    st.floats(0, 1),
    st.sampled_from([None, 8]),
)
def test_mutated_files_are_images_or_image_errors(
    name: str, changes: list[tuple[float, int]], kept: float, size: int | None
) -> None:
    data = bytearray(SOUND[name])
    for place, value in changes:
        data[int(place * (len(data) - 1))] = value
    survives(bytes(data[: int(kept * len(data)) + 100]), size)


def survives(data: bytes, size: int | None) -> None:
    got = outcome(data, size, Limits(max_pixels=1_000_000))  # a changed header may ask for more
    if isinstance(got, ImageError):
        assert got.reason
        assert "\n" not in got.reason
    else:
        assert got.image.shape == (size or got.height, size or got.width, 3)
        assert got.image.dtype == np.uint8


def outcome(data: bytes, size: int | None, limits: Limits) -> Decoded | ImageError:
    try:
        return decode(data, size, limits)
    except ImageError as error:
        return error


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


@pytest.mark.parametrize("wrong", [{"max_bytes": 0}, {"max_pixels": -1}, {"max_seconds": 0}])
def test_limits_are_above_zero(wrong: dict[str, int]) -> None:
    with pytest.raises(InputError, match="above 0"):
        Limits(**wrong)


# ------------------------------------------------------------------------------ files


def test_read_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"12345")
    assert read_bytes(path) == b"12345"
    assert read_bytes(str(path), Limits(max_bytes=5)) == b"12345"
    with pytest.raises(ImageError, match=r"5 bytes\n.*1 to 4"):
        read_bytes(path, Limits(max_bytes=4))


def test_what_is_not_a_readable_file(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    cases = {
        str(tmp_path / "missing.jpg"): "No such file",
        str(tmp_path): "a folder",
        str(tmp_path / "empty.jpg"): "0 bytes",
        str(tmp_path / "empty.jpg" / "below"): "Not a directory",
        "null\0character": "null",
        "long" * 5000: "too long",
    }
    for path, reason in cases.items():
        with pytest.raises(ImageError, match=reason) as caught:
            read_bytes(path)
        assert "\n" not in caught.value.reason


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipes_and_devices_do_not_block(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.jpg"
    os.mkfifo(pipe)
    for path in (pipe, "/dev/zero", "/dev/null"):
        with pytest.raises(ImageError, match="a pipe or a device"):
            read_bytes(path)
    with open(pipe, "rb", opener=images._open_at_once):  # a file replaced by a pipe just now
        pass


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"1")

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(ImageError, match="Permission denied"):
        read_bytes(path)


def found(*paths: str | os.PathLike[str]) -> tuple[list[str], list[Failure]]:
    failures: list[Failure] = []
    return list(find_images(paths, failures.append)), failures


def grow(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder "photos" in the working folder."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "photos"
    folder.mkdir()
    return folder


def test_folders_are_walked_in_order(photos: Path) -> None:
    grow(photos, "b.jpg", "a.PNG", "c/z.webp", "c/d/e.tiff", "a2/x.heic", "notes.txt", "README")
    grow(photos, ".hidden.jpg", ".git/x.jpg", "c/._a.jpg")
    expected = ["a.PNG", "b.jpg", "a2/x.heic", "c/z.webp", "c/d/e.tiff"]
    assert found("photos") == ([f"photos/{name}" for name in expected], [])
    assert found("photos/")[0][0] == "photos/a.PNG"
    assert found(photos)[0][0] == str(photos / "a.PNG")
    assert found(".")[0][0] == "./photos/a.PNG"


def test_a_file_that_is_named_is_always_yielded(photos: Path) -> None:
    grow(photos, ".hidden", "data.bin", "a.jpg")
    names = ["photos/data.bin", "photos/.hidden", "photos/a.jpg", "photos/a.jpg"]
    assert found(*names) == (names, [])


def test_every_suffix_is_found(photos: Path) -> None:
    grow(photos, *(f"a{suffix}" for suffix in IMAGE_SUFFIXES), "b.jpg.txt", "c.svg", "jpg")
    assert len(found("photos")[0]) == len(IMAGE_SUFFIXES)


def test_a_missing_path_is_a_failure_and_the_rest_goes_on(photos: Path) -> None:
    grow(photos, "a.jpg")
    paths, failures = found("nowhere", "null\0", "photos")
    assert paths == ["photos/a.jpg"]
    assert [failure.path for failure in failures] == ["nowhere", "null\0"]
    assert "No such file" in failures[0].reason


def test_a_folder_that_cannot_be_listed_is_a_failure(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grow(photos, "a.jpg", "locked/b.jpg", "open/c.jpg")
    real = os.scandir

    def scandir(path: str) -> object:
        if os.path.basename(path) == "locked":
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    expected = [Failure("photos/locked", "Permission denied")]
    assert found("photos") == (["photos/a.jpg", "photos/open/c.jpg"], expected)


def test_strange_names(photos: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("needs a file system that takes any bytes")
    names = [b"new\nline.jpg", b"\xff\xfe.jpg", "grüße.jpg".encode(), b" .jpg"]
    for name in names:
        (photos / os.fsdecode(name)).write_bytes(b"x")
    paths, failures = found("photos")
    assert failures == []
    assert sorted(os.fsencode(path) for path in paths) == sorted(b"photos/" + n for n in names)
    assert [read_bytes(path) for path in paths] == [b"x"] * 4


def test_links_are_followed_and_loops_end(photos: Path) -> None:
    grow(photos, "a.jpg", "sub/b.jpg")
    grow(photos.parent, "elsewhere/c.jpg", "elsewhere/d.jpg")
    (photos / "sub" / "up").symlink_to("..")
    (photos / "sub" / "self").symlink_to("self")
    (photos / "other").symlink_to(photos.parent / "elsewhere")
    (photos / "other2").symlink_to(photos.parent / "elsewhere")
    paths, failures = found("photos")
    expected = ["photos/a.jpg", "photos/other/c.jpg", "photos/other/d.jpg", "photos/sub/b.jpg"]
    assert paths == expected
    assert failures == [Failure("photos/sub/self", "broken link")]


def test_a_linked_file_comes_once(photos: Path) -> None:
    grow(photos, "b.jpg", "z/c.jpg", ".store/blob.jpg", "sub/blob")
    (photos / "a.jpg").symlink_to("b.jpg")  # before its file
    (photos / "y.jpg").symlink_to("b.jpg")  # after it
    (photos / "d.jpg").symlink_to("z/c.jpg")  # before its folder is entered
    (photos / "e.jpg").symlink_to(".store/blob.jpg")  # a file that does not come by itself
    (photos / "f.jpg").symlink_to(".store/blob.jpg")
    (photos / "g.jpg").symlink_to("sub/blob")
    (photos / "gone.jpg").symlink_to("nowhere")
    (photos / "gone").symlink_to("nowhere")
    (photos / ".gone").symlink_to("nowhere")
    paths, failures = found("photos")
    assert paths == [f"photos/{name}.jpg" for name in "bdeg"]
    assert {failure.path for failure in failures} == {"photos/gone.jpg", "photos/gone"}
    assert found("photos", "photos")[0] == 2 * paths


def test_a_tree_that_is_too_deep_is_a_failure(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def walk(*_: object, **__: object) -> Iterator[tuple[str, list[str], list[str]]]:
        yield "photos", ["deep"], ["a.jpg"]
        raise RecursionError

    grow(photos, "a.jpg", "b.bmp")
    monkeypatch.setattr(os, "walk", walk)
    paths, failures = found("photos", "photos/b.bmp")
    assert paths == ["photos/a.jpg", "photos/b.bmp"]
    assert [(failure.path, failure.reason[:14]) for failure in failures] == [
        ("photos", "folders nested")
    ]


def test_no_warning_reaches_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pillow, "MAX_IMAGE_PIXELS", 1000)  # Pillow warns between this and twice it
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for data in SOUND.values():
            decode(data, 8)
        decode(encoded(SMALL, "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff"))
        decode(png(30, 50))
    assert [str(warning.message) for warning in caught] == []


# Memory is asked for before it is taken.


class RefusedError(Exception):
    pass


def never(size: int) -> None:
    pytest.fail("memory was asked for")


def test_a_file_is_admitted_by_its_size_before_it_is_read(tmp_path: Path) -> None:
    def refuse(size: int) -> None:
        assert size == 1000
        raise RefusedError

    path = tmp_path / "file"
    path.write_bytes(bytes(1000))
    with pytest.raises(RefusedError):
        read_bytes(path, reserve=refuse)
    sizes: list[int] = []
    assert len(read_bytes(path, reserve=sizes.append)) == sizes[0] == 1000
    with pytest.raises(ImageError):
        read_bytes(path, Limits(max_bytes=999), never)
    with pytest.raises(ImageError):
        read_bytes(tmp_path / "none", reserve=never)


def admitted(data: bytes, size: int | None = None) -> int:
    sizes: list[int] = []
    decode(data, size, reserve=sizes.append)
    assert len(sizes) == 1
    return sizes[0]


def test_memory_is_admitted_before_pixels_are_decoded() -> None:
    def refuse(size: int) -> None:
        raise RefusedError

    for name, data in SOUND.items():
        with pytest.raises(RefusedError):
            decode(data, reserve=refuse)
        image = decode(data)
        assert admitted(data) >= image.width * image.height, name
    with pytest.raises(ImageError):
        decode(png(30_000, 30_000, rows=1), reserve=never)


def test_memory_follows_the_mode_and_what_is_decoded() -> None:
    picture = natural(512, 1024)
    pixels = 512 * 1024
    jpeg, scans = encoded(picture, "JPEG"), encoded(picture, "JPEG", progressive=True)
    assert admitted(jpeg) == 5 * pixels
    assert admitted(jpeg, 64) == 5 * pixels // 16  # decoded at a quarter
    assert admitted(scans, 64) == 5 * pixels // 16 + 6 * pixels
    assert admitted(encoded(picture, "PNG"), 64) == 5 * pixels
    assert admitted(encoded(picture, "WEBP"), 64) == 17 * pixels
    assert admitted(encoded(picture[..., 0].astype(np.float32), "TIFF"), 64) == 40 * pixels


def test_waiting_for_memory_is_not_decoding_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 0.0
    monkeypatch.setattr("originid.images.decode.time.monotonic", lambda: clock)

    def wait(size: int) -> None:
        nonlocal clock
        clock += 1000

    for name, data in SOUND.items():
        assert decode(data, reserve=wait, limits=Limits(max_seconds=1)), name
