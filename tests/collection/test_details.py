"""Local features are stored where it was asked for, and leave with their references."""

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from originid.collection.adding import store_images
from originid.collection.collection import Collection, create_collection, open_collection
from originid.collection.detail_words import BITS, FILE, DetailWords
from originid.details.features import Features, features_of_file
from originid.details.words import packaged_words, sums
from originid.finder import Finder
from originid.model import Model
from originid.testing import textured_image, write_photos

PHOTOS = 12


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    return write_photos(tmp_path / "photos", PHOTOS)


@pytest.fixture
def collection(model: Model, tmp_path: Path) -> Collection:
    return create_collection(tmp_path / "made", model)


def forge(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path / "collection.sqlite")) as connection:
        connection.execute(statement)
        connection.commit()


def test_they_are_those_of_the_files(collection: Collection, photos: list[Path]) -> None:
    store_images(collection, photos, details=True)
    assert collection.database.count_details() == PHOTOS
    for row in collection.references():
        stored = collection.database.details([row.id])[row.id]
        data = Path(row.location).read_bytes()
        assert stored.pack() == features_of_file(data, row.width, row.height).pack()


def test_they_are_not_stored_unasked(collection: Collection, photos: list[Path]) -> None:
    store_images(collection, photos)
    assert collection.database.count_details() == 0
    assert len(collection.detail_words()) == 0


def test_a_later_run_brings_those_that_are_missing(
    collection: Collection, photos: list[Path]
) -> None:
    store_images(collection, photos[:5])
    added = store_images(collection, photos[:8], details=True)
    assert (added.added, added.updated, added.unchanged) == (3, 5, 0)
    assert collection.database.count_details() == 8
    added = store_images(collection, photos)  # once there are some, all get them
    assert (added.added, added.unchanged) == (4, 8)
    assert collection.database.count_details() == PHOTOS
    assert len(collection) == PHOTOS


def test_a_copy_has_them_too_and_a_removed_reference_takes_them_along(
    collection: Collection, photos: list[Path], tmp_path: Path
) -> None:
    store_images(collection, photos[:2], details=True)
    copy = tmp_path / "copy.png"
    copy.write_bytes(photos[0].read_bytes())
    store_images(collection, [copy])
    assert collection.database.count_details() == 3
    assert collection.remove([str(photos[0])]) == []
    assert collection.database.count_details() == 2
    assert len(collection.detail_words()) == 2


def test_the_words_of_a_picture_are_those_of_its_file(
    collection: Collection, photos: list[Path], tmp_path: Path
) -> None:
    store_images(collection, photos, details=True)
    words = collection.detail_words()
    rows = list(collection.references())
    for row in rows:
        features = collection.database.details([row.id])[row.id]
        assert words.likely(features, 3)[0] == row.id
        # The estimate is sum_i q_i sign(x_i), of vectors in the rotated basis.
        slow = words._rotated([collection.database.details([r.id])[r.id] for r in rows])
        query = words._rotated([features])[0]
        expected = np.array([r.id for r in rows])[np.argsort(-(np.sign(slow) @ query))][:3]
        assert set(words.likely(features, 3)) == set(expected)
    kept = DetailWords(collection.path / FILE)
    assert len(kept) == PHOTOS
    (collection.path / FILE).write_bytes(b"damaged")
    with open_collection(collection.path) as again:
        assert len(again.detail_words()) == PHOTOS


def test_damaged_features_are_passed_over(collection: Collection, photos: list[Path]) -> None:
    store_images(collection, photos, details=True)
    collection.close()
    forge(collection.path, "UPDATE detail SET features = x'00' WHERE id = 2")
    forge(collection.path, "UPDATE detail SET features = 'text' WHERE id = 3")
    forge(collection.path, "INSERT INTO detail VALUES (900, x'')")
    with open_collection(collection.path) as opened:
        assert set(opened.database.details(range(1, 1000))) == {1, *range(4, PHOTOS + 1)}
        answer = Finder(opened).find(textured_image(1)[:, ::-1].copy())
        assert Path(answer.matches[0].reference).name == "0001.png"


def test_sums_by_a_loop() -> None:
    rng = np.random.default_rng(0)
    signs = np.sign(rng.normal(size=(30, 64))).astype(np.float32)
    words = rng.normal(size=(5, 64)).astype(np.float32)
    total = np.zeros((5, 64))
    for sign in signs:
        nearest = min(range(5), key=lambda number: float(((sign - words[number]) ** 2).sum()))
        total[nearest] += sign - words[nearest]
    rooted = (np.sign(total) * np.sqrt(np.abs(total))).ravel()
    np.testing.assert_allclose(sums(signs, words), rooted / np.linalg.norm(rooted), atol=1e-5)


def test_an_image_without_features_has_no_words(tmp_path: Path) -> None:
    nothing = Features(np.zeros((0, 2), np.uint8), np.zeros((0, 8), np.uint8), 32, 32)
    assert not packaged_words().vector(nothing).any()
    words = DetailWords(tmp_path / FILE)
    words.add(np.array([1, 2]), [nothing, nothing])
    assert len(words) == 2
    assert len(words.likely(nothing, 5)) == 0
    assert packaged_words().dim <= BITS
