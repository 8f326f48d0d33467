"""What a collection does is the same wherever it is stored."""

import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fixture_types import Run, WritePhotos
from originid import Finder, add_images, create_collection, open_collection
from originid.collection import deciding
from originid.collection.form_table import Form
from originid.collection.stores import is_collection
from originid.errors import CollectionError, InputError
from originid.escalation.looking import is_followed
from originid.model import Model, open_model
from originid.testing import write_photos as write_plain
from originid.types import Verdict
from originid.verdict.second_look import LEAST_REFERENCES
from originid.verdict.strangers import LEAST_LEADS
from shards import write_shards
from store_kinds import STORES, Kind

SEEN = 1.0  # seconds after which a server has passed on what others wrote


def test_it_is_there_once_it_was_made(place: str, model: Model) -> None:
    assert not is_collection(place)
    with pytest.raises(CollectionError, match="no collection at"):
        open_collection(place)
    create_collection(place, model).close()
    assert is_collection(place)
    with open_collection(place) as collection:
        assert (len(collection), collection.forms, list(collection.references())) == (0, 0, [])
        assert collection.model.fingerprint == model.fingerprint
        assert len(collection.index()) == 0
        assert collection.index().search(np.ones((1, model.dim), np.float32), 2)[1].tolist() == [
            [-1, -1]
        ]
    with pytest.raises(InputError):
        create_collection(place, model)


def test_adding_and_adding_again(place: str, model: Model, write_photos: WritePhotos) -> None:
    photos = write_photos(12)
    with create_collection(place, model) as collection:
        assert add_images(collection, photos).added == 12
    with open_collection(place) as collection:
        again = add_images(collection, photos)
        assert (again.added, again.unchanged, len(collection)) == (0, 12, 12)
        rows = list(collection.references())
        assert [row.location for row in rows] == [str(photo) for photo in photos]
        assert [row.id for row in rows] == sorted(row.id for row in rows)
        assert all(row.added_at.endswith("Z") for row in rows)
        found = Finder(collection).find(photos, top=1)
        assert [each.matches[0].reference for each in found] == [str(each) for each in photos]
        assert list(collection.verify()) == []


def test_changed_moved_and_copied_files(
    place: str, model: Model, write_photos: WritePhotos, tmp_path: Path
) -> None:
    photos = write_photos(6)
    other = write_photos(1, "other", first=50)[0]
    with create_collection(place, model) as collection:
        add_images(collection, [tmp_path / "photos"])
        shutil.copyfile(other, photos[0])
        os.utime(photos[0], ns=(1, 1))
        photos[1].rename(tmp_path / "photos" / "moved.png")
        shutil.copyfile(photos[2], tmp_path / "photos" / "copy.png")
        (tmp_path / "photos" / "link.png").hardlink_to(photos[3])
        added = add_images(collection, [tmp_path / "photos"])
        assert (added.added, added.updated, added.moved, added.names) == (1, 1, 1, 1)
        assert (len(collection), collection.database.count_names()) == (7, 1)
        assert Finder(collection).find(other).matches[0].reference == str(photos[0])
        moved = Finder(collection).find(tmp_path / "photos" / "moved.png").matches[0]
        assert moved.reference == str(tmp_path / "photos" / "moved.png")
        photos[4].unlink()
        assert add_images(collection, [tmp_path / "photos"], prune=True).pruned == 1
        assert list(collection.verify(content=True)) == []


def test_paths_of_any_bytes(place: str, model: Model, write_photos: WritePhotos) -> None:
    photo = write_photos(1)[0]
    names = [
        "ü.png",
        os.fsdecode(b"\xff\x80.png"),
        "\U0010ff41'%s?.png",
        "a\nb.png",
        "\U0001f600.png",
    ]
    folder = photo.parent / "any"
    folder.mkdir()
    for number, name in enumerate(names):
        write_plain(folder / str(number), 1, first=number + 1)[0].rename(folder / name)
    with create_collection(place, model) as collection:
        assert add_images(collection, [folder]).added == len(names)
        expected = {str(folder / name) for name in names}
        assert {row.location for row in collection.references()} == expected
        assert set(collection.database.under(str(folder))) == expected
        assert [row.location for row in collection.database.matching("Ü.PNG", 0, 9)] == [
            str(folder / "ü.png")
        ]
        assert collection.database.at(str(folder / names[1])) is not None
        assert collection.remove([str(folder)]) == []
        assert len(collection) == 0


