"""Which files are read, and which are refused before a byte of them is."""

import os
from pathlib import Path

import pytest

from originid.errors import ImageError
from originid.images import decode as images
from originid.images.decode import read_bytes
from originid.images.limits import Limits


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


def test_an_address_is_told_from_a_missing_file() -> None:
    with pytest.raises(ImageError, match="nothing is fetched here") as caught:
        read_bytes("https://example.org/cat.jpg")
    assert caught.value.todo == "download the picture first"


def test_a_folder_that_may_not_be_opened_is_no_other_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *arguments: False)
    with pytest.raises(ImageError, match="Permission denied"):
        read_bytes(tmp_path)
