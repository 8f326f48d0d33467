"""Directories and files that appear whole or not at all."""

import errno
import os
from pathlib import Path

import pytest

from originid.errors import InputError, StorageError
from originid.system import storage
from originid.system.storage import new_directory, new_file, storage_errors


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


def test_a_file_is_replaced_when_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "file"
    for text in ("one", "two"):
        before = target.read_text() if target.exists() else None
        with new_file(target) as temporary:
            temporary.write_text(text)
            assert (target.read_text() if target.exists() else None) == before
        assert target.read_text() == text
    assert os.listdir(tmp_path) == ["file"]


def test_a_file_that_failed_changes_nothing(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("old")

    def interrupted() -> None:
        with new_file(target) as temporary:
            temporary.write_text("ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


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


@pytest.mark.parametrize("held", [1, 5])
def test_on_windows_a_file_that_is_held_gets_its_name_later(
    held: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, tries = os.replace, []

    def replace(source: Path, target: Path) -> None:
        tries.append(target)
        if len(tries) <= held:
            raise PermissionError(errno.EACCES, "held")
        real(source, target)

    monkeypatch.setattr(storage, "ON_WINDOWS", True)
    monkeypatch.setattr(storage, "RENAME_PAUSES", (0.0,) * 5)
    monkeypatch.setattr(os, "replace", replace)
    with new_file(tmp_path / "file") as temporary:
        temporary.write_text("x")
    assert (tmp_path / "file").read_text() == "x"
    assert len(tries) == held + 1


@pytest.mark.parametrize("windows", [True, False])
def test_a_file_that_stays_held_is_an_error(
    windows: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def replace(source: Path, target: Path) -> None:
        raise PermissionError(errno.EACCES, "held")

    monkeypatch.setattr(storage, "ON_WINDOWS", windows)
    monkeypatch.setattr(storage, "RENAME_PAUSES", (0.0,))
    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(PermissionError), new_file(tmp_path / "file") as temporary:
        temporary.write_text("x")
    assert os.listdir(tmp_path) == []


def test_a_file_that_was_there_first_stays(tmp_path: Path) -> None:
    target = tmp_path / "file"
    for text in ("one", "two"):
        with new_file(target, replace=False) as temporary:
            temporary.write_text(text)
        assert target.read_text() == "one"
    assert os.listdir(tmp_path) == ["file"]


def test_without_hard_links_a_free_name_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(source: Path, target: Path) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr("originid.system.storage.os.link", no_links)
    for text in ("one", "two"):
        try:
            with new_file(tmp_path / "file", replace=False) as temporary:
                temporary.write_text(text)
        except OSError:
            assert text == "two"
    assert (tmp_path / "file").read_text() == "one"


@pytest.mark.parametrize(
    ("number", "todo"),
    [
        (errno.ENOSPC, "free some space"),
        (errno.EACCES, "ask whoever owns"),
        (errno.EROFS, "ask whoever owns"),
        (errno.EEXIST, "choose another name"),
        (errno.ENOENT, "make the folder first"),
        (errno.EIO, "free some space or choose another place"),
    ],
)
def test_the_advice_is_for_what_went_wrong(number: int, todo: str) -> None:
    with pytest.raises(StorageError) as caught, storage_errors("a"):
        raise OSError(number, os.strerror(number))
    assert todo in caught.value.todo
    assert caught.value.todo.endswith("; what was there is unchanged")