def test_removing(place: str, model: Model, write_photos: WritePhotos) -> None:
    photos = write_photos(8)
    with create_collection(place, model) as collection:
        add_images(collection, photos)
        before = collection.database.version()
        assert collection.remove([str(photos[3]), "nowhere.png"]) == ["nowhere.png"]
        assert (len(collection), len(collection.index())) == (7, 7)
        found = Finder(collection).find(photos[3])
        assert all(match.reference != str(photos[3]) for match in found.matches)
        add_images(collection, photos)
        assert collection.database.version()[0] > before[0]  # no id is used twice
        assert Finder(collection).find(photos[3]).matches[0].reference == str(photos[3])


def test_members_of_archives(
    place: str, model: Model, write_photos: WritePhotos, tmp_path: Path
) -> None:
    photos = write_photos(4)
    first, second = write_shards(photos[:3], tmp_path / "shards", 2)
    with create_collection(place, model) as collection:
        assert add_images(collection, [first, second, photos[3]]).added == 4
        assert add_images(collection, [first, second]).unchanged == 3
        assert collection.database.count_noted()[0] == 1  # the members have no file
        assert Finder(collection).find(photos[1]).matches[0].reference.startswith(f"{first}!/")
        assert collection.remove([str(first)]) == []
        left = {row.location.partition("!/")[0] for row in collection.references()}
        assert left == {str(second), str(photos[3])}
        assert len(collection) == 2


def test_second_forms_are_found(place: str, model: Model, write_photos: WritePhotos) -> None:
    photos = write_photos(5)
    inner = write_photos(1, "inner", first=70)
    with create_collection(place, model) as collection:
        add_images(collection, photos)
        database = collection.database
        row = database.at(str(photos[2]))
        assert row is not None
        code = collection.codec.encode(model.encode(photos[2:3]))[0].tobytes()
        form = collection.codec.encode(model.encode(inner))[0].tobytes()
        with database.writing():
            database.insert(row, code, Form((0.1, 0.1, 0.9, 0.8), form))
        assert (len(collection), collection.forms, len(collection.index())) == (5, 1, 6)
        best = collection.search(model.encode(inner), 1)[0][0]
        assert (best[0].location, best[0].box) == (str(photos[2]), (0.1, 0.1, 0.9, 0.8))
        assert best[1] == pytest.approx(1, abs=1e-3)
        collection.remove([str(photos[2])])
        assert (len(collection), collection.forms, len(collection.index())) == (4, 0, 4)


def test_views_are_found(place: str, tmp_path: Path) -> None:
    photos = write_plain(tmp_path / "photos", 30)
    turned = tmp_path / "turned.png"
    Image.open(photos[7]).rotate(90, expand=True).save(turned)
    with create_collection(place, open_model()) as collection:
        add_images(collection, photos)
        match = Finder(collection).find(turned, top=1).matches[0]
        assert match.reference == str(photos[7])
        assert match.view == "turned by three quarters"
        assert match.score > 0.7


def test_views_of_too_many_on_a_server_are_not_looked_for(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("originid.escalation.looking.MOST_FOLLOWED", 2)
    photos = write_plain(tmp_path / "photos", 3)
    turned = tmp_path / "turned.png"
    Image.open(photos[1]).rotate(90, expand=True).save(turned)
    with create_collection(place, open_model()) as collection:
        add_images(collection, photos)
        assert is_followed(collection) == ("://" not in place)
        assert Finder(collection).find(photos[1]).matches[0].reference == str(photos[1])
        assert Finder(collection).find(turned).error is None


def test_decisions(place: str, model: Model, write_photos: WritePhotos) -> None:
    photos = write_photos(6)
    with create_collection(place, model) as collection:
        add_images(collection, photos)
        deciding.decide(collection, str(photos[0]), str(photos[1]), True, "seen, naïve\x00")
        deciding.decide(collection, str(photos[0]), str(photos[0]), False, "")
        first = Finder(collection).find(photos[0]).matches[0]
        assert first.reference == str(photos[1])
        stored = collection.database.decisions()
        assert [(each.confirmed, each.note) for each in stored] == [
            (True, "seen, naïve\x00"),
            (False, ""),
        ]
    with open_collection(place) as collection:
        deciding.forget(collection, str(photos[0]), str(photos[1]))
        assert len(collection.database.decisions()) == 1


Told = tuple[dict[str, tuple[float, ...]], list[tuple[Verdict | None, list[Any]]]]


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], list[Path]]:
    """References, as many as a collection needs to learn second leads, and queries."""
    folder = tmp_path_factory.mktemp("asked")
    photos = write_plain(folder / "photos", LEAST_REFERENCES)
    return photos, [*photos[:3], *write_plain(folder / "strangers", 2, first=300)]


