"""Object stores by fsspec: folders, single images, and archives."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from originid.collection.adding import store_images
from originid.collection.collection import Collection
from originid.errors import ExtraError
from shards import write_shards

fsspec = pytest.importorskip("fsspec", reason="needs the extra [stores]")
WritePhotos = Callable[..., list[Path]]


@pytest.fixture
def store() -> Iterator[Any]:
    files = fsspec.filesystem("memory")
    files.store.clear()
    yield files
    files.store.clear()


def test_a_folder_of_a_store_is_walked(
    collection: Collection, store: Any, write_photos: WritePhotos
) -> None:
    photos = write_photos(4)
    for photo, name in zip(photos, ("a.png", "inner/b.PNG", ".hidden.png", "c.txt"), strict=True):
        store.pipe(f"/bucket/photos/{name}", photo.read_bytes())
    store.pipe("/bucket/photos/broken.jpg", b"no picture")
    added = store_images(collection, ["memory://bucket/photos"])
    assert added.added == 2
    assert {row.location for row in collection.references()} == {
        "memory://bucket/photos/a.png",
        "memory://bucket/photos/inner/b.PNG",
    }
    assert [each.path for each in added.failures] == ["memory://bucket/photos/broken.jpg"]
    again = store_images(collection, ["memory://bucket/photos/"])
    assert (again.added, again.unchanged) == (0, 2)
    store.pipe("/bucket/photos/a.png", photos[3].read_bytes())
    assert store_images(collection, ["memory://bucket/photos/a.png"]).updated == 1
    assert collection.remove(["memory://bucket/photos"]) == []
    assert len(collection) == 0


def test_shards_of_a_store_are_read_from_a_copy_that_goes(
    collection: Collection,
    store: Any,
    write_photos: WritePhotos,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for shard in write_shards(write_photos(5), tmp_path / "shards", 3):
        store.pipe(f"/bucket/{shard.name}", shard.read_bytes())
    copies = tmp_path / "copies"
    copies.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(copies))
    added = store_images(collection, ["memory://bucket/*.tar"])
    assert (added.added, added.failures) == (5, [])
    assert list(copies.iterdir()) == []
    assert next(collection.references()).location.startswith("memory://bucket/000000.tar!/")
    assert store_images(collection, ["memory://bucket/*.tar"]).unchanged == 5
    pytest.importorskip("pyarrow")
    store.pipe("/bucket/a.parquet", b"no parquet")
    assert len(store_images(collection, ["memory://bucket/a.parquet"]).failures) == 1
    assert list(copies.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("memory://bucket/none.png", "no such object"),
        ("memory://bucket/none.tar", "no such object"),
        ("memory://bucket/none*.tar", "no object of that name"),
        ("nostore://bucket/a.png", "nostore"),
        ("github://a/b", "the store cannot be opened"),  # it needs more than an address
        ("zip://a.png::memory://none.zip", "an address in an address"),
        ("file://photos/a.png", "an address of this machine"),
        ("local://photos", "an address of this machine"),
    ],
)
def test_what_is_not_there_is_a_failure(
    collection: Collection, store: Any, name: str, reason: str
) -> None:
    (failure,) = store_images(collection, [name]).failures
    assert failure.path == name
    assert reason in failure.reason


def test_a_store_whose_packages_are_missing_is_named(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(ExtraError, match="stores"):
        store_images(collection, ["s3://bucket/a.png"])
