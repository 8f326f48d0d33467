"""Features of references come from their files, and some of them stay in memory."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from originid.collection.database import Database
from originid.collection.row import Row
from originid.details.features import Features, find_features
from originid.escalation import reference_features
from originid.escalation.reference_features import ReferenceFeatures
from originid.testing import write_photos


@pytest.fixture
def features(tmp_path: Path) -> ReferenceFeatures:
    """Of an empty database, in which nothing is stored."""
    return ReferenceFeatures(empty(tmp_path), ThreadPoolExecutor(2))


def empty(folder: Path) -> Database:
    """A database that may look at the files in a folder."""
    Database.create(folder / "empty.sqlite", {})
    database = Database(folder / "empty.sqlite")
    database.sign_folders([folder])
    return database


def row(path: Path, key: int, width: int = 64, height: int = 64) -> Row:
    return Row(str(path), path.name, bytes(32), 1, 1, width, height, key)


def same(one: Features | None, other: Features) -> bool:
    return one is not None and one.pack() == other.pack()


def test_they_are_those_of_the_file(tmp_path: Path, features: ReferenceFeatures) -> None:
    paths = write_photos(tmp_path, 5)
    found = features.of([row(path, n) for n, path in enumerate(paths)], 99)
    for path, of_file in zip(paths, found, strict=True):
        with Pillow.open(path) as image:
            assert same(of_file, find_features(np.asarray(image)))


def test_what_is_missing_or_broken_has_none(tmp_path: Path, features: ReferenceFeatures) -> None:
    good = write_photos(tmp_path, 1)[0]
    broken, empty, folder = tmp_path / "broken.png", tmp_path / "empty.png", tmp_path / "folder"
    broken.write_bytes(good.read_bytes()[:100])
    empty.write_bytes(b"")
    folder.mkdir()
    paths = [tmp_path / "missing.png", broken, good, empty, folder]
    found = features.of([row(path, n) for n, path in enumerate(paths)], 99)
    assert [each is not None for each in found] == [False, False, True, False, False]
    assert features.of([], 99) == []


@pytest.mark.parametrize("size", [(1, 10**9), (10**9, 1), (3, 64), (5000, 5000)])
def test_a_file_that_changed_its_size_crashes_nothing(
    tmp_path: Path, features: ReferenceFeatures, size: tuple[int, int]
) -> None:
    (found,) = features.of([row(write_photos(tmp_path, 1)[0], 1, *size)], 99)
    assert found is not None


def test_they_are_remembered_and_the_oldest_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reference_features, "REMEMBERED", 3)
    read: list[int] = []
    from_file = reference_features._from_file

    def noted(row: Row) -> Features | None:
        read.append(row.id)
        return from_file(row)

    monkeypatch.setattr(reference_features, "_from_file", noted)
    rows = [row(path, n) for n, path in enumerate(write_photos(tmp_path, 4))]
    rows.append(row(tmp_path / "missing.png", 4))
    features = ReferenceFeatures(empty(tmp_path), ThreadPoolExecutor(1))
    features.of(rows[:3], 99)
    features.of(rows[:3], 99)
    assert read == [0, 1, 2]
    features.of([rows[0]], 99)  # was just used, so that 1 is the oldest now
    features.of([rows[3]], 99)
    assert read == [0, 1, 2, 3]
    features.of([rows[0], rows[2], rows[3]], 99)
    assert read == [0, 1, 2, 3]
    features.of([rows[1]], 99)
    assert read == [0, 1, 2, 3, 1]
    assert features.of([rows[4], rows[4]], 99) == [None, None]
    assert read == [0, 1, 2, 3, 1, 4]  # that it is missing is remembered too
    assert len(features._read) == 3


def test_only_some_files_are_read(tmp_path: Path, features: ReferenceFeatures) -> None:
    rows = [row(path, n) for n, path in enumerate(write_photos(tmp_path, 3))]
    assert [each is not None for each in features.of(rows, 2)] == [True, True, False]
    assert features.of(rows, 0) == [None] * 3


@pytest.mark.parametrize("size", [(0, 0), ("a", 3), (None, 3), (-1, 5)])
def test_a_forged_size_is_no_crash(
    tmp_path: Path, features: ReferenceFeatures, size: tuple[object, object]
) -> None:
    path = write_photos(tmp_path, 1)[0]
    assert features.of([row(path, 1, *size)], 99) == [None]  # type: ignore[arg-type]
