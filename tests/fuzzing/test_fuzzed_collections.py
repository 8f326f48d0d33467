"""Files of a collection with any bytes in them: the right answer, or one of our errors, soon.

What is made from the database (`index.bin` and others) is made again if it is damaged. Nothing
outside of the collection's folder is opened. How to try more files is in `any_bytes`.
"""

import json
import shutil
import sqlite3
import struct
import zlib
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from any_bytes import damaged, fuzz, only_inside, ours_only, with_any_value
from originid import cli
from originid.answer import Answer
from originid.collection.adding import store_images
from originid.collection.collection import Collection, create_collection, open_collection
from originid.finder import Finder
from originid.index.cache import PREFIX
from originid.model import Model
from originid.testing import write_photos

DATABASE, DERIVED = "collection.sqlite", ("index.bin", "shortlist.bin", "words.bin")
PHOTOS, PAGE = 8, 16384
LEAVES = (0x0D, 0x05, 0x0A, 0x02)  # kinds of pages: leaves and inner pages of tables and indices


def answers(collection: Collection, queries: Path) -> list[Answer]:
    """What is found: a reference at the first look, and a stranger at second ones."""
    assert len(collection.low_frequencies()) == len(collection.detail_words()) == len(collection)
    return list(Finder(collection).find(sorted(queries.iterdir()), top=3))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, model: Model) -> Path:
    """A folder with a collection of which some is still in the write-ahead log, and queries."""
    folder = tmp_path_factory.mktemp("made")
    photos = write_photos(folder / "photos", PHOTOS)
    write_photos(folder / "queries", 1)
    write_photos(folder / "queries", 1, first=100)
    with create_collection(folder / "c", model) as collection:
        store_images(collection, photos[:4], details=True)
    with open_collection(folder / "c") as collection:
        store_images(collection, photos[4:])
        collection.remove([str(photos[1])])
        answers(collection, folder / "queries")
        shutil.copytree(folder / "c", folder / "collection")  # as it is while it is open
    shutil.rmtree(folder / "c")
    return folder


@pytest.fixture(scope="module")
def right(made: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Answer]:
    """The answers of the collection as it is."""
    folder = Path(shutil.copytree(made / "collection", tmp_path_factory.mktemp("right") / "c"))
    with open_collection(folder) as collection:
        found = answers(collection, made / "queries")
    assert found[0].matches[0].reference == str(made / "photos" / "0000.png")
    return found


@pytest.fixture
def copied(made: Path, tmp_path: Path) -> Path:
    """A folder for copies of the collection, with a file beside them that stays as it is."""
    (tmp_path / "beside").write_bytes(b"untouched")
    return tmp_path


def fresh(made: Path, copied: Path) -> Path:
    folder = copied / "collection"
    shutil.rmtree(folder, ignore_errors=True)
    return Path(shutil.copytree(made / "collection", folder))


def use(folder: Path, made: Path) -> None:
    """Read, search, check, add and remove; what a collection names may be read."""
    with ours_only(), only_inside(folder, made), open_collection(folder) as collection:
        list(collection.references())
        collection.failures()
        answers(collection, made / "queries")
    with ours_only(), only_inside(folder, made):
        assert cli.run(["show", str(folder), "--verify"]) in (0, 1)
    with ours_only(), only_inside(folder, made), open_collection(folder) as collection:
        store_images(collection, [made / "queries"])
        collection.remove([str(made / "photos" / "0002.png")])
    assert sorted(each.name for each in folder.parent.iterdir()) == ["beside", "collection"]
    assert (folder.parent / "beside").read_bytes() == b"untouched"


@pytest.mark.parametrize("name", DERIVED)
@fuzz(10)
@given(data=st.data())
def test_a_derived_file_of_any_bytes_is_made_again(
    name: str, made: Path, copied: Path, right: list[Answer], data: st.DataObject
) -> None:
    folder = fresh(made, copied)
    file = folder / name
    file.write_bytes(data.draw(damaged(file.read_bytes()) | st.binary(max_size=80)))
    with only_inside(folder, made), open_collection(folder) as collection:
        assert answers(collection, made / "queries") == right
    assert sorted(each.name for each in copied.iterdir()) == ["beside", "collection"]


@pytest.mark.parametrize("name", DERIVED)
@fuzz(10)
@given(data=st.data())
def test_a_derived_file_with_any_header_is_made_again(
    name: str, made: Path, copied: Path, right: list[Answer], data: st.DataObject
) -> None:
    folder = fresh(made, copied)
    file = folder / name
    whole = file.read_bytes()
    magic, version, length, _ = PREFIX.unpack_from(whole)
    header = json.loads(whole[PREFIX.size : PREFIX.size + length])
    text = data.draw(
        with_any_value(header).map(lambda value: json.dumps(value).encode())
        | st.sampled_from([b"[" * 100_000, b'{"parts":' * 9_000, b"1" * 9_000, b"null", b"1e999"])
    )
    head = PREFIX.pack(magic, version, len(text), zlib.crc32(text)) + text
    file.write_bytes(head + whole[PREFIX.size + length :])
    with only_inside(folder, made), open_collection(folder) as collection:
        assert answers(collection, made / "queries") == right


@st.composite
def damaged_pages(draw: st.DrawFn, data: bytes) -> bytes:
    """A database some of whose pages are changed, exchanged or missing."""
    pages = [data[at : at + PAGE] for at in range(0, len(data), PAGE)]
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(pages) - 1))
        how = draw(st.sampled_from(["bytes", "bytes", "header", "cells", "exchange", "end"]))
        page = bytearray(pages[place])
        start = 100 if place == 0 else 0  # the first one begins with the header of the file
        if how == "bytes":
            pages[place] = draw(damaged(bytes(page)))[:PAGE].ljust(PAGE, b"\0")
        elif how == "header":
            numbers = (
                draw(st.sampled_from(LEAVES)),
                *draw(st.tuples(*[st.integers(0, 65535)] * 3)),
            )
            struct.pack_into(">BHHHB", page, start, *numbers, 0)
            pages[place] = bytes(page)
        elif how == "cells":
            at = start + 8 + 2 * draw(st.integers(0, 20))
            struct.pack_into(">H", page, at, draw(st.integers(0, 65535)))
            pages[place] = bytes(page)
        elif how == "exchange":
            other = draw(st.integers(0, len(pages) - 1))
            pages[place], pages[other] = pages[other], pages[place]
        else:
            pages = pages[: max(1, place)]
    return b"".join(pages)


@fuzz(25)
@given(data=st.data())
def test_a_database_of_any_pages(made: Path, copied: Path, data: st.DataObject) -> None:
    folder = fresh(made, copied)
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    file = folder / DATABASE
    file.write_bytes(data.draw(damaged_pages(file.read_bytes())))
    use(folder, made)


@fuzz(12)
@given(data=st.data())
def test_a_database_with_any_log(made: Path, copied: Path, data: st.DataObject) -> None:
    folder = fresh(made, copied)
    log = folder / f"{DATABASE}-wal"
    assert log.stat().st_size
    (folder / f"{DATABASE}-shm").unlink()
    log.write_bytes(data.draw(damaged(log.read_bytes()) | st.binary(max_size=80)))
    use(folder, made)


@fuzz(5)
@given(data=st.data())
def test_a_database_with_any_shared_memory(made: Path, copied: Path, data: st.DataObject) -> None:
    folder = fresh(made, copied)
    shared = folder / f"{DATABASE}-shm"
    shared.write_bytes(data.draw(damaged(shared.read_bytes()) | st.binary(max_size=80)))
    use(folder, made)
