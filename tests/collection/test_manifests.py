"""Content credentials in a collection: kept with their reference, and removed with it."""

from pathlib import Path

import pytest

pytest.importorskip("c2pa", reason="needs the extra [c2pa]")

from originid.collection.adding import store_images
from originid.collection.collection import Collection, create_collection
from originid.collection.manifest_table import is_label
from originid.images import credentials
from originid.images.manifest_store import manifest_store
from originid.model import Model
from originid.testing import write_photos
from originid.types import Manifest
from signed_pictures import generated, signed
from sqlite_of import sqlite_of

LABEL = "urn:c2pa:00000000-0000-4000-8000-000000000001"


def sign(path: Path, label: str = LABEL, title: str = "x") -> bytes:
    path.write_bytes(signed(generated(title), data=path.read_bytes(), kind="png", label=label))
    store = manifest_store(path.read_bytes())
    assert store is not None
    return store


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    return write_photos(tmp_path / "photos", 3)


def stored(collection: Collection) -> dict[str, str]:
    """By the name of each reference with credentials, their label."""
    found = {}
    for row in collection.references():
        manifest = collection.database.manifest_of(row.id)
        if manifest is not None:
            found[Path(row.location).name] = manifest.label
    return found


def test_they_are_kept_moved_and_removed_with_their_reference(
    tmp_path: Path, model: Model, photos: list[Path]
) -> None:
    store = sign(photos[0])
    with create_collection(tmp_path / "c", model) as collection:
        assert store_images(collection, photos).notes == []
        database = sqlite_of(collection)
        assert (database.count_manifests(), stored(collection)) == (1, {"0000.png": LABEL})
        assert database.store_of(LABEL) == store
        assert database.labels_at([str(path) for path in photos]) == {str(photos[0]): LABEL}
        # A copy is not read again, and has them too; a file that moves keeps them.
        (tmp_path / "photos" / "copy.png").write_bytes(photos[0].read_bytes())
        photos[0].rename(tmp_path / "photos" / "moved.png")
        store_images(collection, [tmp_path / "photos"])
        assert stored(collection) == {"moved.png": LABEL, "copy.png": LABEL}
        collection.remove([str(tmp_path / "photos" / "moved.png")])
        assert database.store_of(LABEL) == store
        collection.remove([str(tmp_path / "photos" / "copy.png")])
        assert (database.count_manifests(), database.store_of(LABEL)) == (0, None)


def test_a_file_that_is_replaced_loses_them(
    tmp_path: Path, model: Model, photos: list[Path]
) -> None:
    sign(photos[0])
    with create_collection(tmp_path / "c", model) as collection:
        store_images(collection, photos)
        photos[0].write_bytes(write_photos(tmp_path / "other", 1, first=9)[0].read_bytes())
        store_images(collection, photos)
        assert stored(collection) == {}


def test_nobody_takes_the_label_of_somebody_elses_manifest(
    tmp_path: Path, model: Model, photos: list[Path]
) -> None:
    """Who signs chooses the label. A second store under one is not kept."""
    first = sign(photos[0])
    with create_collection(tmp_path / "c", model) as collection:
        store_images(collection, photos[:1])
        assert sign(photos[1], title="mine") != first
        store_images(collection, photos)
        assert stored(collection) == {"0000.png": LABEL}
        assert collection.database.store_of(LABEL) == first


def test_without_the_extra_nothing_is_read(
    tmp_path: Path, model: Model, photos: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    sign(photos[0])
    monkeypatch.setattr(credentials, "find_spec", lambda name: None)
    with create_collection(tmp_path / "c", model) as collection:
        added = store_images(collection, photos)
        assert (added.added, added.notes, stored(collection)) == (3, [], {})


def test_what_does_not_fit_is_told(tmp_path: Path, model: Model, photos: list[Path]) -> None:
    sign(photos[0])
    photos[0].write_bytes(photos[0].read_bytes() + b"\0")
    with create_collection(tmp_path / "c", model) as collection:
        ((path, note),) = store_images(collection, photos).notes
        assert path == str(photos[0])
        assert note.startswith("its content credentials are not kept")
        assert stored(collection) == {}


def test_labels_and_stores_of_a_forged_database_are_left_out(
    tmp_path: Path, model: Model, photos: list[Path]
) -> None:
    with create_collection(tmp_path / "c", model) as collection:
        store_images(collection, photos)
        database = sqlite_of(collection)
        with database.writing():
            database.keep_manifest(1, Manifest("a b", b"x"))
            for number, label in enumerate(("a\nb", b"x", "", "ä"), start=1):
                row = (number, label, b"x")
                database._connection.execute("INSERT OR REPLACE INTO manifest VALUES (?,?,?)", row)
            text = (9, LABEL, "a text")
            database._connection.execute("INSERT INTO manifest VALUES (?,?,?)", text)
        assert stored(collection) == {}
        assert database.labels_at([str(path) for path in photos]) == {}
        assert database.store_of(LABEL) is None


@pytest.mark.parametrize(
    ("label", "fits"),
    [(LABEL, True), ("a", True), ("", False), ("a b", False), ("a/b", False), ("x" * 201, False)],
)
def test_what_may_be_a_label(label: str, fits: bool) -> None:
    assert is_label(label) is fits
