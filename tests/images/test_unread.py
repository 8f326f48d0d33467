"""Files that are known by how they begin: those that are read, and those that are not."""

import io
import os
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PILImage

from originid.images import find_files, unread
from originid.images.find_files import find_images
from originid.images.formats import FORMATS
from originid.images.unread import UNREAD, Unread, look_at, summary
from originid.types import Failure


def encoded(kind: str) -> bytes:
    file = io.BytesIO()
    PILImage.new("RGB", (9, 7), (200, 30, 30)).save(file, kind)
    return file.getvalue()


READ = {kind: encoded(kind) for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")}
TIFF = READ["TIFF"]


def written(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    return str(path)


def found(
    folder: Path, only_suffixes: bool = False
) -> tuple[list[str], list[tuple[str, str]], list[Failure]]:
    failures: list[Failure] = []
    left: list[Unread] = []
    images = list(
        find_images([folder], failures.append, only_suffixes=only_suffixes, on_unread=left.append)
    )
    names = [os.path.relpath(path, folder) for path in images]
    return names, [(os.path.relpath(each.path, folder), each.kind) for each in left], failures


@pytest.mark.parametrize("kind", list(READ))
@pytest.mark.parametrize(
    "name",
    ["4f3a9b", "photo.jpg_large", "photo.jpg?w=800", "photo.JPG.", "a.txt", "a.psd", "a.mp4"],
)
def test_an_image_is_known_by_its_content(kind: str, name: str, tmp_path: Path) -> None:
    if sys.platform == "win32" and ("?" in name or name.endswith(".")):
        pytest.skip("Windows has no such names")
    assert look_at(written(tmp_path / name, READ[kind])) is True
    assert found(tmp_path)[:2] == ([name], [])
    assert found(tmp_path, only_suffixes=True) == ([], [], [])


BEGINNINGS = {
    b"\xff\n\x00\x10": "JPEG XL",
    b"\0\0\0\x0cJXL \r\n\x87\n": "JPEG XL",
    b"8BPS\0\x01\0\0": "Photoshop",
    b"8BPS\0\x02\0\0": "Photoshop",
    b"\0\0\0\x0cjP  \r\n\x87\n": "JPEG 2000",
    b"\xff\x4f\xff\x51\0\x2f": "JPEG 2000",
    b"II\xbc\x01\x08\0\0\0": "JPEG XR",
    b"\x76\x2f\x31\x01\x02": "OpenEXR",
    b"#?RADIANCE\n": "Radiance",
    b"\n<svg xmlns='x'>": "SVG",
    b"gimp xcf v011\0": "GIMP",
    b"DDS \x7c\0\0\0": "DirectDraw",
    b"qoif\0\0": "QOI",
    b"\0\0\x01\0\x02\0\x10\x10\0\0\x01": "icon",
    bytes(128) + b"DICM\x02\0": "DICOM",
}


@pytest.mark.parametrize(("data", "kind"), BEGINNINGS.items())
def test_what_is_not_read_is_known_by_its_content(data: bytes, kind: str, tmp_path: Path) -> None:
    assert look_at(written(tmp_path / "noname", data)) == Unread(str(tmp_path / "noname"), kind)


@pytest.mark.parametrize(
    ("suffix", "kind"),
    [("cr2", "RAW"), ("NEF", "RAW"), ("dng", "RAW"), ("psd", "Photoshop"), ("jxl", "JPEG XL"),
     ("svg", "SVG"), ("jp2", "JPEG 2000"), ("exr", "OpenEXR"), ("dcm", "DICOM"), ("tga", "Targa"),
     ("ppm", "Netpbm")],
)  # fmt: skip
@pytest.mark.parametrize("data", [b"", b"x", b"<?xml version='1.0'?><svg>", bytes(300)])
def test_what_is_not_read_is_known_by_its_suffix(
    suffix: str, kind: str, data: bytes, tmp_path: Path
) -> None:
    path = written(tmp_path / f"a.{suffix}", data)
    assert look_at(path) == Unread(path, kind, suffix.lower())


def test_a_picture_is_what_it_is_whatever_it_is_called(tmp_path: Path) -> None:
    assert look_at(written(tmp_path / "a.nef", TIFF)) is True
    assert look_at(written(tmp_path / "b", b"FUJIFILMCCD-RAW 0201")) is True
    assert look_at(written(tmp_path / "a.tga", TIFF)) is True
    assert look_at(written(tmp_path / "a.cr2", READ["JPEG"])) is True
    path = written(tmp_path / "a.psd", b"gimp xcf v011\0")
    assert look_at(path) == Unread(path, "GIMP")


@pytest.mark.parametrize(
    "data",
    [b"", b"text", b"BMW prices of 2024, in euros", b"BM", b"P1 is first", b"%PDF-1.7\n",
     b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", b"RIFF\x10\0\0\0WAVEfmt ", b"PK\x03\x04", bytes(64),
     b"II", b"MM", b"#!/bin/sh\n", b"<?xml version='1.0'?>"],
)  # fmt: skip
@pytest.mark.parametrize("name", ["a", "a.txt", "a.mp4"])
def test_other_files_are_silent(data: bytes, name: str, tmp_path: Path) -> None:
    assert look_at(written(tmp_path / name, data)) is False
    assert found(tmp_path) == ([], [], [])


@given(st.binary(max_size=80), st.sampled_from(["a", "a.txt", "a.cr2", "a.x.jpg_large"]))
def test_any_bytes_are_looked_at(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, name: str
) -> None:
    path = written(tmp_path_factory.getbasetemp() / name, data)
    found = look_at(path)
    assert found in (True, False) or isinstance(found, Unread)


def test_known_suffixes_and_sidecars_are_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.jpg", "b.TIFF", "c.xmp", "d.aae"):
        written(tmp_path / name, READ["JPEG"])

    def fail(*arguments: object) -> None:
        raise AssertionError("a file was opened")

    monkeypatch.setattr(os, "open", fail)
    assert found(tmp_path) == (["a.jpg", "b.TIFF"], [], [])


def test_at_most_64_bytes_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, read, sizes = written(tmp_path / "a", b"x" * 1000), os.read, list[int]()

    def counted(descriptor: int, size: int) -> bytes:
        sizes.append(size)
        return read(descriptor, size)

    monkeypatch.setattr(os, "read", counted)
    assert look_at(path) is False
    assert sizes == [64]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes in folders")
def test_pipes_and_devices_never_make_the_walk_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    os.mkfifo(tmp_path / "pipe.cr2")
    (tmp_path / "null").symlink_to("/dev/null")
    (tmp_path / "tty").symlink_to("/dev/tty")
    written(tmp_path / "picture", READ["PNG"])
    results: list[object] = []
    walk = threading.Thread(target=lambda: results.append(found(tmp_path)), daemon=True)
    walk.start()
    walk.join(10)
    assert results == [(["picture"], [], [])]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes in folders")
def test_a_pipe_that_takes_the_place_of_a_file_is_no_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "a", b"")
    status = os.stat(path)
    os.unlink(path)
    os.mkfifo(path)
    with monkeypatch.context() as patched:
        patched.setattr(os, "stat", lambda path: status)
        assert look_at(path) is False


def test_a_file_that_cannot_be_opened_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("locked", "gone", "open"):
        written(tmp_path / name, READ["PNG"])
    real = look_at

    def look(path: str) -> Unread | bool:
        error = {"locked": PermissionError(13, "Permission denied"), "gone": FileNotFoundError(2)}
        if Path(path).name in error:
            raise error[Path(path).name]
        return real(path)

    monkeypatch.setattr(find_files, "look_at", look)
    names, left, failures = found(tmp_path)
    assert (names, left) == (["open"], [])
    assert failures == [Failure(str(tmp_path / "locked"), "Permission denied")]


def test_a_link_to_a_file_without_a_suffix_comes_once(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    written(tmp_path / "sub" / "blob", READ["PNG"])
    (tmp_path / "a.png").symlink_to("sub/blob")
    (tmp_path / "sub" / "c").symlink_to("blob")
    assert found(tmp_path) == (["a.png"], [], [])  # before its folder is entered
    (tmp_path / "z.png").symlink_to("sub/blob")
    assert len(found(tmp_path)[0]) == 1


def test_what_formats_has_is_read() -> None:
    by_beginning = {kind for kind, (_, pattern) in UNREAD.items() if pattern is not None}
    assert not by_beginning & set(FORMATS)
    suffixes = [suffix for ends, _ in UNREAD.values() for suffix in ends]
    assert len(suffixes) == len(set(suffixes))
    assert not {f".{suffix}" for suffix in suffixes} & find_files.IMAGE_SUFFIXES


def test_a_format_that_becomes_readable_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.delitem(unread.UNREAD, "RAW")
        assert look_at(written(tmp_path / "a.nef", TIFF)) is True
    # Whatever its name is.
    monkeypatch.setattr(unread, "find_format", lambda head: "Layers")
    assert look_at(written(tmp_path / "a.psd", b"8BPS\0\1")) is True
    monkeypatch.setattr(unread, "find_format", lambda head: "Camera")
    assert look_at(written(tmp_path / "a.cr2", b"II*\0\x10\0\0\0CR")) is True


def test_the_summary_names_the_kinds() -> None:
    raw = [Unread("a.cr2", "RAW", "cr2"), Unread("b.nef", "RAW", "nef"), Unread("c", "RAW")]
    layered = Unread("d.psd", "Photoshop", "psd")
    assert summary([layered, *raw[:2]]) == (
        "3 files are images that originid does not read: 2 RAW (cr2, nef), 1 Photoshop"
    )
    assert summary([raw[2]]) == "1 file is an image that originid does not read: 1 RAW"
    assert layered.reason == "an image that originid does not read: Photoshop"
