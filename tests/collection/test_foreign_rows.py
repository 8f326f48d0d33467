"""Rows that somebody else forged lead to an error in three parts, or to nothing at all."""

import json
import os
import shutil
import sqlite3
import zlib
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import pytest

from fixture_types import Run, WritePhotos
from originid import Finder
from originid.collection.adding import store_images
from originid.collection.collection import create_collection, open_collection
from originid.collection.deciding import decide
from originid.collection.form_table import Form
from originid.collection.name_table import Name
from originid.errors import CollectionError
from originid.index import ExactIndex, OpenIndex
from originid.model import Model
from originid.testing import PlainIndex
from originid.types import Failure
from sqlite_of import sqlite_of

ENGINES: dict[str, OpenIndex] = {"exact": ExactIndex.open, "plain": PlainIndex.open}


@pytest.fixture
def foreign(tmp_path: Path, model: Model, write_photos: WritePhotos) -> Path:
    """The folder of a closed collection of five references, without a kept index."""
    folder = tmp_path / "foreign"
    with create_collection(folder, model) as collection:
        store_images(collection, write_photos(5))
    (folder / "index.bin").unlink()
    return folder


def forge(folder: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(folder / "collection.sqlite")) as connection:
        connection.execute(statement, values)
        connection.commit()


def forge_code(folder: Path, code: object, where: str) -> None:
    """Codes with a right checksum, so that only their form is wrong."""
    data = code if isinstance(code, bytes) else b""
    statement = f"UPDATE vector SET code = ?, crc32 = ? WHERE {where}"
    forge(folder, statement, code, zlib.crc32(data))


def size(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "collection.sqlite")) as connection:
        return int(connection.execute("SELECT length(code) FROM vector").fetchone()[0])


CODES: dict[str, Callable[[int], object]] = {
    "a byte less": lambda size: bytes(size - 1),
    "a byte more": lambda size: bytes(size + 1),
    "twice as long": lambda size: bytes(2 * size),
    "nothing": lambda size: b"",
    "text": lambda size: "a" * size,
    "a number": lambda size: 7,
}


@pytest.mark.parametrize("where", ["id = 3", "id > 0"], ids=["one", "all"])
@pytest.mark.parametrize("kind", list(CODES))
@pytest.mark.parametrize("engine", list(ENGINES))
def test_stored_vectors_of_another_form_are_passed_over_and_told(
    foreign: Path, kind: str, where: str, engine: str, tmp_path: Path
) -> None:
    forge_code(foreign, CODES[kind](size(foreign)), where)
    photos = [str(tmp_path / "photos" / f"{n:04}.png") for n in range(5)]
    damaged = photos[2:3] if where == "id = 3" else photos
    with open_collection(foreign, open_index=ENGINES[engine]) as collection:
        found = Finder(collection).find(photos[0], top=10)
        assert {match.reference for match in found.matches} == set(photos) - set(damaged)
        assert collection.passed_over == len(damaged)
        told = {problem.path: problem.reason for problem in collection.verify()}
        assert set(told) == set(damaged)
        assert all("remove it and index it again" in reason for reason in told.values())


def test_damage_that_came_after_the_index_is_told_by_the_search_that_reads_it(
    foreign: Path, tmp_path: Path, run: Run
) -> None:
    photo = tmp_path / "photos" / "0002.png"
    assert run("find", photo, "--in", foreign, "--effort", "quick")[2] == ""  # keeps the index
    assert (foreign / "index.bin").exists()
    forge(foreign, "UPDATE vector SET crc32 = crc32 + 1 WHERE id = 3")
    status, out, errors = run("find", photo, "--in", foreign, "--effort", "quick")
    assert (status, str(photo) in out.partition("\n")[2]) == (3, False)
    assert errors.startswith("note: 1 stored vector is damaged and passed over")


def test_indexing_a_file_whose_vector_is_damaged_names_the_way_out(
    foreign: Path, tmp_path: Path, run: Run
) -> None:
    photo = tmp_path / "photos" / "0002.png"
    forge(foreign, "UPDATE vector SET crc32 = crc32 + 1 WHERE id = 3")
    os.utime(photo, (1, 1))
    errors = run("index", photo, "--into", foreign)[2]
    assert "is damaged: remove it and index it again" in errors
    assert "removed while" not in errors
    assert run("remove", photo, "--from", foreign)[0] == 0
    assert run("index", photo, "--into", foreign)[0] == 0
    assert run("find", photo, "--in", foreign)[0] == 0


