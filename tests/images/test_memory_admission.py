"""Memory is asked for before it is taken."""

from pathlib import Path

import numpy as np
import pytest

from image_files import (
    encoded,
    natural,
    png,
)
from originid.errors import ImageError
from originid.images.decode import decode, read_bytes
from originid.images.limits import Limits
from sound_images import SOUND


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
    assert admitted(encoded(picture[..., 0].astype(np.float32), "TIFF"), 64) == 13 * pixels


def test_waiting_for_memory_is_not_decoding_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 0.0
    monkeypatch.setattr("originid.images.bounded_bytes.time.monotonic", lambda: clock)

    def wait(size: int) -> None:
        nonlocal clock
        clock += 1000

    for name, data in SOUND.items():
        assert decode(data, reserve=wait, limits=Limits(max_seconds=1)), name
