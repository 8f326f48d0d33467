"""Opening, removing from and verifying a collection; its index is only a cache."""

import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage

from answers import best
from fixture_types import WritePhotos
from originid.collection.adding import store_images
from originid.collection.collection import Collection, create_collection, open_collection
from originid.collection.row import Row
from originid.errors import CollectionError, InputError, ModelError
from originid.finder import Finder
from originid.model import Model, open_model
from originid.testing import textured_image


def test_removing_files_and_folders(
    collection: Collection, write_photos: WritePhotos, tmp_path: Path
) -> None:
    paths = write_photos(4) + write_photos(3, "photos2", first=50)
    store_images(collection, [tmp_path / "photos", tmp_path / "photos2"])
    finder = Finder(collection)
    assert next(finder.find([paths[0]])).matches[0].reference == str(paths[0])
    assert collection.remove([str(paths[0]), "unknown.png"]) == ["unknown.png"]
    assert next(finder.find([paths[0]])).matches[0].reference != str(paths[0])
    assert collection.remove([str(tmp_path / "photos")]) == []
    assert {Path(row.location).parent.name for row in collection.references()} == {"photos2"}
    store_images(collection, [paths[0]])
    assert next(finder.find([paths[0]])).matches[0].reference == str(paths[0])


@pytest.mark.parametrize("n", [0, 1, 2])
def test_tiny_collections(n: int, collection: Collection, write_photos: WritePhotos) -> None:
    paths = write_photos(3)
    store_images(collection, paths[:n])
    answer = next(Finder(collection).find([paths[0]], top=10))
    assert len(answer.matches) == n
    assert answer.error is None
    if n == 0:
        assert answer.verdict == "none"


def test_the_cache_is_only_a_cache(collection: Collection, write_photos: WritePhotos) -> None:
    paths = write_photos(30)
    store_images(collection, paths)
    with open_collection(collection.path) as again:
        assert best(again, paths[7]) == str(paths[7])
    cache = collection.path / "index.bin"
    assert cache.exists()
    content = cache.read_bytes()
    for damaged in (b"", content[: len(content) // 2], bytes(len(content)), content[:-1] + b"x"):
        cache.write_bytes(damaged)
        with open_collection(collection.path) as again:
            assert best(again, paths[7]) == str(paths[7])
    cache.unlink()
    with open_collection(collection.path) as again:
        assert best(again, paths[7]) == str(paths[7])


def test_a_cache_of_another_past_is_not_believed(
    collection: Collection, write_photos: WritePhotos, tmp_path: Path
) -> None:
    paths = write_photos(30)
    store_images(collection, paths[:10])
    backup = tmp_path / "backup.sqlite"
    file = collection.path / "collection.sqlite"
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(backup)) as target:
        source.backup(target)
    store_images(collection, paths[10:])
    with open_collection(collection.path) as again:
        best(again, paths[20])  # writes a cache of 30
    collection.close()
    for name in ("collection.sqlite-wal", "collection.sqlite-shm"):
        (collection.path / name).unlink(missing_ok=True)
    shutil.copy(backup, collection.path / "collection.sqlite")
    with open_collection(collection.path) as again:
        store_images(again, paths[29:])
        answers = list(Finder(again).find(paths, top=30))
        assert {m.reference for m in answers[0].matches} == {
            str(path) for path in [*paths[:10], paths[29]]
        }
        assert answers[29].matches[0].reference == str(paths[29])


def test_verify_notices_what_moved_vanished_or_changed(
    collection: Collection, write_photos: WritePhotos, tmp_path: Path
) -> None:
    paths = write_photos(5)
    shutil.copy(paths[0], tmp_path / "photos" / "twin.png")
    store_images(collection, [tmp_path / "photos"])
    assert list(collection.verify()) == []
    paths[0].unlink()
    paths[1].unlink()
    PILImage.fromarray(textured_image(5)).save(paths[2])
    found = {Path(p.path).name: p.reason for p in collection.verify()}
    assert set(found) == {"0000.png", "0001.png", "0002.png"}
    assert "twin.png" in found["0000.png"]
    assert "missing" in found["0001.png"]
    assert "changed" in found["0002.png"]


def test_verify_notices_a_damaged_vector(collection: Collection, write_photos: WritePhotos) -> None:
    store_images(collection, write_photos(3))
    with closing(sqlite3.connect(collection.path / "collection.sqlite")) as connection:
        size = connection.execute("SELECT length(code) FROM vector").fetchone()[0]
        connection.execute("UPDATE vector SET code = ? WHERE id = 2", (bytes(size),))
        connection.commit()
    assert [Path(p.path).name for p in collection.verify()] == ["0001.png"]


def test_another_model_is_refused_by_name(
    collection: Collection, model: Model, write_photos: WritePhotos
) -> None:
    other = replace(model, name="other", map_sha256="0" * 64)
    with pytest.raises(CollectionError, match="was made by model") as caught:
        open_collection(collection.path, other)
    assert "'other'" in str(caught.value)
    with open_collection(collection.path, model) as same:
        assert len(same) == 0


def test_the_collection_keeps_its_model(
    tmp_path: Path, model: Model, write_photos: WritePhotos
) -> None:
    own = tmp_path / "own"
    shutil.copytree(model.folder, own)
    paths = write_photos(3)
    with create_collection(tmp_path / "collection", open_model(own)) as collection:
        store_images(collection, paths)
    shutil.rmtree(own)
    with open_collection(tmp_path / "collection") as collection:
        assert best(collection, paths[1]) == str(paths[1])
        assert collection.model.name == str(own)


def test_a_tampered_model_is_refused(collection: Collection) -> None:
    (collection.path / "model" / "map.safetensors").write_bytes(b"x" * 100)
    with pytest.raises(ModelError):
        open_collection(collection.path)


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0" + bytes(50), os.urandom(4096)])
def test_a_damaged_database_is_said(content: bytes, collection: Collection) -> None:
    collection.close()
    (collection.path / "collection.sqlite").write_bytes(content)
    with pytest.raises(CollectionError) as caught:
        open_collection(collection.path)
    assert str(collection.path) in str(caught.value)


def test_no_collection_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match="originid index PHOTOS"):
        open_collection(tmp_path)


def test_a_folder_with_other_things_is_not_taken(tmp_path: Path, model: Model) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="exists"):
        create_collection(tmp_path / "mine", model)
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"
    (tmp_path / "empty").mkdir()
    create_collection(tmp_path / "empty", model).close()


def test_vectors_can_be_added_without_images(collection: Collection) -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(50, collection.model.dim)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rows = [Row(f"/nowhere/{i}.jpg", f"{i}.jpg", bytes([i]) * 32, 1, 1, 1, 1) for i in range(50)]
    collection.add_vectors(rows, vectors)
    found = collection.search(vectors[10:12], 2)
    assert [hits[0][0].location for hits in found] == ["/nowhere/10.jpg", "/nowhere/11.jpg"]
    assert found[0][0][1] == pytest.approx(1, abs=1e-3)


def test_a_search_outlives_the_removal_of_all_it_knew(
    collection: Collection, write_photos: WritePhotos, model: Model
) -> None:
    store_images(collection, write_photos(3))
    index = collection.index()
    with collection.database.writing():
        for row in collection.references():
            collection.database.delete(row.id)
    vectors = model.encode(np.stack([textured_image(0, 64, 64)]))
    scores, ids = index.search(vectors, 2)
    assert ids.tolist() == [[-1, -1]]
    assert np.isneginf(scores).all()
