"""Rows that somebody else forged lead to an error in three parts, or to nothing at all."""

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
from originid.errors import CollectionError
from originid.index import ExactIndex, OpenIndex
from originid.model import Model
from originid.testing import PlainIndex

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
def test_stored_vectors_of_another_form_are_an_error(
    foreign: Path, kind: str, where: str, engine: str, tmp_path: Path
) -> None:
    forge_code(foreign, CODES[kind](size(foreign)), where)
    photo = tmp_path / "photos" / "0000.png"
    with open_collection(foreign, open_index=ENGINES[engine]) as collection:
        with pytest.raises(CollectionError) as caught:
            Finder(collection).find(photo)
        assert str(foreign) in caught.value.given
        assert "vector" in caught.value.given
        assert caught.value.expected
        assert "index" in caught.value.todo


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
    assert status in (0, 1)
    assert "Traceback" not in errors
    if command == "find":
        assert status == 1
        assert "vector" in errors


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
    photo = tmp_path / "photos" / "0000.png"
    with open_collection(foreign) as collection:
        assert Finder(collection).find(photo).matches[0].score > 0.999
        forge_code(foreign, b"short", "id = 3")
        with pytest.raises(CollectionError):
            Finder(collection).find(photo)