@pytest.mark.parametrize("kind", list(CODES))
def test_such_a_reference_can_be_removed_and_added_again(
    foreign: Path, kind: str, tmp_path: Path
) -> None:
    """The way out that the error names: the other references stay as they are."""
    forge_code(foreign, CODES[kind](size(foreign)), "id = 3")
    photo = tmp_path / "photos" / "0002.png"
    with open_collection(foreign) as collection:
        assert collection.remove([str(photo)]) == []
        assert store_images(collection, [photo]).added == 1
        assert Finder(collection).find(photo).matches[0].reference == str(photo)
        assert list(collection.verify()) == []
        assert len(collection) == 5


@pytest.mark.parametrize("command", ["find", "index", "show"])
def test_no_command_prints_a_traceback(
    foreign: Path, tmp_path: Path, run: Run, command: str
) -> None:
    forge_code(foreign, b"short", "id = 3")
    photo = tmp_path / "photos" / "0000.png"
    arguments = {
        "find": ("find", photo, "--in", foreign),
        "index": ("index", photo, "--into", foreign),
        "show": ("show", foreign),
    }[command]
    status, _, errors = run(*arguments)
    assert status == 0
    assert "Traceback" not in errors
    if command == "find":
        told = f"originid show {foreign} --verify"
        assert errors == (
            f"note: 1 stored vector is damaged and passed over; to see which: {told}\n"
        )


@pytest.mark.parametrize("value", ["much", b"\0\1", "0.5x"])
def test_information_of_another_type_is_unknown(
    foreign: Path, value: object, tmp_path: Path
) -> None:
    forge(foreign, "UPDATE reference SET information = ?", value)
    photo = tmp_path / "photos" / "0001.png"
    with open_collection(foreign) as collection:
        assert {row.information for row in collection.references()} == {None}
        assert Finder(collection).find(photo).matches[0].reference == str(photo)


def test_a_reference_without_a_vector_is_told_and_is_not_found(
    foreign: Path, tmp_path: Path
) -> None:
    forge(foreign, "DELETE FROM vector WHERE id = 3")
    photo = tmp_path / "photos" / "0002.png"
    with open_collection(foreign) as collection:
        found = Finder(collection).find(photo, top=10)
        assert str(photo) not in {match.reference for match in found.matches}
        assert len(found.matches) == 4
        assert [failure.path for failure in collection.verify()] == [str(photo)]


def test_a_vector_without_a_reference_is_never_shown(foreign: Path, tmp_path: Path) -> None:
    forge(foreign, "DELETE FROM reference WHERE id = 3")
    photo = tmp_path / "photos" / "0002.png"
    with open_collection(foreign) as collection:
        found = Finder(collection).find(photo, top=10)
        assert len(found.matches) == 4
        assert str(photo) not in {match.reference for match in found.matches}
        vector = collection.model.encode([photo])
        assert all(row.id != 3 for row, _ in collection.search(vector, 10)[0])


@pytest.mark.parametrize("table", ["reference", "vector", "removed", "meta"])
def test_a_missing_table_is_an_error_in_three_parts(foreign: Path, table: str) -> None:
    forge(foreign, f"DROP TABLE {table}")
    with pytest.raises(CollectionError) as caught, open_collection(foreign) as collection:
        Finder(collection).find(np.zeros((8, 8, 3), np.uint8))
    assert str(foreign) in caught.value.given
    assert len(str(caught.value).splitlines()) == 3


def test_a_page_of_the_file_that_is_noise_is_no_traceback(foreign: Path, tmp_path: Path) -> None:
    """Whatever page is damaged, the collection answers or says that it cannot be read."""
    file = foreign / "collection.sqlite"
    content = file.read_bytes()
    page = 16384
    answers = 0
    noise = np.random.default_rng(0).bytes(page)
    for start in range(page, len(content), page):
        file.write_bytes(content[:start] + noise + content[start + page :])
        # Any other error fails the test.
        with suppress(CollectionError), open_collection(foreign) as collection:
            list(collection.references())
            list(collection.verify())
            Finder(collection).find(tmp_path / "photos" / "0000.png")
            answers += 1
    assert answers < len(content) // page  # some pages are needed


def test_an_index_that_is_open_does_not_hide_damage(foreign: Path, tmp_path: Path) -> None:
    """What was read before the damage is not believed at the next search."""
    photo = tmp_path / "photos" / "0002.png"
    with open_collection(foreign) as collection:
        assert Finder(collection).find(photo).matches[0].score > 0.999
        forge_code(foreign, b"short", "id = 3")
        found = Finder(collection).find(photo).matches
        assert [match.reference for match in found if match.reference == str(photo)] == []


