"""Which references a second look compares: all of a small collection, but those left out."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from originid.collection.adding import store_images
from originid.collection.collection import Collection, create_collection
from originid.collection.form_table import Form
from originid.escalation import looking
from originid.escalation.candidates import Candidates
from originid.escalation.looking import LISTED, VERIFIED, SecondLook, most_listed
from originid.model import Model
from originid.testing import flat_image, textured_image, write_photos

PHOTOS = 40


@pytest.mark.parametrize(
    ("references", "most"),
    [
        (0, 600),
        (1, 600),
        (90_000, 600),
        (90_601, 602),
        (250_000, 1000),
        (1_000_000, 2000),
        (10**8, 2000),
    ],
)
def test_how_many_are_listed(references: int, most: int) -> None:
    assert most_listed(references) == most
    assert LISTED[0] <= most <= LISTED[1]


@pytest.fixture(scope="module")
def collection(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collection]:
    """Photos of blobs; the one with the seed 3 has a copy, and that with the seed 5 a form."""
    folder = tmp_path_factory.mktemp("looking")
    paths = write_photos(folder / "photos", PHOTOS)
    copy = folder / "photos" / "copy.bmp"
    Pillow.fromarray(textured_image(3)).save(copy)
    with create_collection(folder / "collection", model) as made:
        store_images(made, [*paths, copy], workers=1)
        row = made.database.at(str(paths[5]))
        assert row is not None
        code = made.codec.encode(model.encode([textured_image(905)]))[0].tobytes()
        with made.database.writing():
            made.database.insert(row, code, Form((0.0, 0.1, 1.0, 0.9), code))
        yield made


def key(collection: Collection, name: str) -> int:
    (found,) = [row.id for row in collection.references() if Path(row.location).name == name]
    return found


def look_for(collection: Collection, seed: int, **options: object) -> Candidates:
    image = textured_image(seed)
    whole = collection.model.encode([image])
    found = SecondLook(collection).candidates(
        image,
        whole,
        False,
        "normal",
        **options,  # type: ignore[arg-type]
    )
    assert found is not None
    return found


def test_a_small_collection_is_compared_whole(collection: Collection) -> None:
    found = look_for(collection, 7)
    everything = collection.database.codes_after(-1, 1000)[0]
    np.testing.assert_array_equal(found.ids, everything)
    assert len(everything) == PHOTOS + 2  # the copy, and the form
    assert int(found.ids[found.strength.argmax()]) == key(collection, "0007.png")
    assert set(found.agreements) == set(found.best(VERIFIED["normal"][1]))  # files are read


def test_a_reference_is_left_out_with_its_copies_and_its_form(collection: Collection) -> None:
    everything = set(collection.database.codes_after(-1, 1000)[0].tolist())
    copies = {key(collection, "0003.png"), key(collection, "copy.bmp")}
    for one in copies:
        assert set(look_for(collection, 3, without=one).ids.tolist()) == everything - copies
    framed = key(collection, "0005.png")
    form = collection.database.form_id(framed)
    assert form is not None
    left = set(look_for(collection, 5, without=framed).ids.tolist())
    assert left == everything - {framed, form}
    alone = key(collection, "0009.png")
    assert set(look_for(collection, 9, without=alone).ids.tolist()) == everything - {alone}


def test_what_is_asked_for_is_compared_in_any_case(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "LISTED", (4, 4))
    monkeypatch.setattr(looking, "WHOLE", 2)
    few = look_for(collection, 7)
    assert key(collection, "0007.png") in few.ids
    assert len(few.ids) <= 6
    missing = sorted(set(collection.database.ids().tolist()) - set(few.ids.tolist()))
    more = look_for(collection, 7, also=missing[:3])
    assert set(more.ids.tolist()) == set(few.ids.tolist()) | set(missing[:3])
    assert (np.diff(more.ids) > 0).all()
    # The same candidates have the same vectors' evidence, whoever is compared beside them.
    same = np.isin(more.ids, few.ids)
    np.testing.assert_allclose(more.coarse.z[same], few.coarse.z, atol=1e-4)


def test_thorough_verifies_more(collection: Collection) -> None:
    image = textured_image(7)
    whole = collection.model.encode([image])
    found = SecondLook(collection).candidates(image, whole, False, "thorough")
    assert found is not None
    # A reference and its second form are one file, which may be one more.
    assert VERIFIED["thorough"][1] <= len(found.agreements) <= VERIFIED["thorough"][1] + 1


def test_files_that_are_gone_are_not_verified(collection: Collection) -> None:
    folder = Path(next(collection.references()).location).parent
    hidden = folder.rename(folder.with_name("hidden"))
    try:
        found = look_for(collection, 7)
    finally:
        hidden.rename(folder)
    assert found.agreements == {}
    assert int(found.ids[found.strength.argmax()]) == key(collection, "0007.png")


def test_a_framed_query_with_nothing_in_it_is_not_looked_at(collection: Collection) -> None:
    image = flat_image((255, 255, 255), 100)
    whole = collection.model.encode([textured_image(7)])
    assert SecondLook(collection).candidates(image, whole, True, "normal") is None
