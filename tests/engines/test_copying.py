"""A collection that is copied to another place answers there as it did."""

import json
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fixture_types import Run, WritePhotos
from originid import (
    Finder,
    add_images,
    copy_collection,
    copying,
    create_collection,
    open_collection,
    open_model,
)
from originid.collection import deciding
from originid.collection.collection import Collection
from originid.collection.form_table import Form
from originid.errors import CollectionError, InputError
from originid.model import Model
from originid.types import Description
from store_kinds import Kind


def all_of(collection: Collection) -> dict[str, Any]:
    """What a collection holds, without ids and the days of adding."""
    database, found = collection.database, {}
    for row in collection.references():
        features = database.details([row.id]).get(row.id)
        form = database.form_of(row.id)
        found[row.location] = (
            replace(row, id=0, added_at=""),
            database.codes(np.array([row.id]))[1].tobytes(),
            None if form is None else (form.box, form.code),
            None if features is None else features.pack(),
            database.names([row.id]).get(row.id, []),
            database.descriptions([row.id]).get(row.id),
            database.thumbnail(row.id),
            database.manifest_of(row.id),
        )
    return {
        "references": found,
        "decisions": sorted(map(astuple, database.decisions())),
        "failures": database.failures(),
        "trusted": [database.trusts(location) for location in found],
    }


@pytest.fixture
def source(tmp_path: Path, model: Model, write_photos: WritePhotos) -> str:
    """A folder that holds something of everything."""
    photos, folder = write_photos(6), tmp_path / "source"
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    link = tmp_path / "link.png"
    link.symlink_to(photos[1])
    with create_collection(folder, model) as made:
        add_images(made, [*photos, broken, link], details=True, thumbnails=True)
        database, rows = made.database, list(made.references())
        code = made.codec.encode(model.encode(photos[2:3]))[0].tobytes()
        with database.writing():
            database.insert(rows[2], code, Form((0.1, 0.1, 0.9, 0.8), code))
            database.describe(rows[0].id, Description(caption="a naïve caption", credit="us"))
        deciding.decide(made, str(photos[0]), str(photos[1]), True, "seen")
    return str(folder)


def test_a_collection_is_copied_here_and_back(place: str, source: str, tmp_path: Path) -> None:
    with open_collection(source) as original:
        expected = all_of(original)
        assert len(expected["references"]) == 6
        query = next(original.references()).location
        found = Finder(original).find(query)
        done = copy_collection(original, place)
        assert (done.references, done.copied, done.already, done.decisions) == (6, 6, 0, 1)
        again = copy_collection(original, place)
        assert (again.references, again.copied, again.already, again.decisions) == (6, 0, 6, 0)
    with open_collection(place) as there:
        assert all_of(there) == expected
        assert list(there.verify()) == []
        answer = Finder(there).find(query)
        assert [match.reference for match in answer.matches] == [
            match.reference for match in found.matches
        ]
        assert answer.verdict == found.verdict
        copy_collection(there, tmp_path / "back")
    with open_collection(tmp_path / "back") as back:
        assert all_of(back) == expected


def test_a_copy_that_was_cut_off_goes_on(
    place: str, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "BATCH", 2)
    with open_collection(source) as original:

        def stop(done: int, total: int) -> None:
            assert total == 6
            if done == 4:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            copy_collection(original, place, stop)
        done = copy_collection(original, place)
        assert (done.copied, done.already, done.references) == (2, 4, 6)


def test_what_is_damaged_is_left_out_and_named(place: str, source: str, kind: Kind) -> None:
    with open_collection(source) as original:
        copy_collection(original, place)
    with open_collection(place) as there:
        row = next(there.references())
        kind.damage(there, row.id)
    with open_collection(place) as there:
        done = copy_collection(there, f"{source}-again")
        assert [failure.path for failure in done.left] == [row.shown]
        assert done.references == 5


def test_what_cannot_be_copied_is_refused(source: str, tmp_path: Path, model: Model) -> None:
    with open_collection(source) as original:
        with pytest.raises(InputError, match="the collection itself"):
            copy_collection(original, source)
        create_collection(tmp_path / "other", open_model()).close()
        with pytest.raises(CollectionError, match="was made by model"):
            copy_collection(original, tmp_path / "other")
        create_collection(tmp_path / "small", model, compact=True).close()
        with pytest.raises(InputError, match="a compact collection"):
            copy_collection(original, tmp_path / "small")
    with (
        open_collection(tmp_path / "small") as small,
        pytest.raises(InputError, match="the compact collection"),
    ):
        copy_collection(small, tmp_path / "large")
    assert not (tmp_path / "large").exists()


def test_the_command(source: str, tmp_path: Path, run: Run) -> None:
    status, out, _ = run("copy", source, "--into", tmp_path / "copy", "--json")
    assert status == 0
    made = json.loads(out)
    assert made["references"] == made["copied"] == 6
    assert (made["already"], made["decisions"], made["left_out"]) == (0, 1, [])
    status, out, _ = run("copy", source, "--into", tmp_path / "copy")
    assert (status, "0 copied, 6 there already in " in out) == (0, True)
