"""References in a frame: their second form is stored, found, copied and removed with them."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from earlier_formats import TO_2
from fixture_types import Run
from originid import Finder
from originid.collection import calibrating, encoding
from originid.collection.adding import store_images
from originid.collection.collection import Collection, create_collection, open_collection
from originid.collection.deciding import decide
from originid.collection.form_table import Form
from originid.collection.pictures import find_pictures
from originid.collection.row import Row
from originid.collection.schema import FORMAT
from originid.errors import CollectionError
from originid.index import ExactIndex, OpenIndex
from originid.model import Model, open_model
from originid.testing import PlainIndex, textured_image
from originid.types import Box, Image, Verdict
from originid.views.moves import mirrored
from sqlite_of import sqlite_of

FRAMED, PLAIN = 3, 30  # references
BOX: Box = (0, 1 / 8, 1, 7 / 8)


def scene(seed: int) -> Image:
    """A picture of 240 x 320 pixels without flat parts, like no other."""
    random = np.random.default_rng(seed)
    small = random.integers(0, 256, (6, 8, 3), np.uint8)
    smooth = np.asarray(Pillow.fromarray(small).resize((320, 240), Pillow.Resampling.BICUBIC))
    noise = random.integers(-12, 13, smooth.shape)
    return np.asarray(np.clip(smooth.astype(np.int16) + noise, 0, 255), np.uint8)


def in_bars(image: Image) -> Image:
    """A picture that lies at `BOX` of the result."""
    return np.pad(image, ((40, 40), (0, 0), (0, 0)))


def write(path: Path, image: Image) -> Path:
    path.parent.mkdir(exist_ok=True)
    Pillow.fromarray(image).save(path)
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a collection of framed scenes, then plain ones, under the packaged model."""
    folder = tmp_path_factory.mktemp("forms")
    files = [write(folder / "photos" / f"{n:02}.png", in_bars(scene(n))) for n in range(FRAMED)]
    files += [
        write(folder / "photos" / f"{n:02}.png", scene(n)) for n in range(FRAMED, FRAMED + PLAIN)
    ]
    with create_collection(folder / "collection", open_model()) as collection:
        store_images(collection, files, workers=1)
    return folder


@pytest.fixture
def collection(made: Path, tmp_path: Path) -> Collection:
    shutil.copytree(made / "collection", tmp_path / "made")
    return open_collection(tmp_path / "made")


def name(n: int) -> str:
    return f"{n:02}.png"


def every_id(collection: Collection) -> list[int]:
    """Ids of all stored vectors, second forms among them."""
    return [int(key) for key in collection.database.codes_after(-1, 10_000)[0]]


def forge(folder: Path, *statements: str) -> None:
    with closing(sqlite3.connect(folder / "collection.sqlite")) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_only_framed_references_have_a_second_form(collection: Collection) -> None:
    database = collection.database
    assert (len(collection), database.count_forms()) == (FRAMED + PLAIN, FRAMED)
    assert len(collection.index()) == FRAMED + PLAIN + FRAMED
    for row in collection.references():
        form = database.form_of(row.id)
        assert (form is not None) == (Path(row.location).name < name(FRAMED))
        assert row.box is None
        if form is not None:
            assert form.box == pytest.approx(BOX, abs=0.01)


@pytest.mark.parametrize("engine", [ExactIndex.open, PlainIndex.open], ids=["exact", "plain"])
def test_a_framed_reference_is_found_by_what_it_holds(
    collection: Collection, engine: OpenIndex
) -> None:
    with open_collection(collection.path, open_index=engine) as opened:
        answers = Finder(opened).find([scene(n) for n in range(FRAMED)], top=100)
        for n, answer in enumerate(answers):
            best = answer.matches[0]
            assert answer.verdict is Verdict.ORIGIN
            assert (Path(best.reference).name, best.view, best.copies) == (name(n), "full", ())
            assert best.score > 0.97
            assert best.box == pytest.approx(BOX, abs=0.01)
            references = [match.reference for match in answer.matches]
            assert len(references) == len(set(references)) == FRAMED + PLAIN


