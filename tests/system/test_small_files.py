"""Small files are read whole, or refused without waiting."""

import os
from pathlib import Path

import pytest

from originid.system.small_files import check_regular, copy_small_file, read_small_file


@pytest.mark.parametrize("size", [0, 1, 70_000])
def test_a_file_up_to_the_limit_is_read(size: int, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * size)
    assert read_small_file(tmp_path / "a", size) == b"x" * size
    check_regular(tmp_path / "a", size)


def test_a_larger_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 1001)
    for read in (read_small_file, check_regular):
        with pytest.raises(ValueError, match="it has 1,001 bytes, expected at most 1,000"):
            read(tmp_path / "a", 1000)


def test_other_kinds_are_refused_by_name(tmp_path: Path) -> None:
    for read in (read_small_file, check_regular):
        with pytest.raises(ValueError, match="it is a folder, expected a regular file"):
            read(tmp_path, 10)
        with pytest.raises(FileNotFoundError):
            read(tmp_path / "none", 10)
        with pytest.raises(ValueError, match="null"):
            read("a\0b", 10)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_pipes_and_devices_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        for read in (read_small_file, check_regular):
            with pytest.raises(ValueError, match="a pipe or a device"):
                read(path, 10)


@pytest.mark.skipif(os.name == "nt", reason="links need a right on Windows")
def test_links_are_followed_only_where_that_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"private")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert read_small_file(tmp_path / "link", 10) == b"private"
    for read in (read_small_file, check_regular):
        with pytest.raises(ValueError, match="it is a symbolic link"):
            read(tmp_path / "link", 10, links=False)


@pytest.mark.skipif(not os.path.exists("/proc/self/maps"), reason="needs Linux")
def test_a_file_that_says_it_is_empty_is_read_up_to_the_limit() -> None:
    assert os.stat("/proc/self/maps").st_size == 0
    with pytest.raises(ValueError, match="more than 100 bytes"):
        read_small_file("/proc/self/maps", 100)


def test_a_copy_is_a_file_of_its_own_and_replaces_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one")
    copy_small_file(tmp_path / "a", tmp_path / "b", 3)
    assert (tmp_path / "b").read_bytes() == b"one"
    with pytest.raises(FileExistsError):
        copy_small_file(tmp_path / "a", tmp_path / "b", 3)
    with pytest.raises(ValueError, match="expected at most 2"):
        copy_small_file(tmp_path / "a", tmp_path / "c", 2)
    assert not (tmp_path / "c").exists()
