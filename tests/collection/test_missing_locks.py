"""A collection on a file system without locks is read, and nothing is written to it."""

import errno
import sqlite3
import sys
from pathlib import Path

import pytest

from fixture_types import Run, WritePhotos
from originid import Finder
from originid.collection import opening, sqlite, sqlite_errors
from originid.collection.adding import store_images
from originid.collection.collection import create_collection, open_collection
from originid.errors import StorageError
from originid.model import Model
from originid.system.file_locks import can_lock
from originid.system.mounts import FileSystem


@pytest.fixture
def share(tmp_path: Path, model: Model, write_photos: WritePhotos) -> Path:
    """A collection of three photos."""
    with create_collection(tmp_path / "share", model) as collection:
        store_images(collection, write_photos(3))
    return tmp_path / "share"


@pytest.fixture
def no_locks(share: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Act that it lies on a share without locks."""
    for module in (opening, sqlite):
        monkeypatch.setattr(module, "can_lock", lambda path: False)
    monkeypatch.setattr(sqlite_errors, "file_system", lambda path: FileSystem("nfs4", "/mnt/share"))


@pytest.mark.usefixtures("no_locks")
def test_it_is_read_and_writing_is_refused_by_the_name_of_the_disk(
    share: Path,
) -> None:
    photo = share.parent / "photos" / "0000.png"
    before = (share / "collection.sqlite").read_bytes()
    with open_collection(share) as collection:
        assert collection.database.without_locks
        assert Finder(collection).find(photo).matches[0].reference == str(photo)
        assert list(collection.verify()) == []
        for write in (
            lambda: store_images(collection, [photo]),
            lambda: collection.remove([str(photo)]),
        ):
            with pytest.raises(StorageError) as caught:
                write()
            assert caught.value.given == (
                "the file system at /mnt/share (nfs4) has no working locks"
            )
            assert "local disk" in caught.value.todo
    assert (share / "collection.sqlite").read_bytes() == before


@pytest.mark.usefixtures("no_locks")
def test_none_is_made_there(tmp_path: Path, model: Model) -> None:
    with pytest.raises(StorageError, match=r"the file system at /mnt/share \(nfs4\) has no"):
        create_collection(tmp_path / "new", model)
    assert not list(tmp_path.glob("*new*"))


@pytest.mark.usefixtures("no_locks")
def test_what_another_process_has_open_is_not_read(share: Path) -> None:
    (share / "collection.sqlite-wal").write_bytes(b"x")
    with pytest.raises(StorageError, match=r"collection\.sqlite-wal is not empty"):
        open_collection(share)
    (share / "collection.sqlite-wal").write_bytes(b"")
    with open_collection(share) as collection:
        assert len(collection) == 3


@pytest.mark.usefixtures("no_locks")
def test_the_commands_say_so(share: Path, run: Run, write_photos: WritePhotos) -> None:
    photo = write_photos(1)[0]
    for arguments in (("find", photo, "--in", share), ("show", share)):
        status, _, err = run(*arguments)
        assert status == 0
        assert "no working locks" in err
        assert "nobody may write" in err
    status, out, err = run("index", photo, "--into", share)
    assert (status, out) == (1, "")
    assert "nfs4" in err


@pytest.mark.parametrize("text", ["locking protocol", "disk I/O error"])
def test_what_sqlite_says_of_missing_locks_is_understood(
    text: str, share: Path, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where locks can be asked for and then do not work."""
    connect = sqlite3.connect

    def refuse(target: str | Path, **options: object) -> sqlite3.Connection:
        if "immutable" not in str(target):
            raise sqlite3.OperationalError(text)
        return connect(target, **options)  # type: ignore[call-overload,no-any-return]

    monkeypatch.setattr(sqlite3, "connect", refuse)
    monkeypatch.setattr(sqlite_errors, "file_system", lambda path: None)
    with open_collection(share) as collection:
        assert collection.database.without_locks
        assert len(collection) == 3
        with pytest.raises(StorageError, match=f"the file system of {share} has no working"):
            collection.remove([])
    with pytest.raises(StorageError) as caught:
        create_collection(share.parent / "new", model)
    assert "local disk" in caught.value.todo


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fcntl")
@pytest.mark.parametrize(
    ("number", "known"),
    [
        (errno.ENOLCK, False),
        (errno.EOPNOTSUPP, False),
        (errno.ENOSYS, False),
        (errno.EAGAIN, True),  # another process holds a lock, so there are some
        (errno.EACCES, True),
    ],
)
def test_whether_there_are_locks(
    number: int, known: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    (tmp_path / "a").touch()
    assert can_lock(tmp_path / "a")
    assert can_lock(tmp_path / "gone")

    def lockf(*arguments: object) -> None:
        raise OSError(number, "no")

    monkeypatch.setattr(fcntl, "lockf", lockf)
    assert can_lock(tmp_path / "a") == known
