"""What changes in folders is told when nobody writes to it any more."""

import os
import queue
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("watchfiles", reason="needs the extra [watch]")

import watchfiles

from originid import watching
from originid.errors import ExtraError, InputError
from originid.images.find_files import is_walked, takes_file
from originid.watching import Changed, watch_folders

SECONDS = 30.0
PNG = b"\x89PNG\r\n\x1a\n"


class Watcher:
    """Watches folders in a thread, and keeps what is told."""

    def __init__(self, *folders: str, **options: Any) -> None:
        self.told: queue.Queue[Changed] = queue.Queue()
        self.stop = threading.Event()
        self._rounds = watch_folders(folders, self.stop, **{"quiet": 0.3, **options})
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        for changed in self._rounds:
            self.told.put(changed)

    def next(self) -> Changed:
        return self.told.get(timeout=SECONDS)

    def paths(self, count: int) -> list[str]:
        """The next paths that are told, sorted, in as many rounds as it takes."""
        found: list[str] = []
        while len(found) < count:
            found += self.next().paths
        return sorted(found)

    def end(self) -> None:
        self.stop.set()
        self._thread.join(SECONDS)
        assert not self._thread.is_alive()


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Callable[..., Watcher]]:
    started: list[Watcher] = []

    def start(*folders: object, **options: Any) -> Watcher:
        started.append(Watcher(*map(str, folders), **options))
        return started[-1]

    yield start
    for watcher in started:
        watcher.end()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    (tmp_path / "photos" / "old").mkdir(parents=True)
    return tmp_path / "photos"


def test_all_comes_first_and_then_what_is_new(watch: Callable[..., Watcher], photos: Path) -> None:
    watcher = watch(photos)
    assert watcher.next() == Changed([str(photos)])
    (photos / "a.jpg").write_bytes(b"1")
    assert watcher.next() == Changed([str(photos / "a.jpg")])
    (photos / "old" / "b").write_bytes(PNG)  # an image by how it begins
    assert watcher.next() == Changed([str(photos / "old" / "b")])
    (photos / "a.jpg").rename(photos / "c.jpg")
    assert watcher.next() == Changed([str(photos / "c.jpg")])
    shutil.copytree(photos / "old", photos / "new" / "deep")
    assert str(photos / "new") in watcher.paths(1)


def test_names_begin_as_the_folders_were_given(
    watch: Callable[..., Watcher], photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photos.parent)
    watcher = watch("photos/")
    assert watcher.next() == Changed(["photos/"])
    (photos / "old" / "a.jpg").write_bytes(b"1")
    assert watcher.next() == Changed(["photos/old/a.jpg"])


def test_what_a_walk_leaves_out_is_not_told(watch: Callable[..., Watcher], photos: Path) -> None:
    (photos / "@eaDir").mkdir()
    watcher = watch(photos)
    watcher.next()
    (photos / "@eaDir" / "a.jpg").write_bytes(b"1")
    (photos / ".hidden.jpg").write_bytes(b"1")
    (photos / "notes.txt").write_bytes(b"no image")
    (photos / "raw.cr3").write_bytes(b"")
    (photos / "#recycle").mkdir()
    (photos / "z.jpg").write_bytes(b"1")
    assert watcher.next() == Changed([str(photos / "z.jpg")])
    assert watcher.told.empty()


def test_a_file_is_told_when_it_is_written(watch: Callable[..., Watcher], photos: Path) -> None:
    watcher = watch(photos, quiet=1.0)
    watcher.next()
    with open(photos / "a.png", "wb", buffering=0) as file:
        for _ in range(8):
            file.write(PNG)
            time.sleep(0.25)
        assert watcher.told.empty()
    assert watcher.next() == Changed([str(photos / "a.png")])
    with open(photos / "a.png", "ab") as file:  # the rest comes later
        file.write(PNG)
    assert watcher.next() == Changed([str(photos / "a.png")])


@pytest.mark.parametrize("removed", [False, True])
def test_removed_files_are_told_by_their_folder(
    watch: Callable[..., Watcher], photos: Path, removed: bool
) -> None:
    (photos / "old" / "a.jpg").write_bytes(b"1")
    watcher = watch(photos, removed=removed)
    watcher.next()
    (photos / "old" / "a.jpg").unlink()
    if removed:
        assert watcher.next() == Changed([str(photos / "old")])
        shutil.rmtree(photos / "old")
        assert watcher.next() == Changed([str(photos)])
    (photos / "b.jpg").write_bytes(b"1")
    assert watcher.next() == Changed([str(photos / "b.jpg")])


