"""Full disks, kills, and several processes at once: what was committed stays."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from answers import best
from fixture_types import WritePhotos
from originid.collection import image_writer, opening, sqlite_errors
from originid.collection.adding import store_images
from originid.collection.collection import Collection, open_collection
from originid.errors import StorageError
from originid.finder import Finder
from sqlite_of import sqlite_of


def test_another_process_sees_what_is_added(
    collection: Collection, write_photos: WritePhotos
) -> None:
    paths = write_photos(6)
    store_images(collection, paths[:3])
    with open_collection(collection.path) as reader:
        assert best(reader, paths[0]) == str(paths[0])
        assert best(reader, paths[5]) != str(paths[5])
        store_images(collection, paths[3:])
        collection.remove([str(paths[0])])
        assert best(reader, paths[5]) == str(paths[5])
        assert best(reader, paths[0]) != str(paths[0])


def test_adding_while_others_search(collection: Collection, write_photos: WritePhotos) -> None:
    paths = write_photos(60)
    store_images(collection, paths[:5])
    errors: list[BaseException] = []

    def search() -> None:
        try:
            with open_collection(collection.path) as reader:
                finder = Finder(reader)
                for _ in range(10):
                    assert next(finder.find([paths[0]])).matches[0].reference == str(paths[0])
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    store_images(collection, paths[5:])
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(collection) == 60


def test_a_full_disk_while_indexing_keeps_what_was_committed(
    collection: Collection, write_photos: WritePhotos, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_writer, "BATCH", 16)
    paths = write_photos(200)
    with closing(sqlite3.connect(collection.path / "collection.sqlite")) as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
    sqlite_of(collection)._connection.execute(f"PRAGMA max_page_count = {pages + 4}")
    with pytest.raises(StorageError, match="full"):
        store_images(collection, paths)
    kept = len(collection)
    assert 0 < kept < 200
    assert list(collection.verify()) == []
    sqlite_of(collection)._connection.execute("PRAGMA max_page_count = 1000000")
    assert store_images(collection, paths).added == 200 - kept
    assert len(collection) == 200


def test_a_full_disk_is_not_taken_for_one_without_locks(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite says the same where it cannot lock and where its lock files find no space."""
    collection.close()

    def refuse(target: str, **options: object) -> sqlite3.Connection:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(sqlite3, "connect", refuse)
    for module in (opening, sqlite_errors):
        monkeypatch.setattr(module, "is_full", lambda folder: True)
    with pytest.raises(StorageError, match="cannot write") as caught:
        open_collection(collection.path)
    assert caught.value.todo.startswith("free some space")


INDEX_SLOWLY = """
import sys
from originid.collection import image_writer, sqlite
from originid.collection.adding import store_images
from originid.collection.collection import open_collection
image_writer.BATCH = 8
with open_collection(sys.argv[1]) as collection:
    def report(done, total):
        print(len(collection), flush=True)
    store_images(collection, sys.argv[2:], workers=2, progress=report)
"""


@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGINT])
def test_death_at_any_moment_loses_nothing_that_was_committed(
    kill: signal.Signals, collection: Collection, write_photos: WritePhotos, tmp_path: Path
) -> None:
    paths = write_photos(150)
    collection.close()
    acknowledged = 0
    for attempt in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", INDEX_SLOWLY, str(collection.path), str(tmp_path / "photos")],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert process.stdout is not None
        for line in process.stdout:
            acknowledged = max(acknowledged, int(line))
            if acknowledged >= 20 * (attempt + 1):
                process.send_signal(kill)
                break
        process.stdout.close()
        process.wait(timeout=60)
        with open_collection(collection.path) as again:
            assert len(again) >= acknowledged
            assert list(again.verify()) == []
            locations = [row.location for row in again.references()]
            assert len(locations) == len(set(locations))
    with open_collection(collection.path) as again:
        store_images(again, [tmp_path / "photos"])
        assert sorted(row.location for row in again.references()) == sorted(map(str, paths))
        assert best(again, paths[100]) == str(paths[100])


def test_two_writers_at_once(collection: Collection, write_photos: WritePhotos) -> None:
    paths = write_photos(60)
    with open_collection(collection.path) as second:
        thread = threading.Thread(target=store_images, args=(second, paths[20:]))
        thread.start()
        store_images(collection, paths[:40])
        thread.join()
    assert len(collection) == 60
    assert list(collection.verify()) == []


def test_a_read_only_collection_can_be_searched(
    collection: Collection, write_photos: WritePhotos, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = write_photos(5)
    store_images(collection, paths)
    collection.close()
    real_connect, real_access = sqlite3.connect, os.access

    def refuse(target: str, **options: object) -> sqlite3.Connection:
        # What SQLite says on a read-only medium; root may write everywhere, so it is acted.
        if "mode=rw" in target:
            raise sqlite3.OperationalError("unable to open database file")
        return real_connect(target, **options)  # type: ignore[call-overload,no-any-return]

    monkeypatch.setattr(sqlite3, "connect", refuse)
    monkeypatch.setattr(
        os, "access", lambda path, mode: mode != os.W_OK and real_access(path, mode)
    )
    with open_collection(collection.path) as reader:
        assert best(reader, paths[2]) == str(paths[2])
        with pytest.raises(StorageError):
            reader.remove([str(paths[2])])
