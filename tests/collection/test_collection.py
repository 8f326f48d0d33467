"""Collections: incremental, resumable, shared, and sound whatever happens to them."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage

from originid.collection import adding
from originid.collection.adding import Added, add_images
from originid.collection.collection import Collection, create_collection, open_collection
from originid.collection.database import Row
from originid.errors import CollectionError, InputError, ModelError, StorageError
from originid.finder import Finder
from originid.latents import encode_files as pipeline
from originid.model import Model, open_model
from originid.testing import textured_image

WritePhotos = Callable[..., list[Path]]


@pytest.fixture
def collection(tmp_path: Path, model: Model) -> Iterator[Collection]:
    with create_collection(tmp_path / "collection", model) as made:
        yield made


def counts(added: Added) -> tuple[int, int, int, int, int]:
    return added.added, added.updated, added.moved, added.unchanged, len(added.failures)


def no_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise AssertionError("an image was decoded")

    monkeypatch.setattr(pipeline, "decode", fail)


def best(collection: Collection, path: Path) -> str:
    answer = next(Finder(collection).find([path]))
    return answer.matches[0].reference


def test_each_image_finds_itself(collection: Collection, write_photos: WritePhotos) -> None:
    paths = write_photos(40)
    assert counts(add_images(collection, [paths[0].parent])) == (40, 0, 0, 0, 0)
    answers = list(Finder(collection).find(paths, top=3))
    assert [answer.matches[0].reference for answer in answers] == [str(path) for path in paths]
    assert all(answer.matches[0].score > 0.999 for answer in answers)
    assert all([m.rank for m in answer.matches] == [1, 2, 3] for answer in answers)


def test_a_second_run_decodes_nothing(
    collection: Collection, write_photos: WritePhotos, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = write_photos(20)
    add_images(collection, paths)
    no_decoding(monkeypatch)
    assert counts(add_images(collection, paths)) == (0, 0, 0, 20, 0)
    for path in paths:
        os.utime(path, (1, 1))  # another time, the same content
    assert counts(add_images(collection, paths)) == (0, 0, 0, 20, 0)
    assert len(collection) == 20


def test_copies_and_moves_are_not_decoded(
    collection: Collection,
    write_photos: WritePhotos,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    paths = write_photos(3)
    add_images(collection, paths)
    no_decoding(monkeypatch)
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(paths[0], other / "copy.png")
    shutil.move(paths[1], other / "moved.png")
    assert counts(add_images(collection, [other])) == (1, 0, 1, 0, 0)
    names = {Path(row.location).name for row in collection.references()}
    assert names == {"0000.png", "0002.png", "copy.png", "moved.png"}
    assert Path(best_unpatched(collection, other / "moved.png", monkeypatch)).name == "moved.png"


def best_unpatched(collection: Collection, path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.undo()
    return best(collection, path)


def test_a_changed_file_replaces_its_reference(
    collection: Collection, write_photos: WritePhotos
) -> None:
    paths = write_photos(3)
    add_images(collection, paths)
    PILImage.fromarray(textured_image(77)).save(paths[0])
    assert counts(add_images(collection, paths)) == (0, 1, 0, 2, 0)
    assert len(collection) == 3
    assert best(collection, paths[0]) == str(paths[0])


def test_broken_files_are_rows_and_the_run_goes_on(
    collection: Collection, write_photos: WritePhotos, tmp_path: Path
) -> None:
    paths = write_photos(5)
    (tmp_path / "photos" / "empty.jpg").write_bytes(b"")
    (tmp_path / "photos" / "text.jpg").write_text("not an image")
    torn = tmp_path / "photos" / "torn.png"
    torn.write_bytes(paths[0].read_bytes()[:200])
    added = add_images(collection, [tmp_path / "photos", tmp_path / "nowhere"])
    assert counts(added) == (5, 0, 0, 0, 4)
    assert {Path(f.path).name for f in added.failures} == {
        "empty.jpg",
        "text.jpg",
        "torn.png",
        "nowhere",
    }
    assert all(f.reason and "\n" not in f.reason for f in added.failures)
    # A name that leads nowhere is told once; broken files are kept in mind.
    assert {Path(f.path).name for f in collection.failures()} == {
        "empty.jpg",
        "text.jpg",
        "torn.png",
    }
    shutil.copy(paths[1], torn)
    add_images(collection, [torn])
    assert {Path(f.path).name for f in collection.failures()} == {
        "empty.jpg",
        "text.jpg",
    }
    (tmp_path / "photos" / "empty.jpg").unlink()
    add_images(collection, [torn])
    assert collection.remove([str(tmp_path / "photos" / "text.jpg")]) == []
    assert collection.failures() == []


@pytest.mark.parametrize("name", [b"new\nline.png", b"caf\xe9.png", "日本.png".encode()])
def test_names_of_any_bytes_are_kept(
    name: bytes, collection: Collection, write_photos: WritePhotos, tmp_path: Path
) -> None:
    photo = write_photos(1)[0]
    odd = os.fsdecode(os.path.join(os.fsencode(tmp_path / "photos"), name))
    os.rename(photo, odd)
    add_images(collection, [tmp_path / "photos"])
    assert [row.location for row in collection.references()] == [odd]
    assert best(collection, Path(odd)) == odd
    assert collection.remove([odd]) == []
    assert len(collection) == 0


def test_names_are_shown_as_given_where_they_lead_to_the_file(
    collection: Collection,
    write_photos: WritePhotos,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_photos(1)
    monkeypatch.chdir(tmp_path)
    add_images(collection, ["photos"])
    assert best(collection, Path("photos/0000.png")) == "photos/0000.png"
    monkeypatch.chdir(tmp_path / "photos")
    assert best(collection, Path("0000.png")) == str(tmp_path / "photos" / "0000.png")


def test_removing_files_and_folders(
    collection: Collection, write_photos: WritePhotos, tmp_path: Path
) -> None:
    paths = write_photos(4) + write_photos(3, "photos2", first=50)
    add_images(collection, [tmp_path / "photos", tmp_path / "photos2"])
    finder = Finder(collection)
    assert next(finder.find([paths[0]])).matches[0].reference == str(paths[0])
    assert collection.remove([str(paths[0]), "unknown.png"]) == ["unknown.png"]
    assert next(finder.find([paths[0]])).matches[0].reference != str(paths[0])
    assert collection.remove([str(tmp_path / "photos")]) == []
    assert {Path(row.location).parent.name for row in collection.references()} == {"photos2"}
    add_images(collection, [paths[0]])
    assert next(finder.find([paths[0]])).matches[0].reference == str(paths[0])


@pytest.mark.parametrize("n", [0, 1, 2])
def test_tiny_collections(n: int, collection: Collection, write_photos: WritePhotos) -> None:
    paths = write_photos(3)
    add_images(collection, paths[:n])
    answer = next(Finder(collection).find([paths[0]], top=10))
    assert len(answer.matches) == n
    assert answer.error is None
    if n == 0:
        assert answer.verdict == "none"


def test_another_process_sees_what_is_added(
    collection: Collection, write_photos: WritePhotos
) -> None:
    paths = write_photos(6)
    add_images(collection, paths[:3])
    with open_collection(collection.path) as reader:
        assert best(reader, paths[0]) == str(paths[0])
        assert best(reader, paths[5]) != str(paths[5])
        add_images(collection, paths[3:])
        collection.remove([str(paths[0])])
        assert best(reader, paths[5]) == str(paths[5])
        assert best(reader, paths[0]) != str(paths[0])


def test_adding_while_others_search(collection: Collection, write_photos: WritePhotos) -> None:
    paths = write_photos(60)
    add_images(collection, paths[:5])
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
    add_images(collection, paths[5:])
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(collection) == 60


def test_adding_leaves_an_index_for_whoever_opens_next(
    collection: Collection, write_photos: WritePhotos
) -> None:
    add_images(collection, write_photos(5))
    assert (collection.path / "index.bin").exists()


def test_the_cache_is_only_a_cache(collection: Collection, write_photos: WritePhotos) -> None:
    paths = write_photos(30)
    add_images(collection, paths)
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
    add_images(collection, paths[:10])
    backup = tmp_path / "backup.sqlite"
    file = collection.path / "collection.sqlite"
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(backup)) as target:
        source.backup(target)
    add_images(collection, paths[10:])
    with open_collection(collection.path) as again:
        best(again, paths[20])  # writes a cache of 30
    collection.close()
    for name in ("collection.sqlite-wal", "collection.sqlite-shm"):
        (collection.path / name).unlink(missing_ok=True)
    shutil.copy(backup, collection.path / "collection.sqlite")
    with open_collection(collection.path) as again:
        add_images(again, paths[29:])
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
    add_images(collection, [tmp_path / "photos"])
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
    add_images(collection, write_photos(3))
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
        add_images(collection, paths)
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
    with pytest.raises(CollectionError, match="originid index IMAGES"):
        open_collection(tmp_path)


def test_a_folder_with_other_things_is_not_taken(tmp_path: Path, model: Model) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="exists"):
        create_collection(tmp_path / "mine", model)
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"
    (tmp_path / "empty").mkdir()
    create_collection(tmp_path / "empty", model).close()


def test_a_full_disk_while_indexing_keeps_what_was_committed(
    collection: Collection, write_photos: WritePhotos, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adding, "BATCH", 16)
    paths = write_photos(200)
    with closing(sqlite3.connect(collection.path / "collection.sqlite")) as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
    collection.database._connection.execute(f"PRAGMA max_page_count = {pages + 4}")
    with pytest.raises(StorageError, match="full"):
        add_images(collection, paths)
    kept = len(collection)
    assert 0 < kept < 200
    assert list(collection.verify()) == []
    collection.database._connection.execute("PRAGMA max_page_count = 1000000")
    assert add_images(collection, paths).added == 200 - kept
    assert len(collection) == 200


INDEX_SLOWLY = """
import sys
from originid.collection import adding
from originid.collection.adding import add_images
from originid.collection.collection import open_collection
adding.BATCH = 8
with open_collection(sys.argv[1]) as collection:
    def report(done, total):
        print(len(collection), flush=True)
    add_images(collection, sys.argv[2:], workers=2, progress=report)
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
        add_images(again, [tmp_path / "photos"])
        assert sorted(row.location for row in again.references()) == sorted(map(str, paths))
        assert best(again, paths[100]) == str(paths[100])