def test_a_thousand_files_come_in_parts(watch: Callable[..., Watcher], photos: Path) -> None:
    watcher = watch(photos)
    watcher.next()
    names = [photos / f"{number}.jpg" for number in range(700)]
    for name in names:
        name.touch()
    found: set[str] = set()
    while len(found) < len(names):
        changed = watcher.next()
        assert len(changed.paths) <= watching.AT_ONCE
        found |= set(changed.paths) - {str(photos)}
    assert found == set(map(str, names))


def test_after_a_storm_everything_is_looked_at(watch: Callable[..., Watcher], photos: Path) -> None:
    watcher = watch(photos, quiet=1.0)
    watcher.next()
    for number in range(6000):
        (photos / "old" / f"{number}.jpg").touch()
    assert watcher.next() == Changed([str(photos)])
    (photos / "a.jpg").touch()
    assert watcher.paths(1)[-1] == str(photos / "a.jpg")


def test_a_folder_may_go_away_and_come_back(watch: Callable[..., Watcher], photos: Path) -> None:
    other = photos.parent / "other"
    other.mkdir()
    away = photos.parent / "away"
    watcher = watch(photos, other)
    assert watcher.next() == Changed([str(photos), str(other)])
    photos.rename(away)
    assert watcher.next() == Changed([str(other)], gone=[str(photos)])
    (other / "a.jpg").touch()
    assert watcher.next() == Changed([str(other / "a.jpg")])
    away.rename(photos)
    assert watcher.next() == Changed([str(photos), str(other)], back=[str(photos)])
    (photos / "b.jpg").touch()
    assert watcher.next() == Changed([str(photos / "b.jpg")])
    shutil.rmtree(other)
    shutil.rmtree(photos)
    gone: list[str] = []
    while len(gone) < 2:
        gone += watcher.next().gone
    photos.mkdir()
    assert watcher.next() == Changed([str(photos)], back=[str(photos)])


def test_a_folder_need_not_be_there_yet(watch: Callable[..., Watcher], photos: Path) -> None:
    later = photos / "later"
    watcher = watch(later)
    assert watcher.next() == Changed(gone=[str(later)])
    later.mkdir()
    assert watcher.next() == Changed([str(later)], back=[str(later)])


@pytest.mark.skipif(sys.platform != "linux", reason="names of other systems are text")
def test_of_a_name_that_is_not_utf8_everything_is_looked_at(
    watch: Callable[..., Watcher], photos: Path
) -> None:
    watcher = watch(photos)
    watcher.next()
    with open(os.fsencode(photos / "old") + b"/\xff.jpg", "wb"):
        pass
    assert watcher.next() == Changed([str(photos)])
    (photos / "a.jpg").touch()
    assert watcher.next() == Changed([str(photos / "a.jpg")])


def test_a_storm_without_an_end_is_looked_at_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("originid.watching.time.monotonic", lambda: now)
    pending = watching._Pending(2.0)
    over = []
    for _ in range(130):
        pending.storm()
        over += [now] if pending.storm_is_over() else []
        now += 1.0
    assert over == [60.0, 121.0]


def test_what_cannot_be_watched_is_said(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*paths: str, **options: Any) -> Iterator[set[Any]]:
        raise OSError(28, "No space left on device")
        yield set()

    monkeypatch.setattr(watchfiles, "watch", refuse)
    with pytest.raises(InputError, match="No space left on device") as caught:
        next(watch_folders([str(photos)], threading.Event()))
    assert "max_user_watches" in caught.value.todo
    monkeypatch.setattr(watching, "find_spec", lambda name: None)
    with pytest.raises(ExtraError, match=r"\[watch\]"):
        next(watch_folders([str(photos)], threading.Event()))


def test_the_rules_are_those_of_a_walk(tmp_path: Path) -> None:
    assert is_walked("a/b.jpg")
    assert is_walked(".")
    assert is_walked("#recycle")  # a file of that name
    assert not is_walked("#recycle/")
    assert not is_walked("a/#Recycle/b.jpg")
    assert is_walked("a/#recycle/b.jpg", all_folders=True)
    assert not is_walked("a/.b/c.jpg", all_folders=True)
    (tmp_path / "a").write_bytes(PNG)
    assert takes_file(str(tmp_path / "a"))
    assert not takes_file(str(tmp_path / "a"), only_suffixes=True)
    assert takes_file(str(tmp_path / "none.JPG"))
    assert not takes_file(str(tmp_path / "none"))