def test_the_framed_picture_itself_is_found_as_a_whole(collection: Collection) -> None:
    best = Finder(collection).find(in_bars(scene(1)), effort="quick").matches[0]
    assert Path(best.reference).name == name(1)
    assert collection.model.natural_mean is not None  # so the query is compared without its bars


def test_a_mirrored_query_has_the_box_and_the_view(collection: Collection) -> None:
    answer = Finder(collection).find(mirrored(scene(2)))
    best = answer.matches[0]
    assert Path(best.reference).name == name(2)
    assert best.view == "mirrored, as the middle part of the reference"
    assert best.box == pytest.approx(BOX, abs=0.06)  # by its details


def test_a_search_lists_each_reference_once(collection: Collection) -> None:
    vector = collection.model.encode([scene(0)])
    (found,) = collection.search(vector, 5)
    assert len({row.id for row, _ in found}) == len(found) == 5
    assert found[0][0].box == pytest.approx(BOX, abs=0.01)
    (everything,) = collection.search(vector, 1000)
    assert len({row.id for row, _ in everything}) == len(everything) == len(collection)


def test_scores_count_each_reference_once(collection: Collection) -> None:
    """With the better one of its forms, as from a plain product."""
    vector = collection.model.encode([scene(0)])
    (found,) = find_pictures(collection, vector, 3)
    database, codec = collection.database, collection.codec
    best: dict[int, float] = {}
    ids, codes = database.codes_after(-1, 1000)
    scores = codec.scores(codes, codec.rotate(vector)[0])
    for key, score in zip(database.owners(ids).tolist(), scores.tolist(), strict=True):
        best[key] = max(score, best.get(key, -1))
    np.testing.assert_allclose(found.scores, sorted(best.values(), reverse=True), atol=1e-6)


def test_a_removed_reference_takes_its_form_along(collection: Collection, made: Path) -> None:
    database = collection.database
    before, photo = every_id(collection), made / "photos" / name(0)
    place = database.version()[1]
    gone = [key for key in before if int(database.owners(np.array([key]))[0]) == before[0]]
    assert len(gone) == 2
    assert collection.remove([str(photo)]) == []
    assert sorted(database.removed(place).tolist()) == gone
    assert database.count_forms() == FRAMED - 1
    assert len(collection.index()) == len(before) - 2 == len(every_id(collection))
    store_images(collection, [photo], workers=1)
    assert min(set(every_id(collection)) - set(before)) > max(before)
    assert database.count_forms() == FRAMED


def test_no_id_is_ever_used_twice(collection: Collection, made: Path, tmp_path: Path) -> None:
    seen = set(every_id(collection))
    file = tmp_path / "changing.png"
    for seed in range(40, 46):
        write(file, in_bars(scene(seed)) if seed % 2 else scene(seed))
        store_images(collection, [file], workers=1)
        new = set(every_id(collection)) - seen
        assert len(new) == 1 + seed % 2
        assert min(new) > max(seen)
        seen |= new
        assert collection.database.count_forms() == FRAMED + seed % 2
        best = Finder(collection).find(scene(seed), effort="quick").matches[0]
        assert best.reference == str(file)
        assert (best.box is None) == (seed % 2 == 0)


