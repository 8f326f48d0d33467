"""A file that was changed is noticed, whatever its size and its time say."""

import os
import shutil
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage

from answers import best, counts
from earlier_formats import TO_3
from fixture_types import WritePhotos
from originid.collection.adding import store_images
from originid.collection.collection import Collection, create_collection, open_collection
from originid.collection.schema import FORMAT
from originid.collection.verifying import compared
from originid.latents import read_files
from originid.model import Model
from originid.system import file_status
from originid.system.file_status import FileStatus
from originid.testing import textured_image
from sqlite_of import sqlite_of

posix = pytest.mark.skipif(sys.platform == "win32", reason="ctime is when the file was made")
EARLIER = ("UPDATE reference SET ctime_ns = NULL, inode = NULL", *TO_3)


def bitmap(path: Path, seed: int) -> Path:
    """A file whose size does not depend on what it shows."""
    path.parent.mkdir(exist_ok=True)
    PILImage.fromarray(textured_image(seed, 64, 64)).save(path)
    os.utime(path, (1e9, 1e9))
    return path


def status(path: Path) -> FileStatus:
    return FileStatus.of(os.stat(path))


def reads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise AssertionError("a file was read")

    monkeypatch.setattr(read_files, "read_bytes", fail)


@posix
def test_a_file_of_the_same_size_and_time_is_read_again(
    collection: Collection, tmp_path: Path
) -> None:
    path, new = bitmap(tmp_path / "a" / "x.bmp", 1), bitmap(tmp_path / "new.bmp", 2)
    store_images(collection, [path])
    before = status(path)
    path.write_bytes(new.read_bytes())  # in place: the inode stays
    os.utime(path, (1e9, 1e9))
    after = status(path)
    assert (after.bytes, after.mtime_ns, after.inode) == (
        before.bytes,
        before.mtime_ns,
        before.inode,
    )
    assert [problem.reason for problem in collection.verify()] == ["changed since it was indexed"]
    assert counts(store_images(collection, [path])) == (0, 1, 0, 0, 0)
    assert best(collection, new) == str(path)
    assert list(collection.verify()) == []


