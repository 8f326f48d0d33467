"""Descriptions and small pictures: stored, kept, given by a table, and shown with matches."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from descriptions import write_described
from earlier_formats import TO_4
from fixture_types import WritePhotos
from originid.collection.adding import store_images
from originid.collection.collection import Collection, open_collection
from originid.collection.describing import describe_references, read_descriptions
from originid.errors import InputError
from originid.finder import Finder
from originid.images.decode import decode
from originid.types import Description
from sqlite_of import sqlite_of

PIER = Description("A pier", "An Agency")


def said(collection: Collection) -> list[Description | None]:
    ids = [row.id for row in collection.references()]
    found = collection.database.descriptions(ids)
    return [found.get(key) for key in ids]


def test_what_a_file_says_is_stored_copied_and_removed_with_it(
    collection: Collection, tmp_path: Path, write_photos: WritePhotos
) -> None:
    photo = write_described(tmp_path / "a.jpg", 1, "A pier")
    store_images(collection, [photo, *write_photos(1)])
    assert said(collection) == [PIER, None]
    copy = Path(shutil.copy(photo, tmp_path / "b.jpg"))  # its content is known: it is not decoded
    store_images(collection, [copy])
    assert said(collection) == [PIER, None, PIER]
    write_described(photo, 2, "A bridge", "")  # the file says less: the credit stays
    store_images(collection, [photo])
    assert said(collection) == [None, PIER, Description("A bridge", "An Agency")]
    collection.remove([str(photo), str(copy)])
    assert collection.database.count_described() == 0


def test_matches_have_the_description(collection: Collection, tmp_path: Path) -> None:
    photo = write_described(tmp_path / "a.jpg", 1, "A pier")
    store_images(collection, [photo])
    (row,) = collection.references()
    finder = Finder(collection)
    (match,) = finder.find(str(photo)).matches
    assert (match.id, match.description) == (row.id, PIER)
    assert finder.compare(str(photo), str(photo)).description == PIER
    assert match.to_json()["description"]["caption"] == "A pier"


def test_a_table_describes_by_path_and_by_content(
    collection: Collection, tmp_path: Path, write_photos: WritePhotos
) -> None:
    photos = write_photos(3)
    store_images(collection, photos)
    table = tmp_path / "table.csv"
    table.write_text(
        "File,ignored,Caption,link\n"
        f"photos/{photos[0].name},x,First,https://example.org/1\n"
        f"{photos[1]},x,Second,\n"
        "photos/none.png,x,Nothing,\n"
        ",x,Nothing,\n"
    )
    done = describe_references(collection, read_descriptions(table))
    assert (done.described, done.unknown) == (2, [str(tmp_path / "photos/none.png")])
    assert (done.columns, done.links) == (("ignored",), [])
    first, second, third = said(collection)
    assert first == Description("First", link="https://example.org/1")
    assert (second, third) == (Description("Second"), None)
    content = list(collection.references())[1].sha256.hex()
    table.write_text(f"sha256,credit,caption\n{content.upper()},Me,\n{'0' * 64},Me,\n")
    done = describe_references(collection, read_descriptions(table))
    assert (done.described, done.unknown) == (1, ["0" * 64])
    assert said(collection)[1] == Description("Second", "Me")  # an empty cell says nothing


def test_links_that_are_none_are_named_and_not_kept(
    collection: Collection, tmp_path: Path, write_photos: WritePhotos
) -> None:
    photos = write_photos(2)
    store_images(collection, photos)
    table = tmp_path / "table.csv"
    table.write_text(f"file,link\n{photos[0]},javascript:alert(1)\n{photos[1]},https://a.org/1\n")
    done = describe_references(collection, read_descriptions(table))
    assert done.links == ["javascript:alert(1)"]
    assert said(collection) == [None, Description(link="https://a.org/1")]


@pytest.mark.parametrize(("divider", "name"), [(";", "semicolons"), ("\t", "tabs")])
def test_a_table_with_another_divider_is_recognised(
    tmp_path: Path, divider: str, name: str
) -> None:
    table = tmp_path / "table.csv"
    table.write_text(divider.join(("file", "caption")) + "\n" + divider.join("ab") + "\n")
    with pytest.raises(InputError) as caught:
        read_descriptions(table)
    assert caught.value.todo == f"its columns seem to be divided by {name}: save it with commas"


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("path,caption\n", "has the columns path, caption"),
        ("file,title\n", "has the columns file, title"),
        ("", "has the columns of no header"),
        ("file,caption\na,b,c\n", "line 2 has 3 cells"),
    ],
)
def test_other_tables_are_refused_before_anything_is_done(
    tmp_path: Path, text: str, given: str
) -> None:
    table = tmp_path / "table.csv"
    table.write_text(text)
    with pytest.raises(InputError) as caught:
        read_descriptions(table)
    assert given in caught.value.given


def test_small_pictures_are_stored_for_all_once_they_are_wanted(
    collection: Collection, tmp_path: Path, write_photos: WritePhotos
) -> None:
    old, new = write_photos(2), write_photos(2, first=2)
    database = collection.database
    assert store_images(collection, old).added == 2
    assert database.count_thumbnails() == 0
    # Those that lack one are read once more; later ones get one without being asked.
    assert store_images(collection, old, thumbnails=True).updated == 2
    assert store_images(collection, old).unchanged == 2
    assert store_images(collection, new).added == 2
    copy = Path(shutil.copy(new[0], tmp_path / "copy.png"))
    assert store_images(collection, [copy]).added == 1
    ids = [row.id for row in collection.references()]
    pictures = [database.thumbnail(key) for key in ids]
    assert pictures[-1] == pictures[-3]
    for row, picture in zip(collection.references(), pictures, strict=True):
        assert picture is not None
        shape = decode(picture).image.shape[:2]
        assert shape == (row.height, row.width) or max(shape) == 256
    collection.remove([str(path) for path in (*old, *new, copy)])
    assert database.count_thumbnails() == 0


def test_collections_of_format_4_have_none_until_something_is_added(
    collection: Collection, tmp_path: Path, write_photos: WritePhotos
) -> None:
    photo = write_described(tmp_path / "a.jpg", 1, "A pier")
    store_images(collection, [photo])
    collection.close()
    with closing(sqlite3.connect(collection.path / "collection.sqlite")) as connection:
        for statement in TO_4:
            connection.execute(statement)
        connection.commit()
    with open_collection(collection.path) as opened:
        (row,) = opened.references()
        assert said(opened) == [None]
        assert opened.database.thumbnail(row.id) is None
        assert opened.database.count_described() == opened.database.count_thumbnails() == 0
        assert Finder(opened).find(str(photo)).matches[0].description is None
        store_images(opened, write_photos(1))
        assert said(opened) == [None, None]


def test_values_of_strangers_are_passed_over(
    collection: Collection, tmp_path: Path, write_photos: WritePhotos
) -> None:
    store_images(collection, write_photos(2), thumbnails=True)
    ids = [row.id for row in collection.references()]
    with collection.database.writing():
        execute = sqlite_of(collection)._connection.execute
        execute("INSERT INTO description VALUES (?, x'00', '', '', '', '')", (ids[0],))
        row = "INSERT INTO description VALUES (?, ?, '', '', '', 'javascript:alert(1)')"
        execute(row, (ids[1], "\x1b[31mred" + "x" * 9000))
        execute("UPDATE thumbnail SET jpeg = '<svg>' WHERE id = ?", (ids[0],))
        execute("UPDATE thumbnail SET jpeg = zeroblob(2000000) WHERE id = ?", (ids[1],))
    first, second = said(collection)
    assert first is None
    assert second is not None
    assert (second.caption[:8], len(second.caption), second.link) == ("[31mredx", 2000, "")
    assert [collection.database.thumbnail(key) for key in ids] == [None, None]


def test_the_command_describes_and_find_shows_it(
    run: Any, tmp_path: Path, write_photos: WritePhotos
) -> None:
    photos = write_photos(2)
    table = tmp_path / "table.csv"
    table.write_text(f"file,caption,licence\n{photos[0]},=A pier,CC0\nnone.png,x,y\n")
    into = tmp_path / "c"
    status, out, err = run(
        "index", tmp_path / "photos", "--into", into, "--metadata", table, "--thumbnails"
    )
    assert status == 0
    assert f"{table}: 1 reference described" in out
    assert f"not in the collection: {tmp_path / 'none.png'}" in err
    status, out, _ = run(
        "index", tmp_path / "photos", "--into", into, "--metadata", table, "--json"
    )
    found = json.loads(out)
    assert (found["described"], found["not_described"]) == (1, [str(tmp_path / "none.png")])
    shown = json.loads(run("show", into, "--json")[1])
    assert (shown["described"], shown["thumbnails"]) == (1, 2)
    assert "      =A pier\n      CC0\n" in run("find", photos[0], "--in", into)[1]
    answer = json.loads(run("find", photos[0], "--in", into, "--json")[1])
    assert answer["matches"][0]["description"]["licence"] == "CC0"
    table.write_text("nothing\n")
    assert run("index", tmp_path, "--into", tmp_path / "d", "--metadata", table)[0] == 1
    assert not (tmp_path / "d").exists()
