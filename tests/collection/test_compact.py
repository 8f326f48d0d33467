"""Compact collections: of most vectors nothing but signs is stored, and all goes on as before."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from fixture_types import Run, WritePhotos
from originid.collection import kept_codes
from originid.collection.adding import store_images
from originid.collection.collection import Collection, create_collection, open_collection
from originid.collection.kept_codes import KeptCodes
from originid.errors import CollectionError, InputError
from originid.finder import Finder
from originid.fingerprinting import of_references
from originid.index import Codec, SignIndex
from originid.model import Model, open_model
from originid.upgrading import upgrade_collection
from originid.verdict.cohort import MEMBERS, chosen, may_become_member

PHOTOS = 30


@pytest.fixture(scope="module")
def packaged() -> Model:
    return open_model()


@pytest.fixture
def whole(tmp_path: Path, packaged: Model, write_photos: WritePhotos) -> Iterator[Collection]:
    photos = write_photos(PHOTOS)
    with create_collection(tmp_path / "whole", packaged) as made:
        store_images(made, photos)
        yield made


@pytest.fixture
def signs(whole: Collection, monkeypatch: pytest.MonkeyPatch) -> Iterator[Collection]:
    """A compact collection of the same photos, in which no reference may be a member."""
    monkeypatch.setattr(kept_codes, "may_become_member", lambda key: False)
    folder = whole.path.parent
    with create_collection(folder / "signs", whole.model, compact=True) as made:
        store_images(made, [folder / "photos"])
        yield made


def forge(collection: Collection, statement: str) -> list[tuple[int]]:
    """What a statement gives that is run on the file of a collection from outside."""
    path = collection.path / "collection.sqlite"
    with closing(sqlite3.connect(path)) as database, database:
        return database.execute(statement).fetchall()


def lengths(collection: Collection) -> set[int]:
    """The bytes of the stored vectors."""
    return {size for (size,) in forge(collection, "SELECT length(code) FROM vector")}


def test_nothing_but_signs_is_stored(whole: Collection, signs: Collection) -> None:
    dim = signs.model.dim
    assert (lengths(whole), lengths(signs)) == ({signs.codec.size}, {-(-dim // 8)})
    ids = whole.database.ids()
    np.testing.assert_array_equal(signs.database.ids(), ids)
    expected = signs.codec.of_bits(whole.codec.bits(whole.database.codes(ids)[1], dim))
    np.testing.assert_array_equal(signs.database.codes(ids)[1], expected)


def test_each_photo_is_found_with_nearly_its_score(whole: Collection, signs: Collection) -> None:
    assert isinstance(signs.index(), SignIndex)
    photos = sorted(row.location for row in whole.references())
    for place, answers in enumerate(
        zip(Finder(whole).find(photos, 3), Finder(signs).find(photos, 3), strict=True)
    ):
        own, told = answers
        assert told.matches[0].reference == own.matches[0].reference == photos[place]
        assert told.verdict == "origin"
        by_reference = {match.reference: match.score for match in own.matches}
        for match in told.matches:
            if match.reference in by_reference:
                # A cosine that one of two vectors tells by its signs errs by 0.76 / sqrt(dim).
                assert abs(match.score - by_reference[match.reference]) < 5 * 0.76 / 2106**0.5


def test_it_is_compact_when_it_is_opened_again(signs: Collection, tmp_path: Path) -> None:
    with open_collection(signs.path) as again:
        assert again.compact
        assert len(again.index()) == PHOTOS
        assert list(again.verify()) == []
        assert again.remove([str(tmp_path / "photos" / "0003.png")]) == []
        assert len(again.index()) == PHOTOS - 1
    with open_collection(signs.path.parent / "whole") as other:
        assert not other.compact


def test_a_copy_of_a_reference_is_one_of_its_signs(signs: Collection, tmp_path: Path) -> None:
    copy = tmp_path / "copy.png"
    copy.write_bytes((tmp_path / "photos" / "0000.png").read_bytes())
    store_images(signs, [copy])
    codes = {row.name: signs.database.codes(np.array([row.id]))[1] for row in signs.references()}
    np.testing.assert_array_equal(codes[str(copy)], next(iter(codes.values())))


def test_fingerprints_are_those_of_whole_vectors(whole: Collection, signs: Collection) -> None:
    told = [[each.fingerprint.text for each in of_references(some)] for some in (whole, signs)]
    assert told[0] == told[1]


def test_a_damaged_vector_is_told(signs: Collection) -> None:
    forge(signs, "UPDATE vector SET code = substr(code, 2) WHERE id = 3")
    assert [Path(failure.path).name for failure in signs.verify()] == ["0002.png"]
    assert len(signs.database.ids()) == PHOTOS - 1


@pytest.mark.parametrize("name", ["whole", "signs"])
def test_a_search_passes_over_a_vector_that_was_changed(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    collection: Collection = request.getfixturevalue(name)
    photos = [str(tmp_path / "photos" / f"{n:04}.png") for n in (2, 3)]
    forge(collection, "UPDATE vector SET code = zeroblob(length(code)) WHERE id = 3")
    changed, whole = Finder(collection).find(photos, 1)
    assert changed.matches[0].reference != photos[0]
    assert whole.matches[0].reference == photos[1]
    assert "damaged" in " ".join(failure.reason for failure in collection.verify())
    (collection.path / "index.bin").unlink()
    with open_collection(collection.path) as again:
        assert again.passed_over == 1
        assert next(Finder(again).find(photos[:1], 1)).matches[0].reference != photos[0]


def test_many_damaged_vectors_hide_none_behind_them(whole: Collection) -> None:
    forge(whole, "UPDATE vector SET crc32 = crc32 + 1 WHERE id BETWEEN 5 AND 20")
    ids, codes = whole.database.codes_after(4, 6)
    assert ids.tolist() == [21, 22, 23, 24, 25, 26][: len(ids)]
    assert len(ids) == len(codes) > 0
    assert whole.database.codes_after(30, 6)[0].tolist() == []


def test_those_that_may_be_members_are_stored_as_a_whole(whole: Collection, tmp_path: Path) -> None:
    with create_collection(tmp_path / "compact", whole.model, compact=True) as made:
        store_images(made, [tmp_path / "photos"])
        ids = made.database.ids()
        expected = whole.database.codes(ids)[1]
        assert lengths(made) == {made.codec.size}  # among so few each is a member
        np.testing.assert_array_equal(made.database.codes(ids)[1], expected)
        made.calibrate()
        whole.calibrate()
        for name in ("members", "scores", "others"):
            np.testing.assert_array_equal(
                getattr(made.database.cohort().cohort, name),
                getattr(whole.database.cohort().cohort, name),
            )


@pytest.mark.parametrize("count", [1, 511, 512, 5000, 60_000])
def test_every_member_was_stored_as_a_whole_when_it_came(count: int) -> None:
    members = chosen(np.arange(1, count + 1))
    assert len(members) == min(count, MEMBERS)
    assert all(may_become_member(key) for key in members.tolist())


def test_few_others_are_stored_as_a_whole() -> None:
    kept = sum(may_become_member(key) for key in range(1, 60_001))
    # Of each thousandth part of the ids as many: 640 of the first 640, then 640 / id of each.
    assert kept == pytest.approx(640 * (1 + np.log(60_000 / 640)), rel=0.05)


def test_codes_of_both_kinds_are_read_in_order() -> None:
    codec = Codec(50)
    codes = codec.encode(np.random.default_rng(0).standard_normal((4, 50)).astype(np.float32))
    kept = KeptCodes(codec, compact=True)
    signs = codec.of_bits(codec.bits(codes, 50))
    packed = [each.tobytes() for each in codec.bits(codes, 50)]
    stored = [codes[0].tobytes(), packed[1], codes[2].tobytes(), packed[3]]
    expected = np.stack([codes[0], signs[1], codes[2], signs[3]])
    np.testing.assert_array_equal(kept.read(stored), expected)
    assert kept.read([]).shape == (0, codec.size)
    assert kept.sizes == (codec.size, 7)


def test_an_upgrade_keeps_it_compact(signs: Collection, model: Model) -> None:
    upgrade_collection(signs.path, model)
    with open_collection(signs.path) as again:
        assert again.compact
        assert again.model.fingerprint == model.fingerprint
        assert lengths(again) == {-(-model.dim // 8)}


def test_what_it_says_of_itself_is_checked(signs: Collection) -> None:
    forge(signs, "UPDATE meta SET value = 'halves' WHERE key = 'vectors'")
    with pytest.raises(CollectionError, match="stores vectors as 'halves'"):
        open_collection(signs.path)


def test_a_server_is_refused(packaged: Model) -> None:
    with pytest.raises(InputError, match="a compact collection at postgresql://"):
        create_collection("postgresql://nobody@127.0.0.1:1/none", packaged, compact=True)


def test_a_collection_of_whole_vectors_does_not_become_compact(
    whole: Collection, run: Run, tmp_path: Path
) -> None:
    photos, new = tmp_path / "photos", tmp_path / "new"
    status, _, error = run("index", photos, "--into", whole.path, "--compact")
    assert status == 1
    assert "--compact for the collection" in error
    for _ in range(2):  # to make it, and to add to it
        assert run("index", photos, "--into", new, "--compact")[0] == 0
    assert "the signs only" in run("show", new)[1]