def told(where: str, photos: list[Path], queries: list[Path]) -> Told:
    """What a new collection knows of strangers, by the name of a reference, and what it answers."""
    with pytest.MonkeyPatch.context() as patch, create_collection(where, open_model()) as made:
        # So few are looked at again as suffice; each takes a third of a second.
        patch.setattr("originid.verdict.second_look.MOST_SAMPLED", LEAST_LEADS)
        add_images(made, photos)
        assert len(made.database.second_looks()) >= LEAST_LEADS
        cohort = made.database.cohort().cohort
        rows = made.database.rows(cohort.members.tolist())
        names = [rows[key].name for key in cohort.members.tolist()]
        answers = [
            (each.verdict, [(match.reference, match.view, match.box) for match in each.matches])
            for each in Finder(made).find(queries, top=3)
        ]
        return dict(zip(names, map(tuple, cohort.scores), strict=True)), answers


@pytest.fixture(scope="module")
def told_by_a_folder(
    asked: tuple[list[Path], list[Path]], tmp_path_factory: pytest.TempPathFactory
) -> Told:
    return told(str(tmp_path_factory.mktemp("plain") / "collection"), *asked)


@pytest.mark.parametrize("kind", [name for name in STORES if name != "folder"], indirect=True)
def test_verdicts_are_those_of_a_folder(
    place: str, asked: tuple[list[Path], list[Path]], told_by_a_folder: Told
) -> None:
    scales, answers = told(place, *asked)
    expected, answers_expected = told_by_a_folder
    assert scales.keys() == expected.keys()  # all of so few; which are drawn depends on ids
    for name, scores in scales.items():
        np.testing.assert_allclose(scores, expected[name], atol=1e-5)
    assert answers == answers_expected