def test_a_copy_has_a_copy_of_the_form(
    collection: Collection, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "copy.png"
    shutil.copy(made / "photos" / name(1), copy)
    with monkeypatch.context() as patched:
        patched.setattr(encoding, "find_content", None)  # known content is not looked at
        store_images(collection, [copy], workers=1)
    row = collection.database.at(str(copy))
    first = collection.database.at(str(made / "photos" / name(1)))
    assert row is not None
    assert first is not None
    assert collection.database.form_of(row.id) == collection.database.form_of(first.id)
    best = Finder(collection).find(scene(1)).matches[0]
    assert {best.reference, *best.copies} == {first.shown, row.shown}
    assert len(best.copies) == 1


def test_a_moved_file_keeps_its_form(collection: Collection, tmp_path: Path) -> None:
    file = write(tmp_path / "here.png", in_bars(scene(50)))
    store_images(collection, [file], workers=1)
    before = every_id(collection)
    there = file.rename(tmp_path / "there.png")
    assert store_images(collection, [there], workers=1).moved == 1
    assert every_id(collection) == before
    assert Finder(collection).find(scene(50), effort="quick").matches[0].reference == str(there)


def test_decisions_hold_for_what_a_frame_holds(collection: Collection, tmp_path: Path) -> None:
    query = write(tmp_path / "query.png", scene(1))
    finder = Finder(collection)
    reference = finder.find(query).matches[0].reference
    decide(collection, str(query), reference, confirmed=True)
    answer = finder.find(query)
    assert (answer.matches[0].reference, answer.verdict) == (reference, Verdict.ORIGIN)
    assert "confirmed" in answer.reason
    decide(collection, str(query), reference, confirmed=False)
    answer = finder.find(query, top=100)
    assert reference not in [match.reference for match in answer.matches]


def test_each_form_is_one_more_chance_to_be_deceived(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    each = (2 * FRAMED + PLAIN) / (FRAMED + PLAIN)
    collection.index()
    assert collection.vectors_each == each
    after = Finder(collection).find(scene(70), effort="quick").matches[0].false_match_rate
    monkeypatch.setattr(Collection, "vectors_each", 1.0)
    before = Finder(collection).find(scene(70), effort="quick").matches[0].false_match_rate
    assert 0 < before < after == pytest.approx(min(1, each * before))


def test_show_counts_them(collection: Collection, run: Run) -> None:
    status, output, _ = run("show", collection.path)
    assert status == 0
    assert f"margins cut        {FRAMED}\n" in output
    assert f'"margins_cut": {FRAMED}' in run("show", collection.path, "--json")[1]


@pytest.mark.parametrize("searched", [2000, 1], ids=["compared", "searched"])
def test_forms_are_no_part_of_the_cohort(
    tmp_path: Path, model: Model, monkeypatch: pytest.MonkeyPatch, searched: int
) -> None:
    """With second forms or without, the members and their lists are the same, up to the ids."""
    monkeypatch.setattr(calibrating, "CODES_A_SEARCH", searched)
    vectors = np.random.default_rng(0).standard_normal((90, model.dim)).astype(np.float32)
    lists = []
    for forms in (False, True):
        with create_collection(tmp_path / f"forms-{forms}", model) as collection:
            codes = collection.codec.encode(vectors)
            near = collection.codec.encode(vectors + 0.5)
            with collection.database.writing():
                for n in range(90):
                    row = Row(f"/{n}.jpg", "", n.to_bytes(32, "big"), 1, 1, 1, 1)
                    form = Form(BOX, near[n].tobytes()) if forms and n % 3 == 0 else None
                    collection.database.insert(row, codes[n].tobytes(), form)
            collection.calibrate()
            cohort = collection.database.cohort().cohort
            assert sorted(cohort.members.tolist()) == collection.database.ids().tolist()
            by_location = {row.id: row.location for row in collection.references()}
            lists.append(
                {by_location[key]: scores for key, scores in zip(cohort.members.tolist(),
                                                                 cohort.scores, strict=True)}
            )  # fmt: skip
            assert len(collection.index()) == 90 + 30 * forms
            assert collection.calibration().references == 90
    assert lists[0].keys() == lists[1].keys()
    for location, scores in lists[0].items():
        np.testing.assert_allclose(lists[1][location], scores, atol=1e-6)


def test_a_torn_form_is_told_once(collection: Collection, made: Path) -> None:
    assert list(collection.verify()) == []
    forms = "SELECT id FROM form WHERE reference = (SELECT min(reference) FROM form)"
    forge(collection.path, f"UPDATE vector SET crc32 = 1 WHERE id IN ({forms})")
    (failure,) = collection.verify()
    assert Path(failure.path).name == name(0)
    assert "damaged" in failure.reason
    forge(collection.path, f"DELETE FROM vector WHERE id IN ({forms})")
    (failure,) = collection.verify()
    assert Path(failure.path).name == name(0)
    assert collection.remove([str(made / "photos" / name(0))]) == []
    assert list(collection.verify()) == []


# Collections may be old, or come from somebody else.


@pytest.fixture
def old(collection: Collection) -> Path:
    """A collection of format 2, whose framed references were stored without a second form."""
    collection.close()
    forge(collection.path, *TO_2)
    (collection.path / "index.bin").unlink()
    return collection.path


def state(folder: Path) -> tuple[int, bool]:
    """The format of a file, and whether it has the table of second forms."""
    with closing(sqlite3.connect(folder / "collection.sqlite")) as connection:
        (found,) = connection.execute("PRAGMA user_version").fetchone()
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    return found, "form" in tables


def test_a_collection_of_format_2_is_read_as_it_is(old: Path) -> None:
    with open_collection(old) as collection:
        assert (collection.database.format, collection.database.count_forms()) == (2, 0)
        assert len(collection.index()) == len(collection) == FRAMED + PLAIN
        assert collection.database.count_blank() == 0
        best = Finder(collection).find(scene(FRAMED)).matches[0]
        assert Path(best.reference).name == name(FRAMED)
        assert list(collection.verify()) == []
        assert collection.database.form_of(1) is None
        assert all(row.information is not None for row in collection.references())
    assert state(old) == (2, False)


def test_its_first_writing_brings_the_table(old: Path, tmp_path: Path) -> None:
    new = write(tmp_path / "new.png", in_bars(scene(60)))
    with open_collection(old) as collection:
        store_images(collection, [new], workers=1)
        assert (collection.database.format, collection.database.count_forms()) == (FORMAT, 1)
        assert Finder(collection).find(scene(60)).matches[0].reference == str(new)
        members = collection.database.cohort().cohort.members
        assert sorted(members.tolist()) == collection.database.ids().tolist()
    assert state(old) == (FORMAT, True)


def test_a_writing_that_fails_leaves_no_half_of_a_reference(old: Path, tmp_path: Path) -> None:
    new = write(tmp_path / "new.png", in_bars(scene(60)))
    with open_collection(old) as collection:
        sqlite_of(collection)._connection.execute("PRAGMA query_only = OFF")
        sqlite_of(collection)._connection.execute(
            "CREATE TEMP TRIGGER full BEFORE INSERT ON vector WHEN new.id > 34"
            " BEGIN SELECT RAISE(ABORT, 'no more'); END"
        )
        before = every_id(collection)
        with pytest.raises(CollectionError, match="no more"):
            store_images(collection, [new], workers=1)
        # Neither the reference nor its form is there: both come in one transaction.
        assert every_id(collection) == before
        assert len(collection) == FRAMED + PLAIN


def test_whoever_still_reads_format_2_is_not_confused(old: Path, tmp_path: Path) -> None:
    new = write(tmp_path / "new.png", in_bars(scene(60)))
    with open_collection(old) as reader, open_collection(old) as writer:
        assert len(reader.index()) == FRAMED + PLAIN
        store_images(writer, [new], workers=1)
        found = Finder(reader).find(scene(FRAMED), top=100)
        assert Path(found.matches[0].reference).name == name(FRAMED)
        assert len(found.matches) == FRAMED + PLAIN + 1
        reader.calibrate()
        assert reader.remove([found.matches[-1].reference]) == []
        members = reader.database.cohort().cohort.members
        assert sorted(members.tolist()) == reader.database.ids().tolist()
        assert (reader.database.format, len(members)) == (FORMAT, FRAMED + PLAIN)


LOOSE = (
    "ALTER TABLE form RENAME TO former",
    "CREATE TABLE form (id INTEGER PRIMARY KEY, reference, 'left', 'top', 'right', 'bottom')",
    "INSERT INTO form SELECT * FROM former",
)


@pytest.fixture
def loosely(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables may be declared in any way, so that they may hold any values."""
    monkeypatch.setattr("originid.collection.sqlite.refuse_other_tables", lambda *given: None)


BOXES = {
    "null": "NULL, NULL, NULL, NULL",
    "texts": "'a', 'b', 'c', 'd'",
    "whole numbers": "0, 0, 1, 1",
    "beyond": "0.0, 0.5, 1.5, 2.0",
    "turned around": "0.5, 0.5, 0.1, 0.1",
    "infinite": "-9e999, 0.0, 9e999, 1.0",
    "blobs": "x'00', x'01', x'02', x'03'",
}


@pytest.mark.usefixtures("loosely")
@pytest.mark.parametrize("kind", list(BOXES))
def test_a_box_that_is_none_is_not_shown(collection: Collection, kind: str, made: Path) -> None:
    forge(
        collection.path,
        *LOOSE,
        'UPDATE form SET ("left", "top", "right", "bottom") = ' + f"({BOXES[kind]})",
    )
    with open_collection(collection.path) as opened:
        best = Finder(opened).find(scene(0)).matches[0]
        assert (Path(best.reference).name, best.box) == (name(0), None)
        best = Finder(opened).find(mirrored(scene(0))).matches[0]
        assert (Path(best.reference).name, best.view.split(",")[0]) == (name(0), "mirrored")
        assert best.box == pytest.approx(BOX, abs=0.06)  # by its details
        copy = made / "photos" / "copy.png"
        shutil.copy(made / "photos" / name(0), copy)
        store_images(opened, [copy], workers=1)
        copy.unlink()
        assert opened.remove([str(made / "photos" / name(0))]) == []


@pytest.mark.usefixtures("loosely")
@pytest.mark.parametrize("owner", ["999", "NULL", "'a'", "x'00'", "-1", "9e99", "id"])
def test_a_form_of_nothing_is_never_shown(collection: Collection, owner: str) -> None:
    forge(collection.path, *LOOSE, f"UPDATE form SET reference = {owner}")
    with open_collection(collection.path) as opened:
        found = Finder(opened).find(scene(0), top=100, effort="quick")
        references = [match.reference for match in found.matches]
        assert len(references) == len(set(references)) == FRAMED + PLAIN
        assert all(match.box is None for match in found.matches)
        opened.calibrate()
        assert list(opened.verify()) == []


def test_a_form_that_claims_a_reference_s_own_vector_crashes_nothing(
    collection: Collection,
) -> None:
    forge(collection.path, "INSERT INTO form VALUES (20, 21, 0.0, 0.0, 1.0, 1.0)")
    with open_collection(collection.path) as opened:
        found = Finder(opened).find(scene(5), top=100)
        references = [match.reference for match in found.matches]
        assert len(references) == len(set(references))
        opened.remove([found.matches[-1].reference])
        list(opened.verify())


def test_a_damaged_code_of_a_form_is_passed_over_and_its_reference_told(
    collection: Collection, made: Path, tmp_path: Path
) -> None:
    forge(collection.path, "UPDATE vector SET code = x'00' WHERE id IN (SELECT id FROM form)")
    copy = Path(shutil.copy(made / "photos" / name(0), tmp_path / "copy.png"))
    with open_collection(collection.path) as opened:
        store_images(opened, [copy], workers=1)
        stored = opened.database.at(str(copy))
        assert stored is not None
        assert opened.database.form_of(stored.id) is None
        assert Finder(opened).find(scene(0)).verdict is not None
        assert len({failure.path for failure in opened.verify()}) == FRAMED


def test_a_missing_table_is_an_error_in_three_parts(collection: Collection) -> None:
    forge(collection.path, "DROP TABLE form")
    with open_collection(collection.path) as opened, pytest.raises(CollectionError) as caught:
        Finder(opened).find(textured_image(1))
    assert str(collection.path) in caught.value.given
    assert len(str(caught.value).splitlines()) == 3