def test_two_writers_at_once(collection: Collection, write_photos: WritePhotos) -> None:
    paths = write_photos(60)
    with open_collection(collection.path) as second:
        thread = threading.Thread(target=add_images, args=(second, paths[20:]))
        thread.start()
        add_images(collection, paths[:40])
        thread.join()
    assert len(collection) == 60
    assert list(collection.verify()) == []


def test_a_read_only_collection_can_be_searched(
    collection: Collection, write_photos: WritePhotos, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = write_photos(5)
    add_images(collection, paths)
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


def test_vectors_can_be_added_without_images(collection: Collection) -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(50, collection.model.dim)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rows = [Row(f"/nowhere/{i}.jpg", f"{i}.jpg", bytes([i]) * 32, 1, 1, 1, 1) for i in range(50)]
    collection.add_vectors(rows, vectors)
    found = collection.search(vectors[10:12], 2)
    assert [hits[0][0].location for hits in found] == ["/nowhere/10.jpg", "/nowhere/11.jpg"]
    assert found[0][0][1] == pytest.approx(1, abs=1e-3)


def test_time_is_recorded_in_utc(collection: Collection, write_photos: WritePhotos) -> None:
    add_images(collection, write_photos(1))
    added_at = next(collection.references()).added_at
    stamp = time.mktime(time.strptime(added_at, "%Y-%m-%dT%H:%M:%SZ")) - time.timezone
    assert abs(stamp - time.time()) < 60


@pytest.mark.parametrize("batch", [1, 256])
def test_renumbered_files_are_all_kept(
    batch: int,
    collection: Collection,
    write_photos: WritePhotos,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(adding, "BATCH", batch)
    monkeypatch.setattr(pipeline, "CHUNK", 2)
    paths = write_photos(6)
    contents = [path.read_bytes() for path in paths]
    add_images(collection, paths[:5])
    for path, content in zip(paths[1:], contents, strict=False):
        path.write_bytes(content)
    PILImage.fromarray(textured_image(99)).save(paths[0])
    added = add_images(collection, [paths[0].parent])
    assert added.failures == []
    assert len(collection) == 6
    assert list(collection.verify()) == []
    answers = Finder(collection).find(paths)
    assert [answer.matches[0].reference for answer in answers] == [str(path) for path in paths]


def test_two_files_that_change_places(collection: Collection, write_photos: WritePhotos) -> None:
    a, b = write_photos(2)
    add_images(collection, [a, b])
    first, second = a.read_bytes(), b.read_bytes()
    a.write_bytes(second)
    b.write_bytes(first)
    assert add_images(collection, [a, b]).failures == []
    assert [best(collection, path) for path in (a, b)] == [str(a), str(b)]


def test_a_search_outlives_the_removal_of_all_it_knew(
    collection: Collection, write_photos: WritePhotos, model: Model
) -> None:
    add_images(collection, write_photos(3))
    index = collection.index()
    collection.database.delete([row.location for row in collection.references()])
    vectors = model.encode(np.stack([textured_image(0, 64, 64)]))
    scores, ids = index.search(vectors, 2)
    assert ids.tolist() == [[-1, -1]]
    assert np.isneginf(scores).all()


def test_a_file_from_the_far_future_is_kept(
    collection: Collection, write_photos: WritePhotos
) -> None:
    path = write_photos(1)[0]
    os.utime(path, ns=(2**63, 2**63))
    assert counts(add_images(collection, [path])) == (1, 0, 0, 0, 0)
    assert counts(add_images(collection, [path])) == (0, 0, 0, 1, 0)


def test_a_file_given_twice_is_added_once(
    collection: Collection, write_photos: WritePhotos
) -> None:
    path = write_photos(1)[0]
    assert counts(add_images(collection, [path, path.parent])) == (1, 0, 0, 0, 0)


def test_latents_that_are_not_finite_are_rows(
    collection: Collection, write_photos: WritePhotos, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = write_photos(3)
    encoder = collection.model.encoder

    def encode(images: np.ndarray) -> np.ndarray:
        latents = type(encoder).encode(encoder, images)
        latents[1] = np.nan
        return latents

    object.__setattr__(encoder, "encode", encode)
    added = add_images(collection, paths, workers=1)
    object.__delattr__(encoder, "encode")
    assert counts(added) == (2, 0, 0, 0, 1)
    assert "no finite latent" in added.failures[0].reason