VALUES: dict[str, object] = {
    "nothing": None,
    "text": "a\0b",
    "long text": "x" * 100_000,
    "bytes": b"\0\1",
    "no bytes": b"",
    "a huge number": 2**63 - 1,
    "a small number": -(2**63),
    "a fraction": 1e308,
    "infinity": float("inf"),
}


def all_columns(folder: Path) -> list[tuple[str, str]]:
    """Each column of each table of a collection that may be set to anything."""
    found = []
    with closing(sqlite3.connect(folder / "collection.sqlite")) as connection:
        query = "SELECT name FROM sqlite_master WHERE type = 'table'"
        for (table,) in connection.execute(query).fetchall():
            for column in connection.execute(f'PRAGMA table_info("{table}")').fetchall():
                found.append((table, column[1]))
    return found


@pytest.mark.parametrize("first", [0])
def test_any_value_anywhere_leads_to_an_answer_or_an_error(
    foreign: Path, first: int, tmp_path: Path, run: Run
) -> None:
    """In each column of each table in turn; no command shows a traceback, or waits for ever.

    All values in all columns take minutes; here each column gets one of them.
    """
    photo = tmp_path / "photos" / "0000.png"
    with open_collection(foreign) as collection:
        decide(collection, str(photo), str(tmp_path / "photos" / "0001.png"), True)
        store_images(collection, [tmp_path / "photos"], details=True)
        with collection.database.writing():
            collection.database.add_name(1, Name("/x/y.png", "y.png"))
            collection.database.fail("/x/z.png", Failure("z.png", "broken"))
            collection.database.put_second_looks({1: 0.5}, 5)
            sqlite_of(collection)._add_form(2, Form((0.1, 0.1, 0.9, 0.9), bytes(size(foreign))))
            collection.database.delete(5)
    sound = tmp_path / "sound"
    foreign.rename(sound)
    values = list(VALUES.values())
    for number, (table, column) in enumerate(all_columns(sound), start=first):
        shutil.copytree(sound, foreign)
        try:
            forge(
                foreign,
                f'UPDATE OR IGNORE "{table}" SET "{column}" = ?',
                values[number % len(values)],
            )
        except sqlite3.Error:
            shutil.rmtree(foreign)
            continue  # SQLite keeps such a value out
        for command in (
            ("find", photo, "--in", foreign, "--json"),
            ("show", foreign, "--verify", "--decisions", "--json"),
            ("index", tmp_path / "photos", "--into", foreign, "--json"),
            ("remove", tmp_path / "photos" / "0003.png", "--from", foreign, "--json"),
        ):
            status, out, errors = run(*command)
            assert status in (0, 1, 3), (table, column, command, errors)
            if out:
                json.loads(out, parse_constant=pytest.fail)
            else:
                assert errors.startswith("error: "), (table, column, command, errors)
        shutil.rmtree(foreign)


REFERENCE = ("name", "sha256", "bytes", "mtime_ns", "width", "height", "added_at", "ctime_ns")


@pytest.mark.parametrize("column", REFERENCE)
def test_a_damaged_reference_is_named_and_can_be_removed(
    foreign: Path, column: str, tmp_path: Path
) -> None:
    forge(foreign, f"UPDATE reference SET {column} = x'0102' WHERE id = 3")
    photo = str(tmp_path / "photos" / "0002.png")
    with open_collection(foreign) as collection:
        (told,) = [each for each in collection.verify() if "what is stored" in each.reason]
        assert told.path == photo
        found = Finder(collection).find(photo, top=5).matches
        assert found[0].reference == photo
        assert len(found) == 5
        assert collection.remove([photo]) == []
        store_images(collection, [photo])
        assert list(collection.verify()) == []


@pytest.mark.parametrize("location", [b"/x", "/a\0b", ""])
def test_a_reference_without_a_path_is_told_and_stops_nothing(
    foreign: Path, location: object, tmp_path: Path
) -> None:
    forge(foreign, "UPDATE reference SET location = ? WHERE id = 3", location)
    with open_collection(foreign) as collection:
        assert [each.path for each in collection.verify()] == ["reference 3"]
        found = Finder(collection).find(tmp_path / "photos" / "0002.png", top=5).matches
        assert len(found) == 4
