"""A partner's list of fingerprints: its rows become references without pictures."""

import csv
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image as Pillow

from originid.collection.adding import store_images
from originid.collection.collection import Collection, create_collection
from originid.collection.fingerprint_list import is_fingerprint_list
from originid.collection.naming import find_reference
from originid.errors import InputError
from originid.finder import Finder
from originid.fingerprinting import Fingerprinted, of_images, of_references
from originid.indexing import add_images
from originid.latents.sources import Source
from originid.model import Model
from originid.testing import textured_image, write_photos
from originid.types import Verdict

PHOTOS = 30
LINK = "https://partner.example/photos/"


@pytest.fixture
def partner(tmp_path: Path, model: Model) -> list[Fingerprinted]:
    """The fingerprints of photos that are not here any more."""
    photos = write_photos(tmp_path / "theirs", PHOTOS)
    made = list(of_images(model, [Source(str(photo)) for photo in photos]))
    for photo in photos:
        photo.unlink()
    return [each for each in made if isinstance(each, Fingerprinted)]


@pytest.fixture
def collection(tmp_path: Path, model: Model) -> Iterator[Collection]:
    with create_collection(tmp_path / "c", model) as made:
        yield made


def write(path: Path, *rows: dict[str, str]) -> Path:
    """A CSV file with the columns of the first row."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def rows_of(partner: list[Fingerprinted]) -> list[dict[str, str]]:
    return [
        {"Fingerprint": each.fingerprint.text, "link": f"{LINK}{n}", "sha256": each.sha256}
        for n, each in enumerate(partner)
    ]


def test_an_edit_is_found_by_the_link_of_its_origin(
    tmp_path: Path, collection: Collection, partner: list[Fingerprinted]
) -> None:
    added = add_images(collection, [write(tmp_path / "list.csv", *rows_of(partner))])
    assert (added.added, added.total, added.failures) == (PHOTOS, PHOTOS, [])
    finder = Finder(collection)
    edit = (0.95 * textured_image(7)).astype("uint8")
    answer = finder.find(edit)
    assert answer.verdict is Verdict.ORIGIN
    assert (answer.matches[0].reference, answer.matches[0].exists) == (f"{LINK}7", False)
    with pytest.raises(InputError, match="its picture is with its owner"):
        finder.explain(edit, answer)
    assert list(collection.verify(content=True)) == []
    assert find_reference(collection, f"{LINK}7").name == f"{LINK}7"
    # The file itself is known by its hash, and its fingerprint by that.
    exact = Path(write_photos(tmp_path / "again", 1, first=7)[0])
    assert finder.find(exact).reason == "the same file"
    by_text = finder.find(partner[7].fingerprint.text)
    assert by_text.verdict is Verdict.ORIGIN
    assert by_text.matches[0].score == pytest.approx(1)


def test_a_second_run_changes_nothing_and_a_changed_row_replaces_one(
    tmp_path: Path, collection: Collection, partner: list[Fingerprinted]
) -> None:
    rows = rows_of(partner)
    store_images(collection, [write(tmp_path / "list.csv", *rows)])
    again = store_images(collection, [tmp_path / "list.csv", tmp_path / "list.csv"])
    assert (again.added, again.updated, again.unchanged) == (0, 0, PHOTOS)
    rows[3]["Fingerprint"] = rows[4]["Fingerprint"]
    changed = store_images(collection, [write(tmp_path / "list.csv", *rows)])
    assert (changed.added, changed.updated, changed.unchanged) == (0, 1, PHOTOS - 1)
    assert len(collection) == PHOTOS


def test_references_are_removed_by_link_and_by_what_their_links_begin_with(
    tmp_path: Path, collection: Collection, partner: list[Fingerprinted]
) -> None:
    rows = [
        {"fingerprint": each.fingerprint.text, "link": "", "name": f"agency/{n}.jpg"}
        for n, each in enumerate(partner)
    ]
    rows[0]["link"] = f"{LINK}0"
    store_images(collection, [write(tmp_path / "list.csv", *rows)])
    assert collection.remove([f"{LINK}0", "fingerprint:agency/1.jpg", f"{LINK}9"]) == [f"{LINK}9"]
    assert len(collection) == PHOTOS - 2
    assert collection.remove(["fingerprint:agency"]) == []
    assert len(collection) == 0


def test_an_own_file_with_the_content_of_a_partners_picture_is_read_and_stays_apart(
    tmp_path: Path, collection: Collection, partner: list[Fingerprinted]
) -> None:
    store_images(collection, [write(tmp_path / "list.csv", *rows_of(partner))])
    photos = write_photos(tmp_path / "ours", 3)
    added = store_images(collection, [tmp_path / "ours"])
    assert (added.added, added.moved, len(collection)) == (3, 0, PHOTOS + 3)
    row = collection.database.at(str(photos[0]))
    assert row is not None
    assert (row.width, row.height) == (64, 64)
    # Both are one picture, which is named by the file that is here.
    match = Finder(collection).find(photos[0], top=1).matches[0]
    assert (match.reference, match.copies) == (str(photos[0]), (f"{LINK}0",))
    # What was got from a partner is not handed on.
    assert [each.name for each in of_references(collection)] == [str(photo) for photo in photos]
    assert [each.fingerprint for each in of_references(collection)] == [
        each.fingerprint for each in partner[:3]
    ]


def test_rows_that_cannot_be_used_are_told_with_their_line(
    tmp_path: Path, collection: Collection, partner: list[Fingerprinted]
) -> None:
    text, digest = partner[0].fingerprint.text, partner[0].sha256
    other = text.replace(text[20:24], "AAAA")
    bad = [
        (text, f"{LINK}1", "", digest, None),
        (text[:-1], f"{LINK}2", "", "", "characters behind the colon"),
        (other, f"{LINK}3", "", "", "was changed"),
        ("photo.jpg", f"{LINK}4", "", "", "is no fingerprint"),
        (text, "", "", "", "neither a link nor a name"),
        (text, "/etc/passwd", "", "", "expected one that begins with https://"),
        (text, "javascript:alert(1)", "", "", "expected one that begins with https://"),
        (text, "fingerprint:x", "", "", "expected one that begins with https://"),
        (text, f"{LINK}1", "", "", "line 2 has the same link or name"),
        (text, f"{LINK}5", "", "12", "expected 64 hexadecimal digits"),
        (text, "", "x" * 3000, "", "at most 2000 characters"),
        (text, "", "/etc/passwd", "", None),
    ]
    rows = [
        {"fingerprint": f, "link": link, "name": name, "sha256": sha}
        for f, link, name, sha, _ in bad
    ]
    path = write(tmp_path / "list.csv", *rows)
    added = store_images(collection, [path])
    expected = [(line, why) for line, (*_, why) in enumerate(bad, start=2) if why]
    assert [failure.path for failure in added.failures] == [
        f"{path}, line {line}" for line, _ in expected
    ]
    for failure, (_, why) in zip(added.failures, expected, strict=True):
        assert why in failure.reason
    # A name that looks like a path is none.
    locations = {row.location: row for row in collection.references()}
    assert set(locations) == {f"{LINK}1", "fingerprint:/etc/passwd"}
    named = locations["fingerprint:/etc/passwd"]
    assert named.sha256 == hashlib.sha256(text.encode()).digest()
    assert named.shown == named.location


def test_a_list_of_another_model_adds_nothing(
    tmp_path: Path, collection: Collection, partner: list[Fingerprinted]
) -> None:
    rows = rows_of(partner)
    text = rows[0]["Fingerprint"]
    other = of_images_by_default(tmp_path)
    assert other != text
    added = store_images(
        collection, [write(tmp_path / "list.csv", {"fingerprint": other, "link": f"{LINK}0"})]
    )
    assert len(collection) == 0
    assert "expected one of model" in added.failures[0].reason


def of_images_by_default(folder: Path) -> str:
    """A fingerprint by the packaged model."""
    from originid.model import open_model

    Pillow.fromarray(textured_image(0)).save(folder / "one.png")
    (made,) = of_images(open_model(), [Source(str(folder / "one.png"))])
    assert isinstance(made, Fingerprinted)
    return made.fingerprint.text


def test_which_files_are_lists(tmp_path: Path, collection: Collection) -> None:
    listed = write(tmp_path / "a.CSV", {"link": "x", " Fingerprint ": "y"})
    other = write(tmp_path / "b.csv", {"origin": "x", "query": "y"})
    assert is_fingerprint_list(str(listed))
    assert not is_fingerprint_list(str(other))
    assert not is_fingerprint_list(str(tmp_path / "missing.csv"))
    assert not is_fingerprint_list(str(tmp_path))
    lacking = write(tmp_path / "c.csv", {"fingerprint": "x"})
    with pytest.raises(InputError, match="expected fingerprint, and link or name"):
        store_images(collection, [lacking])
