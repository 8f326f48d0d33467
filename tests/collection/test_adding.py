"""Adding images: what is new, moved, copied, changed or broken."""

import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage

from answers import best, counts
from fixture_types import WritePhotos
from originid.collection import image_writer
from originid.collection.adding import store_images
from originid.collection.collection import Collection
from originid.finder import Finder
from originid.latents import encode_files as pipeline
from originid.latents import read_files
from originid.testing import textured_image


def no_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise AssertionError("an image was decoded")

    monkeypatch.setattr(read_files, "decode", fail)


def test_each_image_finds_itself(collection: Collection, write_photos: WritePhotos) -> None:
    paths = write_photos(40)
    assert counts(store_images(collection, [paths[0].parent])) == (40, 0, 0, 0, 0)
    answers = list(Finder(collection).find(paths, top=3))
    assert [answer.matches[0].reference for answer in answers] == [str(path) for path in paths]
    assert all(answer.matches[0].score > 0.999 for answer in answers)
    assert all([m.rank for m in answer.matches] == [1, 2, 3] for answer in answers)


def test_a_second_run_decodes_nothing(
    collection: Collection, write_photos: WritePhotos, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = write_photos(20)
    store_images(collection, paths)
    no_decoding(monkeypatch)
    assert counts(store_images(collection, paths)) == (0, 0, 0, 20, 0)
    for path in paths:
        os.utime(path, (1, 1))  # another time, the same content
    assert counts(store_images(collection, paths)) == (0, 0, 0, 20, 0)
    assert len(collection) == 20


def test_copies_and_moves_are_not_decoded(
    collection: Collection,
    write_photos: WritePhotos,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    paths = write_photos(3)
    store_images(collection, paths)
    no_decoding(monkeypatch)
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(paths[0], other / "copy.png")
    shutil.move(paths[1], other / "moved.png")
    assert counts(store_images(collection, [other])) == (1, 0, 1, 0, 0)
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
    store_images(collection, paths)
    PILImage.fromarray(textured_image(77)).save(paths[0])
    assert counts(store_images(collection, paths)) == (0, 1, 0, 2, 0)
    assert len(collection) == 3
    assert best(collection, paths[0]) == str(paths[0])


def test_a_reference_whose_file_is_no_image_any_more_stays_and_is_told(
    collection: Collection, write_photos: WritePhotos
) -> None:
    first, second = write_photos(2)
    store_images(collection, [first.parent])
    first.write_text("not an image")
    (failure,) = store_images(collection, [first.parent]).failures
    assert failure.path == str(first)
    assert failure.reason.endswith("; what was indexed of it before stays in the collection")
    assert len(collection) == 2
    second.unlink()
    (first.parent / "new.jpg").write_text("not an image")
    reasons = {
        Path(f.path).name: f.reason for f in store_images(collection, [first.parent]).failures
    }
    assert "before" not in reasons["new.jpg"]


def test_broken_files_are_rows_and_the_run_goes_on(
    collection: Collection, write_photos: WritePhotos, tmp_path: Path
) -> None:
    paths = write_photos(5)
    (tmp_path / "photos" / "empty.jpg").write_bytes(b"")
    (tmp_path / "photos" / "text.jpg").write_text("not an image")
    torn = tmp_path / "photos" / "torn.png"
    torn.write_bytes(paths[0].read_bytes()[:200])
    added = store_images(collection, [tmp_path / "photos", tmp_path / "nowhere"])
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
    store_images(collection, [torn])
    assert {Path(f.path).name for f in collection.failures()} == {
        "empty.jpg",
        "text.jpg",
    }
    (tmp_path / "photos" / "empty.jpg").unlink()
    store_images(collection, [torn])
    assert collection.remove([str(tmp_path / "photos" / "text.jpg")]) == []
    assert collection.failures() == []


@pytest.mark.parametrize("name", [b"new\nline.png", b"caf\xe9.png", "日本.png".encode()])
def test_names_of_any_bytes_are_kept(
    name: bytes, collection: Collection, write_photos: WritePhotos, tmp_path: Path
) -> None:
    photo = write_photos(1)[0]
    odd = os.fsdecode(os.path.join(os.fsencode(tmp_path / "photos"), name))
    os.rename(photo, odd)
    store_images(collection, [tmp_path / "photos"])
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
    store_images(collection, ["photos"])
    assert best(collection, Path("photos/0000.png")) == "photos/0000.png"
    monkeypatch.chdir(tmp_path / "photos")
    assert best(collection, Path("0000.png")) == str(tmp_path / "photos" / "0000.png")


def test_adding_leaves_an_index_for_whoever_opens_next(
    collection: Collection, write_photos: WritePhotos
) -> None:
    store_images(collection, write_photos(5))
    assert (collection.path / "index.bin").exists()


def test_time_is_recorded_in_utc(collection: Collection, write_photos: WritePhotos) -> None:
    store_images(collection, write_photos(1))
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
    monkeypatch.setattr(image_writer, "BATCH", batch)
    monkeypatch.setattr(pipeline, "CHUNK", 2)
    paths = write_photos(6)
    contents = [path.read_bytes() for path in paths]
    store_images(collection, paths[:5])
    for path, content in zip(paths[1:], contents, strict=False):
        path.write_bytes(content)
    PILImage.fromarray(textured_image(99)).save(paths[0])
    added = store_images(collection, [paths[0].parent])
    assert added.failures == []
    assert len(collection) == 6
    assert list(collection.verify()) == []
    answers = Finder(collection).find(paths)
    assert [answer.matches[0].reference for answer in answers] == [str(path) for path in paths]


def test_two_files_that_change_places(collection: Collection, write_photos: WritePhotos) -> None:
    a, b = write_photos(2)
    store_images(collection, [a, b])
    first, second = a.read_bytes(), b.read_bytes()
    a.write_bytes(second)
    b.write_bytes(first)
    assert store_images(collection, [a, b]).failures == []
    assert [best(collection, path) for path in (a, b)] == [str(a), str(b)]


def test_a_file_from_the_far_future_is_kept(
    collection: Collection, write_photos: WritePhotos
) -> None:
    path = write_photos(1)[0]
    os.utime(path, ns=(2**63, 2**63))
    assert counts(store_images(collection, [path])) == (1, 0, 0, 0, 0)
    assert counts(store_images(collection, [path])) == (0, 0, 0, 1, 0)


def test_a_file_given_twice_is_added_once(
    collection: Collection, write_photos: WritePhotos
) -> None:
    path = write_photos(1)[0]
    assert counts(store_images(collection, [path, path.parent])) == (1, 0, 0, 0, 0)


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
    added = store_images(collection, paths, workers=1)
    object.__delattr__(encoder, "encode")
    assert counts(added) == (2, 0, 0, 0, 1)
    assert "no finite latent" in added.failures[0].reason