@posix
def test_a_file_that_took_the_place_of_another_is_read_again(
    collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a file system that does not change ctime when a file is renamed."""
    path, new = bitmap(tmp_path / "a" / "x.bmp", 1), bitmap(tmp_path / "new.bmp", 2)
    store_images(collection, [path])
    stored = status(path)
    os.replace(new, path)
    real = FileStatus.of

    def of(found: os.stat_result) -> FileStatus:
        made = real(found)
        return FileStatus(made.bytes, made.mtime_ns, stored.ctime_ns, made.inode)

    monkeypatch.setattr(FileStatus, "of", of)
    assert counts(store_images(collection, [path])) == (0, 1, 0, 0, 0)


@posix
def test_a_file_that_was_only_touched_is_noted_and_unchanged(
    collection: Collection, write_photos: WritePhotos, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path,) = write_photos(1)
    store_images(collection, [path])
    path.chmod(0o600)
    while status(path).ctime_ns == next(collection.references()).ctime_ns:  # coarse clocks
        time.sleep(0.01)
        path.chmod(0o644)
    assert list(collection.verify()) != []
    assert counts(store_images(collection, [path])) == (0, 0, 0, 1, 0)
    assert next(collection.references()).status == status(path)
    assert list(collection.verify()) == []
    reads_nothing(monkeypatch)
    assert counts(store_images(collection, [path])) == (0, 0, 0, 1, 0)


def test_rows_of_an_earlier_format_are_filled_in_without_reading(
    tmp_path: Path, model: Model, write_photos: WritePhotos, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = write_photos(3)
    with create_collection(tmp_path / "c", model) as collection:
        store_images(collection, paths)
    with closing(sqlite3.connect(tmp_path / "c" / "collection.sqlite")) as connection:
        for statement in EARLIER:
            connection.execute(statement)
        connection.commit()
    with open_collection(tmp_path / "c") as collection:
        assert collection.database.format == 3
        assert compared(collection.database) == "size and time of 3 files"
        assert list(collection.verify()) == list(collection.verify(content=True)) == []
        reads_nothing(monkeypatch)
        monkeypatch.setattr("originid.collection.image_writer.NOTES", 2)
        assert counts(store_images(collection, paths)) == (0, 0, 0, 3, 0)
        assert collection.database.format == FORMAT
        assert [row.status for row in collection.references()] == [status(path) for path in paths]
        assert compared(collection.database) == "size, times and inode of 3 files"


def test_an_earlier_row_is_compared_by_size_and_time(
    collection: Collection, tmp_path: Path
) -> None:
    path = bitmap(tmp_path / "x.bmp", 1)
    store_images(collection, [path])
    with collection.database.writing():
        sqlite_of(collection)._connection.execute(EARLIER[0])
    os.utime(path, (2e9, 2e9))
    assert [problem.reason for problem in collection.verify()] == ["changed since it was indexed"]
    assert counts(store_images(collection, [path])) == (0, 0, 0, 1, 0)
    assert next(collection.references()).status == status(path)


def test_verifying_the_content_reads_every_file(
    collection: Collection, write_photos: WritePhotos, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = write_photos(4)
    store_images(collection, paths)
    assert list(collection.verify(content=True)) == []
    paths[0].unlink()
    paths[1].write_bytes(paths[2].read_bytes())
    paths[3].write_bytes(b"")
    monkeypatch.setattr(FileStatus, "agrees", lambda one, other: True)
    assert [problem.reason[:7] for problem in collection.verify()] == ["missing"]
    assert [problem.reason for problem in collection.verify(content=True)] == [
        "missing: No such file or directory",
        "its content is not the one that was indexed",
        "cannot be read: the file has 0 bytes; expected 1 to 640,000,000",
    ]


def test_forged_states_are_unknown_and_told(
    collection: Collection, write_photos: WritePhotos
) -> None:
    paths = write_photos(1)
    store_images(collection, paths)
    with collection.database.writing():
        sqlite_of(collection)._connection.execute("UPDATE reference SET ctime_ns='x', inode=x'00'")
    row = next(collection.references())
    assert (row.ctime_ns, row.inode) == (None, None)
    assert [problem.path for problem in collection.verify()] == [str(paths[0])]
    assert counts(store_images(collection, paths)) == (0, 0, 0, 1, 0)


KNOWN = FileStatus(10, 20, 30, 40)


@pytest.mark.parametrize(
    ("other", "agrees"),
    [
        (FileStatus(10, 20, 30, 40), True),
        (FileStatus(10, 20, None, None), True),
        (FileStatus(10, 20, 30, None), True),
        (FileStatus(10, 20, None, 41), False),
        (FileStatus(10, 20, 31, 40), False),
        (FileStatus(10, 21, 30, 40), False),
        (FileStatus(11, 20, 30, 40), False),
    ],
)
def test_what_is_known_of_both_must_be_equal(other: FileStatus, agrees: bool) -> None:
    assert KNOWN.agrees(other) == other.agrees(KNOWN) == agrees


def stat_result(**values: int) -> os.stat_result:
    known = {"st_ino": 5, "st_dev": 9, "st_size": 1, "st_mtime_ns": 2, "st_ctime_ns": 3, **values}
    made: os.stat_result = type("Stat", (), known)()
    return made


def test_numbers_of_files_that_do_not_last_are_not_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = {1: "ext4", 2: "vfat", 3: "exfat", 4: "fuse.sshfs", 5: "fuseblk", 6: "nfs4"}
    monkeypatch.setattr(file_status, "_kinds", lambda: kinds)
    noted = [FileStatus.of(stat_result(st_dev=device)).inode for device in range(1, 8)]
    assert noted == [5, None, None, None, 5, 5, 5]
    assert FileStatus.of(stat_result(st_ino=0)).inode is None  # some of Windows'


def test_a_state_is_what_sqlite_can_store() -> None:
    huge = FileStatus.of(stat_result(st_ino=2**64 - 1, st_mtime_ns=2**70, st_ctime_ns=-(2**70)))
    assert huge == FileStatus(1, 2**63 - 1, -(2**63), -1)
    other = FileStatus.of(stat_result(st_ino=2**100 + 7))
    assert other.inode == 7


def test_files_without_a_number_are_never_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").touch()
    assert file_status.same_file(str(tmp_path / "a"), str(tmp_path / "." / "a"))
    assert not file_status.same_file(str(tmp_path / "a"), str(tmp_path / "gone"))
    assert not file_status.same_file(str(tmp_path / "a"), "null\0")
    with monkeypatch.context() as patched:
        patched.setattr(os, "stat", lambda path: stat_result(st_ino=0))
        assert not file_status.same_file("a", "b")


def test_a_copied_collection_of_moved_files_is_hashed_once(
    collection: Collection, write_photos: WritePhotos, tmp_path: Path
) -> None:
    """As after a restored backup: other inodes, other ctimes, the same content."""
    paths = write_photos(3)
    store_images(collection, paths)
    for path in paths:
        shutil.copy2(path, tmp_path / "copy")
        os.replace(tmp_path / "copy", path)
    assert counts(store_images(collection, paths)) == (0, 0, 0, 3, 0)
    assert [row.status for row in collection.references()] == [status(path) for path in paths]
    assert np.array_equal(collection.database.ids(), [1, 2, 3])
