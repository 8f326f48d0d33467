"""A collection that the first edition made opens, searches and verifies as it did then."""

import hashlib
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PILImage

from image_files import encoded
from originid.collection.adding import store_images
from originid.collection.collection import Collection, open_collection
from originid.collection.schema import FORMAT
from originid.finder import Finder
from originid.latents.sources import Source
from originid.testing import textured_image

FIXTURES = Path(__file__).parent / "fixtures"
ANSWERS: list[dict[str, Any]] = json.loads(
    (FIXTURES / "first-edition-answers.json").read_text(encoding="utf-8")
)
PHOTOS = 6


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A copy: opening a collection may write its cache."""
    return Path(shutil.copytree(FIXTURES / "first-edition", tmp_path / "old"))


@pytest.fixture
def homeless(old: Path, tmp_path: Path) -> Path:
    """The copy with its files in a folder that is on no machine: the real one may be on yours."""
    with closing(sqlite3.connect(old / "collection.sqlite")) as connection:
        connection.execute(
            "UPDATE reference SET location = replace(location, '/archive', ?), name = ''",
            (str(tmp_path / "archive"),),
        )
        connection.commit()
    return old


def png(seed: int) -> bytes:
    return encoded(PILImage.fromarray(textured_image(seed)), "PNG")


def queries() -> list[Source]:
    """The photos that are in it; their files lay in a folder that does not exist here."""
    return [Source(f"photos/{seed:04}.png", png(seed)) for seed in range(PHOTOS)]


def assert_as_then(collection: Collection) -> None:
    for answer, then in zip(Finder(collection).find(queries(), top=2), ANSWERS, strict=False):
        assert answer.query == then["query"]
        assert answer.verdict == then["verdict"]
        expected = [tuple(match) for match in then["matches"]]
        assert [Path(match.reference).name for match in answer.matches] == [
            Path(reference).name for reference, _, _ in expected
        ]
        for match, (_, score, _) in zip(answer.matches, expected, strict=True):
            assert match.score == pytest.approx(score, abs=1e-6)
            assert 0 <= match.false_match_rate <= 1  # stated in another way than then


def test_the_answers_are_of_the_photos_that_are_in_it() -> None:
    assert [Path(each["query"]).name for each in ANSWERS[:PHOTOS]] == [
        f"{seed:04}.png" for seed in range(PHOTOS)
    ]
    assert [each["matches"][0][0] for each in ANSWERS[:PHOTOS]] == [
        each["query"] for each in ANSWERS[:PHOTOS]
    ]


def test_it_answers_as_it_did(old: Path) -> None:
    with open_collection(old) as collection:
        assert_as_then(collection)


def test_it_answers_as_it_did_without_its_index(old: Path) -> None:
    (old / "index.bin").unlink()
    with open_collection(old) as collection:
        assert_as_then(collection)


def test_its_references_are_those_that_were_indexed(old: Path) -> None:
    with open_collection(old) as collection:
        rows = list(collection.references())
    assert [Path(row.location).name for row in rows] == [f"{n:04}.png" for n in range(PHOTOS)]
    assert {str(Path(row.location).parent) for row in rows} == {"/archive/photos"}
    assert {(row.width, row.height) for row in rows} == {(64, 64)}


def test_verifying_it_misses_the_files_and_nothing_else(
    homeless: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database and the vectors are sound; only the files are elsewhere."""
    monkeypatch.setenv("ORIGINID_TRUSTED_FOLDERS", str(tmp_path / "archive"))
    with open_collection(homeless) as collection:
        problems = list(collection.verify())
    assert [Path(problem.path).name for problem in problems] == [
        f"{n:04}.png" for n in range(PHOTOS)
    ]
    assert {problem.reason.split(":")[0] for problem in problems} == {"missing"}


def test_its_model_is_the_one_that_made_it(old: Path) -> None:
    description = json.loads((old / "model" / "model.json").read_text(encoding="utf-8"))
    weights = (old / "model" / "map.safetensors").read_bytes()
    with open_collection(old) as collection:
        assert collection.model.spec == description["encoder"]["spec"]
        assert collection.model.map_sha256 == hashlib.sha256(weights).hexdigest()
        assert collection.database.meta("fingerprint") == collection.model.fingerprint


def test_vectors_of_today_are_those_of_then(old: Path) -> None:
    """What it stores are codes of vectors: today's vectors have the same codes."""
    with open_collection(old) as collection:
        answers = Finder(collection).find(queries(), top=1)
        assert all(answer.matches[0].score > 1 - 1e-6 for answer in answers)
        ids, codes = collection.database.codes_after(0, 100)
        size = collection.model.encoder.size
        images = np.stack(
            [
                np.asarray(
                    PILImage.fromarray(textured_image(seed)).resize(
                        (size, size), PILImage.Resampling.BILINEAR
                    )
                )
                for seed in range(PHOTOS)
            ]
        )
        today = collection.codec.encode(
            collection.model.vectors(collection.model.encoder.encode(images))
        )
    assert len(ids) == PHOTOS
    differing = np.unpackbits(np.bitwise_xor(today, codes), axis=1).sum(axis=1)
    assert (differing <= 2).all()  # a component on the edge of a step may round either way


def test_it_can_be_added_to_and_removed_from(old: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.png"
    PILImage.fromarray(textured_image(77)).save(new)
    with open_collection(old) as collection:
        assert store_images(collection, [new], workers=1).added == 1
        assert next(Finder(collection).find([new], top=1)).matches[0].reference == str(new)
        assert collection.remove(["/archive/photos/0003.png"]) == []
        assert len(collection) == PHOTOS
    with open_collection(old) as again:
        names = {Path(row.location).name for row in again.references()}
    assert names == {"0000.png", "0001.png", "0002.png", "0004.png", "0005.png", "new.png"}


def test_files_that_moved_are_known_by_their_content(homeless: Path, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for source in queries():
        assert source.data is not None
        (folder / Path(source.name).name).write_bytes(source.data)
    with open_collection(homeless) as collection:
        hashes = {row.sha256 for row in collection.references()}
        same = sum(
            hashlib.sha256(path.read_bytes()).digest() in hashes for path in folder.iterdir()
        )
        added = store_images(collection, [folder], workers=1)
    # Another Pillow may write the same pixels as other bytes; such a file is a new one.
    assert (added.moved, added.added) == (same, PHOTOS - same)


def test_the_first_writing_brings_it_to_the_present_format(
    homeless: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_collection(homeless) as collection:
        assert collection.database.format == 1
        assert collection.database.count_blank() is None
        assert collection.calibration().strangers is None
        store_images(collection, [])
        assert collection.database.format == FORMAT
        members = collection.database.cohort().cohort.members
        assert sorted(members.tolist()) == collection.database.ids().tolist()
        assert [row.information for row in collection.references()] == [None] * PHOTOS
        photo = tmp_path / "new.png"
        photo.write_bytes(png(99))
        store_images(collection, [photo])
        assert [row.information is None for row in collection.references()][-2:] == [True, False]
    monkeypatch.setenv("ORIGINID_TRUSTED_FOLDERS", str(tmp_path / "archive"))
    with open_collection(homeless) as again:
        assert again.database.format == FORMAT
        # The photos' folder is not here, and nothing else is wrong.
        assert {failure.reason.partition(":")[0] for failure in again.verify()} == {"missing"}
        assert again.database.decisions() == []


def test_it_is_only_read_where_it_cannot_be_written(old: Path) -> None:
    before = (old / "collection.sqlite").read_bytes()
    with open_collection(old) as collection:
        assert_as_then(collection)
    assert (old / "collection.sqlite").read_bytes() == before
