"""A collection learns second leads from its own references, when it has enough of them.

What a second look finds is acted here, so that only the learning is tested.
"""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from originid import Finder
from originid.collection.adding import store_images
from originid.collection.collection import Collection, create_collection, open_collection
from originid.details.verification import Agreement
from originid.errors import CollectionError
from originid.escalation import calibrating
from originid.escalation.calibrating import calibrate_again
from originid.escalation.candidates import Candidates
from originid.escalation.looking import SecondLook
from originid.indexing import add_images
from originid.model import Model
from originid.testing import textured_image, write_photos
from originid.types import Floats32, Image
from originid.verdict.second_look import LEAST_REFERENCES, sample_size, second_leads
from originid.views.looks import Look, Stage
from originid.views.places import Place

PHOTOS = 204


@pytest.fixture(scope="module")
def made(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a collection that has not learned yet, beside its photos."""
    folder = tmp_path_factory.mktemp("calibrating")
    write_photos(folder / "photos", PHOTOS)
    with create_collection(folder / "collection", model) as collection:
        store_images(collection, [folder / "photos"], workers=1)
    return folder


@pytest.fixture
def stored(made: Path, tmp_path: Path) -> Path:
    """A copy of that collection."""
    return Path(shutil.copytree(made / "collection", tmp_path / "collection"))


def strengths_of(image: Image) -> Floats32:
    """Strengths that a picture alone decides."""
    seed = int(image.astype(np.int64).sum())
    return np.asarray(np.random.default_rng(seed).gamma(2, 2, 50), np.float32)


@pytest.fixture(autouse=True)
def looked_at(monkeypatch: pytest.MonkeyPatch) -> dict[int, Image]:
    """Gets the picture that was looked at for each reference; what is found is acted."""
    seen: dict[int, Image] = {}

    def act(
        self: SecondLook, picture: Image, *arguments: object, without: int | None = None
    ) -> Candidates:
        assert without is not None
        seen[without] = picture
        z = strengths_of(picture)
        looks = (Look("full", Place(32, 32, 0, 0)),)
        cosines = np.asarray(z / 100, np.float32)
        stage = Stage(z, np.zeros(len(z), np.int64), looks, cosines)
        agreements: dict[int, tuple[str, Agreement]] = {}
        return Candidates(np.arange(len(z)), stage, stage, np.zeros_like(z), agreements)

    monkeypatch.setattr(SecondLook, "candidates", act)
    return seen


def test_leads_are_those_of_the_members_files(stored: Path, looked_at: dict[int, Image]) -> None:
    with open_collection(stored) as collection:
        assert calibrate_again(collection)
        leads = collection.database.second_looks()
        members = collection.database.cohort().cohort.members
        assert set(leads) == set(members[: sample_size(PHOTOS)].tolist())
        rows = collection.database.rows(list(leads))
        for key, (lead, among) in leads.items():
            image = textured_image(int(Path(rows[key].location).stem))
            assert np.abs(looked_at[key].astype(int) - image).max() <= 1
            strengths = np.sort(strengths_of(looked_at[key]))[::-1]
            assert lead == pytest.approx(second_leads(strengths, PHOTOS)[0])
            assert among == PHOTOS
        assert collection.calibration().again is not None


@pytest.mark.parametrize("cores", [1, 5])
def test_threads_change_nothing(stored: Path, monkeypatch: pytest.MonkeyPatch, cores: int) -> None:
    with open_collection(stored) as collection:
        calibrate_again(collection)
        expected = collection.database.second_looks()
        with collection.database.writing():
            collection.database.put_second_looks({}, 0)
        monkeypatch.setattr(calibrating, "available_cores", lambda: cores)
        assert calibrate_again(collection)
        assert collection.database.second_looks() == expected


def test_progress_is_told(stored: Path) -> None:
    told: list[tuple[int, int]] = []
    with open_collection(stored) as collection:
        calibrate_again(collection, lambda done, total: told.append((done, total)))
    size = sample_size(PHOTOS)
    assert told == [(n, size) for n in range(1, size + 1)]


def test_it_is_done_once_and_again_after_doubling(stored: Path) -> None:
    with open_collection(stored) as collection:
        assert calibrate_again(collection)
        before = collection.database.second_looks()
        assert not calibrate_again(collection)
        for among, again in ((PHOTOS // 2 + 1, False), (PHOTOS // 2, True)):
            with collection.database.writing():
                leads = {key: lead for key, (lead, _) in before.items()}
                collection.database.put_second_looks(leads, among)
            assert calibrate_again(collection) == again
        assert collection.database.second_looks() == before


def test_it_is_done_again_when_more_than_half_have_left(stored: Path) -> None:
    with open_collection(stored) as collection:
        calibrate_again(collection)
        known = collection.database.second_looks()
        fewer = {key: lead for key, (lead, _) in list(known.items())[: len(known) // 2 - 1]}
        with collection.database.writing():
            collection.database.put_second_looks(fewer, PHOTOS)
        assert calibrate_again(collection)
        assert collection.database.second_looks() == known


def test_with_few_references_nothing_is_learned(stored: Path, looked_at: dict[int, Image]) -> None:
    with open_collection(stored) as collection:
        names = [row.location for row in collection.references()]
        collection.remove(names[: PHOTOS - LEAST_REFERENCES + 1])
        assert len(collection) == LEAST_REFERENCES - 1
        assert not calibrate_again(collection)
        assert (looked_at, collection.database.second_looks()) == ({}, {})
        assert collection.calibration().again is None


def test_files_that_vanished_are_passed_over(stored: Path, made: Path) -> None:
    with open_collection(stored) as collection:
        members = collection.database.cohort().cohort.members.tolist()
        rows = collection.database.rows(members)
        gone = [Path(rows[key].location) for key in members[:9]]
        broken = Path(rows[members[9]].location)
        whole = broken.read_bytes()
        try:
            for path in gone:
                path.rename(path.with_suffix(".away"))
            broken.write_bytes(whole[:50])
            assert calibrate_again(collection)
        finally:
            for path in gone:
                path.with_suffix(".away").rename(path)
            broken.write_bytes(whole)
        # The next members take their places.
        size = sample_size(PHOTOS)
        assert set(collection.database.second_looks()) == set(members[10 : 10 + size])


def test_without_any_file_nothing_is_known(stored: Path, made: Path) -> None:
    away = (made / "photos").rename(made / "away")
    try:
        with open_collection(stored) as collection:
            calibrate_again(collection)
            assert collection.database.second_looks() == {}
            assert collection.calibration().again is None
    finally:
        away.rename(made / "photos")


def test_adding_learns_and_storing_does_not(stored: Path, tmp_path: Path) -> None:
    more = write_photos(tmp_path / "more", 2, first=900)
    with open_collection(stored) as collection:
        store_images(collection, more[:1])
        assert collection.database.second_looks() == {}
        told: list[int] = []
        added = add_images(collection, more, calibrating=lambda done, total: told.append(done))
        assert (added.added, added.unchanged, len(collection)) == (1, 1, PHOTOS + 2)
        assert len(collection.database.second_looks()) == sample_size(PHOTOS + 2) == len(told)
        add_images(collection, more, calibrating=lambda done, total: told.append(-1))
        assert -1 not in told  # nothing has come


def forge(folder: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(folder / "collection.sqlite")) as connection:
        connection.execute(statement, values)
        connection.commit()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("lead", "a text"),
        ("lead", b"\0\1"),
        ("lead", float("inf")),
        ("lead", -1e300),
        ("among", "a text"),
        ("among", b"\0"),
        ("among", 0),
        ("among", -5),
        ("among", 1.5),
    ],
)
def test_damaged_rows_are_passed_over(stored: Path, column: str, value: object) -> None:
    with open_collection(stored) as collection:
        calibrate_again(collection)
        known = collection.database.second_looks()
    some = list(known)[:3]
    forge(stored, f"UPDATE second_look SET {column} = ? WHERE id IN (?, ?, ?)", value, *some)
    with open_collection(stored) as collection:
        assert set(collection.database.second_looks()) == set(known) - set(some)
        assert collection.calibration().references == PHOTOS
        answer = Finder(collection).find(textured_image(7), effort="quick")
        assert Path(answer.matches[0].reference).stem == "0007"
        assert not calibrate_again(collection)  # more than half of them are there


def test_leads_of_references_that_never_were_are_replaced(stored: Path) -> None:
    forge(stored, "INSERT INTO second_look VALUES (-7, 1.0, 9223372036854775807)")
    with open_collection(stored) as collection:
        assert calibrate_again(collection)
        assert len(collection.database.second_looks()) == sample_size(PHOTOS)
        assert -7 not in collection.database.second_looks()


def test_a_missing_table_is_an_error_of_three_parts(stored: Path) -> None:
    forge(stored, "DROP TABLE second_look")
    with open_collection(stored) as collection, pytest.raises(CollectionError) as caught:
        collection.calibration()
    assert len(str(caught.value).splitlines()) == 3


def test_a_calibration_follows_leads_that_were_learned_again(stored: Path) -> None:
    """As when a query is answered after images were stored, and before leads are learned."""

    def tail(collection: Collection, scale: float) -> object:
        leads = {key: scale * key for key in range(1, 31)}
        with collection.database.writing():
            collection.database.put_second_looks(leads, PHOTOS)
        return collection.calibration().again

    with open_collection(stored) as collection:
        assert tail(collection, 0.1) != tail(collection, 0.3)


def test_a_run_that_was_stopped_before_it_learned_is_made_up_for(
    stored: Path, made: Path, looked_at: dict[int, Image]
) -> None:
    with open_collection(stored) as collection:
        added = add_images(collection, [made / "photos"])  # stored already, and nothing learned
        assert (added.added, added.unchanged) == (0, PHOTOS)
        assert len(collection.database.second_looks()) == sample_size(PHOTOS)
        looked_at.clear()
        add_images(collection, [made / "photos"])
        assert looked_at == {}
