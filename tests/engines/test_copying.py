"""A collection that is copied to another place answers there as it did."""

import json
from concurrent.futures import ThreadPoolExecutor
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
from originid.collection.copies import is_incomplete_copy
from originid.collection.form_table import Form
from originid.errors import InputError
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
        with pytest.raises(InputError, match="where a complete copy of it is already"):
            copy_collection(original, place)
    with open_collection(place) as there:
        assert not is_incomplete_copy(there.database)
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
    place: str, source: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(copying, "BATCH", 2)

    def stop(done: int, total: int) -> None:
        assert total == 6
        if done == 4:
            raise KeyboardInterrupt

    with open_collection(source) as original:
        locations = [row.location for row in original.references()]
        with pytest.raises(KeyboardInterrupt):
            copy_collection(original, place, stop)
        with open_collection(place) as begun:
            assert is_incomplete_copy(begun.database)
            assert len(begun) == 4
            with pytest.raises(InputError, match="not complete yet"):
                add_images(begun, locations)
        # What changes until it goes on comes over too.
        moved = tmp_path / "moved.png"
        Path(locations[0]).rename(moved)
        add_images(original, [moved])
        deciding.decide(original, locations[2], locations[3], False, "")
        deciding.forget(original, str(moved), locations[1])
        done = copy_collection(original, place)
        assert (done.references, done.decisions) == (6, 1)
        with open_collection(place) as there:
            assert all_of(there) == all_of(original)
            assert not is_incomplete_copy(there.database)


def test_several_that_copy_at_once_make_one_copy(
    place: str, source: str, request: pytest.FixtureRequest
) -> None:
    def copy(_: int) -> int:
        """How many references the copy of this one had at the end."""
        with open_collection(source) as original:
            return copy_collection(original, place).references

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(copy, range(2))) == [6, 6]
    with open_collection(source) as original, open_collection(place) as there:
        found, expected = all_of(there), all_of(original)
        assert sorted(found["references"]) == sorted(expected["references"])
        # Without transactions, a further name may stay with the reference of the slower one.
        assert found == expected or "milvus" in request.node.name


def test_what_is_damaged_is_left_out_and_named(
    place: str, source: str, kind: Kind, run: Run
) -> None:
    with open_collection(source) as original:
        copy_collection(original, place)
    with open_collection(place) as there:
        row = next(there.references())
        kind.damage(there, row.id)
    status, out, _ = run("copy", place, "--into", f"{source}-again")
    assert status == 1
    assert f"left out: {row.shown}: its stored vector is damaged" in out
    assert "5 copied" in out


def test_what_cannot_be_copied_is_refused(source: str, tmp_path: Path, model: Model) -> None:
    with open_collection(source) as original:
        create_collection(tmp_path / "other", open_model()).close()
        for there in (source, tmp_path / "other"):
            with pytest.raises(InputError, match="where a collection is already"):
                copy_collection(original, there)
        with pytest.raises(InputError, match="folder"):
            copy_collection(original, tmp_path)
    create_collection(tmp_path / "small", model, compact=True).close()
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
    status, out, _ = run("copy", source, "--into", tmp_path / "another")
    assert (status, "another: 6 copied, 1 decision in " in out) == (0, True)
