"""Images that may take long in one call are decoded in a process of their own."""

import sys
from typing import Any

import numpy as np
import pytest

from image_files import encoded, exif, natural
from originid.errors import ImageError
from originid.images import apart
from originid.images.apart import BESIDE, MANY_PIXELS, decode_apart, is_slow
from originid.images.bounded_bytes import BoundedBytes
from originid.images.decode import decode
from originid.images.formats import FORMATS
from originid.images.limits import LIMITS, Limits
from originid.images.opened import Decoded
from sound_images import SMALL, SOUND

MEMORY = 10_000_000
IN_ONE_CALL = ("WebP", "TIFF", "AVIF")


@pytest.fixture
def everything_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "MANY_PIXELS", 10)


@pytest.mark.usefixtures("everything_is_slow")
@pytest.mark.parametrize("name", IN_ONE_CALL)
def test_it_is_the_same_image(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def noted(*given: Any) -> Decoded:
        calls.append(given[0])
        return decode_apart(*given)

    monkeypatch.setattr("originid.images.decode.decode_apart", noted)
    for size in (None, 16):
        got = decode(SOUND[name], size)
        monkeypatch.setattr(apart, "MANY_PIXELS", MANY_PIXELS)
        expected = decode(SOUND[name], size)
        monkeypatch.setattr(apart, "MANY_PIXELS", 10)
        np.testing.assert_array_equal(got.image, expected.image)
        assert (got.width, got.height, got.note) == (36, 24, "")
        assert not got.image.flags.writeable
    assert calls == [name, name]


@pytest.mark.usefixtures("everything_is_slow")
def test_it_is_turned_and_put_before_white() -> None:
    data = encoded(SMALL, "WEBP", lossless=True, exif=exif(6))
    got = decode(data)
    np.testing.assert_array_equal(got.image, np.rot90(SMALL, -1))
    assert (got.width, got.height) == (24, 36)


def test_a_note_comes_along() -> None:
    data = encoded(natural(96, 128), "JPEG")[:-2]
    whole = decode_apart("JPEG", encoded(natural(96, 128), "JPEG"), None, LIMITS, MEMORY)
    cut = decode_apart("JPEG", data[: len(data) * 8 // 10], None, LIMITS, MEMORY)
    assert whole.note == ""
    assert cut.note.startswith("the file is cut short")


def test_errors_come_along() -> None:
    with pytest.raises(ImageError, match="broken or unsupported WebP file") as caught:
        decode_apart("WebP", SOUND["WebP"][:100], None, LIMITS, MEMORY)
    assert caught.value.todo == "fetch or save it anew"


def test_it_is_ended_when_the_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "START_SECONDS", 0.0)
    monkeypatch.setattr(apart, "PROGRAM", "import time; time.sleep(60)  # {path}")
    with pytest.raises(ImageError, match=r"decoding takes more than 0\.3 seconds"):
        decode_apart("WebP", SOUND["WebP"], None, Limits(max_seconds=0.3), MEMORY)


def test_a_crash_is_told() -> None:
    program = "import os; os.abort()  # {path}"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(apart, "PROGRAM", program)
        with pytest.raises(ImageError, match="crashes its decoder"):
            decode_apart("WebP", SOUND["WebP"] * 1000, None, LIMITS, MEMORY)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps to a limit of address space")
def test_it_gets_no_more_memory_than_its_header_says(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(natural(64, 64).repeat(64, 0).repeat(64, 1), "WEBP", quality=5)
    assert decode_apart("WebP", data, 16, LIMITS, 300_000_000).width == 4096
    monkeypatch.setattr(apart, "START_BYTES", 0)
    with pytest.raises(ImageError, match=r"more memory than it says|MemoryError"):
        decode_apart("WebP", data, 16, LIMITS, 60_000_000)


def test_only_large_images_of_some_formats_are_slow() -> None:
    for name, data in SOUND.items():
        kind = name.split()[-1]
        opened = FORMATS[kind][1](BoundedBytes(data))
        assert not is_slow(opened, 36 * 24, len(data)), name
        one_call = kind in IN_ONE_CALL
        assert is_slow(opened, MANY_PIXELS + 1, len(data)) is one_call, name
        assert is_slow(opened, 36 * 24, 16 * 36 * 24 + BESIDE + 1) is one_call, name
