"""Files that are broken, too large, or made to cost time or memory."""

import re
import time
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
    exif,
    gif,
    jpeg_of_scans,
    natural,
    png,
    png_with_huge_profile,
    png_with_huge_text,
    tiff_of_fields,
)
from originid.errors import ImageError, InputError
from originid.images.bounded_bytes import BoundedBytes
from originid.images.decode import decode
from originid.images.jpeg import needed_segments
from originid.images.limits import LIMITS, Limits
from originid.images.opened import Decoded, OpenedImage
from sound_images import SOUND


@pytest.mark.parametrize("name", broken_files())
@pytest.mark.parametrize("size", [None, 16])
def test_broken_files_are_image_errors(name: str, size: int | None) -> None:
    with pytest.raises(ImageError) as caught:
        decode(broken_files()[name], size)
    assert caught.value.reason
    assert "\n" not in caught.value.reason


@pytest.mark.parametrize("size", [None, 16])
@pytest.mark.parametrize("kept", [0.6, 0.9, 0.99])
def test_a_jpeg_that_is_cut_short_shows_what_is_there(kept: float, size: int | None) -> None:
    data = encoded(natural(304, 304), "JPEG")
    whole, cut = decode(data, size), decode(data[: int(kept * len(data))], size)
    assert not whole.note
    share = re.fullmatch(r"the file is cut short: (\d+)% of the rows are grey", cut.note)
    missing = int(share[1]) / 100 if share else 0.0
    assert share or cut.note == "the file is cut short: no row is missing"
    there = int((1 - missing) * len(cut.image)) - (24 if size is None else 2)
    assert there > (kept - 0.35) * len(cut.image)
    np.testing.assert_allclose(cut.image[:there], whole.image[:there], atol=2)
    if kept < 0.9:
        assert np.abs(cut.image[-1].astype(int) - 128).max() <= 1


@pytest.mark.parametrize("size", [None, 16])
def test_a_jpeg_that_lacks_its_last_bytes_is_whole(size: int | None) -> None:
    for progressive in (False, True):
        data = encoded(natural(304, 304), "JPEG", progressive=progressive)
        for lacking in (1, 2, 3, 20):
            cut = decode(data[:-lacking], size)
            whole = decode(data, size).image
            assert np.abs(cut.image.astype(int) - whole).mean() < 1
            assert cut.note in ("", "the file is cut short: no row is missing")


def test_a_jpeg_of_which_most_is_missing_is_refused() -> None:
    data = encoded(natural(304, 304), "JPEG")
    with pytest.raises(ImageError, match=r"cut short, and \d+% of the image is missing"):
        decode(data[: int(0.3 * len(data))])


def test_what_lies_beside_the_pixels_of_a_png_is_left_out() -> None:
    for data in (png_with_huge_profile(), png_with_huge_text()):
        tracemalloc.start()
        assert (decode(data).image == 0).all()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 2_000_000  # the text unpacks to 16 MB


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


def test_a_jpeg_of_many_scans_is_refused_before_it_is_decoded() -> None:
    assert decode(jpeg_of_scans(64, 100)).width == 64
    with pytest.raises(ImageError, match="a JPEG of 40,000 scans"):
        decode(jpeg_of_scans(64, 40_000))


def test_the_clock_is_looked_at_while_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock runs one second for each block that the decoder asks for."""
    clock = iter(range(10_000))
    monkeypatch.setattr("originid.images.bounded_bytes.time.monotonic", lambda: next(clock))
    data = encoded(natural(1500, 1500), "PNG", compress_level=0)
    assert decode(data, limits=Limits(max_seconds=1000)).width == 1500
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
    reader = BoundedBytes(bytes(100), 10.0)
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


def test_notes_before_the_pixels_of_a_jpeg_are_left_out_if_there_are_very_many() -> None:
    data = encoded(natural(64, 64), "JPEG", exif=exif(6))
    upright = decode(data).image
    place = data.index(b"\xff\xdb")
    for body in (b"Exif\0\0" + bytes(60_000), b"ICC_PROFILE\0\1\2" + bytes(60_000), b"x"):
        segment = b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body
        noted = data[:place] + 500 * segment + data[place:]
        np.testing.assert_array_equal(decode(noted).image, upright)
        assert needed_segments(noted)[:place] == data[:place]
        assert len(needed_segments(noted)) == len(data)
    assert needed_segments(data) is data


@pytest.mark.parametrize("notes", [1, 30])  # a header that is short, and one of 1.8 MB
def test_a_header_of_any_length_is_read(notes: int) -> None:
    data = encoded(natural(64, 64), "JPEG", exif=exif(6))
    place = data.index(b"\xff\xdb")
    note = b"\xff\xec" + (60_002).to_bytes(2, "big") + bytes(60_000)
    noted = data[:place] + notes * note + data[place:]
    assert needed_segments(noted) is noted
    np.testing.assert_array_equal(decode(noted).image, decode(data).image)


def test_an_ordinary_header_of_a_jpeg_is_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[int] = []
    read = BoundedBytes.read

    def counted(self: BoundedBytes, size: int | None = -1, /) -> bytes:
        reads.append(size or 0)
        return read(self, size)

    monkeypatch.setattr(BoundedBytes, "read", counted)
    OpenedImage("JPEG", encoded(natural(64, 64), "JPEG"), None, LIMITS)
    assert len(reads) == 1


@pytest.mark.parametrize(
    "part",
    [b"\xff", b"\xff\0", b"\xff\xfe\0\2", b"\xff\xdb\0\2", b"\xff\xe1\0\x09Exif\0\0x"],
)
def test_a_jpeg_that_is_all_header_is_refused_soon(part: bytes) -> None:
    start = time.monotonic()
    with pytest.raises(ImageError):
        decode(b"\xff\xd8\xff\xdb\0\2" + part * (1_000_000 // len(part)))
    assert time.monotonic() - start < 20


def test_a_header_of_very_many_parts_is_refused() -> None:
    comments = gif()[:19] + b"!\xfe\1a\0" * 200_000 + gif()[19:]
    with pytest.raises(ImageError, match="very many parts"):
        decode(comments)
    few = gif()[:19] + b"!\xfe\1a\0" * 100 + gif()[19:]
    np.testing.assert_array_equal(decode(few).image, decode(gif()).image)


def test_an_image_that_takes_more_memory_than_allowed_is_refused_unread() -> None:
    data = encoded(natural(40, 50), "PNG")
    assert decode(data, limits=Limits(max_memory=5 * 2000)).width == 50
    with pytest.raises(ImageError, match=r"decoding the image takes .* GB of memory"):
        decode(data, limits=Limits(max_memory=5 * 2000 - 1))