def test_a_command_for_each_thing(
    place: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    photos = write_plain(tmp_path / "photos", 4)
    assert run("index", tmp_path / "photos", "--into", place)[0] == 0
    status, out, _ = run("show", place, "--verify")
    assert status == 0
    assert "pictures           4" in out
    assert "no problems" in out
    status, out, _ = run("find", photos[1], "--in", place, "--json", "--effort", "quick")
    assert str(photos[1]) in out
    assert run("decide", photos[1], photos[2], "--in", place, "--yes")[0] == 0
    assert "decisions          1" in run("show", place, "--decisions")[1]
    assert run("audit", photos[0], "--in", place, "-o", tmp_path / "report.html")[0] == 0
    assert run("explain", photos[0], "--in", place, "-o", tmp_path / "seen.png")[0] == 0
    assert run("remove", photos[0], "--from", place)[0] == 0
    assert "pictures           3" in run("show", place)[1]


def test_the_service(place: str, model: Model, write_photos: WritePhotos) -> None:
    pytest.importorskip("fastapi")
    from starlette.testclient import TestClient

    from originid.service.app import create_app
    from originid.service.settings import Settings

    photos = write_photos(5)
    with create_collection(place, model) as collection:
        add_images(collection, photos)
        app = create_app(Finder(collection), Settings())
        with TestClient(app, base_url="http://localhost") as client:
            assert client.get("/v1/health").status_code in (200, 404)
            for photo in photos:
                files = {"image": ("q.png", photo.read_bytes(), "image/png")}
                answer = client.post("/v1/find", files=files)
                if answer.status_code == 404:
                    pytest.fail(str(client.get("/openapi.json").json()["paths"].keys()))
                assert str(photo) in answer.text


@pytest.mark.parametrize("is_made", [True, False])
def test_two_processes_add_overlapping_folders(
    place: str, tmp_path: Path, *, is_made: bool
) -> None:
    photos = write_plain(tmp_path / "photos", 60)
    if is_made:  # else both make the collection at the same moment
        create_collection(place, open_model()).close()
    parts = [photos[:40], photos[20:]]
    commands = [
        [sys.executable, "-m", "originid", "index", *map(str, part), "--into", place]
        for part in parts
    ]
    running = [subprocess.Popen(each, stdout=subprocess.DEVNULL) for each in commands]
    assert [each.wait(120) for each in running] == [0, 0]
    with open_collection(place) as collection:
        assert (len(collection), len(collection.index())) == (60, 60)
        locations = [row.location for row in collection.references()]
        assert sorted(locations) == sorted(map(str, photos))
        assert list(collection.verify()) == []


def test_what_was_begun_is_kept_as_a_whole_or_not_at_all(
    place: str, model: Model, write_photos: WritePhotos
) -> None:
    photos = write_photos(4)
    with create_collection(place, model) as collection:
        add_images(collection, photos[:2])
        version = collection.database.version()
        row = next(collection.references())
        with suppress(ZeroDivisionError), collection.database.writing():
            collection.database.delete(row.id)
            _ = 1 / 0
        assert (len(collection), collection.database.version()) == (2, version)
        assert add_images(collection, photos).added == 2
        assert len(collection.index()) == 4


def test_readers_see_what_others_wrote(place: str, model: Model, write_photos: WritePhotos) -> None:
    photos = write_photos(9)
    with create_collection(place, model) as mine:
        add_images(mine, photos[:5])
        with open_collection(place) as theirs:
            assert len(theirs.index()) == 5
            add_images(mine, photos)
            mine.remove([str(photos[0])])
            assert (len(theirs), len(theirs.index())) == (8, 8)
            assert Finder(theirs).find(photos[8]).matches[0].reference == str(photos[8])


def test_folders_that_others_sign_are_trusted(place: str, model: Model, tmp_path: Path) -> None:
    first, second = (write_plain(tmp_path / name, 2) for name in ("first", "second"))
    with create_collection(place, model) as mine, open_collection(place) as theirs:
        add_images(mine, first)
        assert [theirs.database.trusts(str(photo)) for photo in (first[0], second[0])] == [
            True, False,
        ]  # fmt: skip
        add_images(mine, str(second[0].parent))
        time.sleep(SEEN)
        assert theirs.database.trusts(str(second[1]))


def test_another_model_is_refused(place: str, model: Model) -> None:
    create_collection(place, model).close()
    with pytest.raises(CollectionError, match="was made by model"):
        open_collection(place, open_model())


def test_damaged_rows_are_named(
    place: str, kind: Kind, model: Model, write_photos: WritePhotos
) -> None:
    photos = write_photos(4)
    with create_collection(place, model) as collection:
        add_images(collection, photos)
        row = collection.database.at(str(photos[2]))
        assert row is not None
        kind.damage(collection, row.id)
        problems = list(collection.verify())
        assert [each.path for each in problems] == [str(photos[2])]
        assert "damaged" in problems[0].reason


def test_what_is_stored_beside_references(
    place: str, model: Model, write_photos: WritePhotos, tmp_path: Path
) -> None:
    photos = write_photos(3)
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    with create_collection(place, model) as collection:
        added = add_images(collection, [*photos, broken], details=True, thumbnails=True)
        assert [each.path for each in added.failures] == [str(broken)]
        database = collection.database
        assert [each.path for each in collection.failures()] == [str(broken)]
        assert (database.count_thumbnails(), database.count_details()) == (3, 3)
        ids = database.ids().tolist()
        assert (database.thumbnail(ids[0]) or b"")[:2] == b"\xff\xd8"
        assert set(database.details(ids)) == set(ids)
        assert len(collection.detail_words()) == 3
        assert list(collection.verify()) == []
        broken.unlink()
        add_images(collection, photos)
        assert collection.failures() == []
