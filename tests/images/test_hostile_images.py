"""Files that are broken, too large, or made to cost time or memory."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow
from PIL import ImageFile

from image_files import (
    broken_files,
    encoded,
    jpeg_of_scans,
    natural,
    png,
    tiff_of_fields,
)
from originid.errors import ImageError, InputError
from originid.images import decode as images
from originid.images.decode import Decoded, Limits, decode
from sound_images import SOUND


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


@pytest.mark.parametrize("wrong", [{"max_bytes": 0}, {"max_pixels": -1}, {"max_seconds": 0}])
def test_limits_are_above_zero(wrong: dict[str, int]) -> None:
    with pytest.raises(InputError, match="above 0"):
        Limits(**wrong)
