"""Directories that appear whole or not at all."""

import errno
import os
from pathlib import Path

import pytest

from originid.errors import InputError, StorageError
from originid.storage import new_directory, storage_errors


def test_a_directory_appears_when_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b"
    with new_directory(target) as folder:
        (folder / "file").write_text("x")
        assert not target.exists()
    assert (target / "file").read_text() == "x"
    assert os.listdir(tmp_path / "a") == ["b"]


def test_nothing_stays_of_one_that_failed(tmp_path: Path) -> None:
    def interrupted() -> None:
        with new_directory(tmp_path / "b") as folder:
            (folder / "file").write_text("x")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("taken", ["file", "full folder"])
def test_what_is_there_is_left_alone(taken: str, tmp_path: Path) -> None:
    target = tmp_path / "b"
    if taken == "file":
        target.write_text("x")
    else:
        target.mkdir()
        (target / "file").write_text("x")
    with pytest.raises(InputError, match="exists"), new_directory(target):
        raise AssertionError("entered")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_refusing_disk_is_an_error_of_ours(code: int) -> None:
    with pytest.raises(StorageError, match=os.strerror(code)), storage_errors("x"):
        raise OSError(code, os.strerror(code))
