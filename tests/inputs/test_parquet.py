"""Parquet files: images in a column, addresses in a column, and what cannot be read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from originid.collection.adding import store_images
from originid.collection.collection import Collection
from originid.errors import InputError
from originid.inputs import parquet
from originid.inputs.manners import POLITE
from originid.inputs.parquet import ParquetImages, ParquetUrls, open_parquet
from originid.inputs.shard_file import Spool
from originid.types import Description, Failure

pa = pytest.importorskip("pyarrow", reason="needs the extra [stores]")
pq = pytest.importorskip("pyarrow.parquet", reason="needs the extra [stores]")
WritePhotos = Callable[..., list[Path]]


def write(path: Path, columns: dict[str, list[Any]], group: int = 100) -> Path:
    pq.write_table(pa.table(columns), path, row_group_size=group)
    return path


def test_images_in_a_column_are_indexed(
    collection: Collection, write_photos: WritePhotos, tmp_path: Path
) -> None:
    data = [photo.read_bytes() for photo in write_photos(20)]
    captions = [f"photo {number}" for number in range(20)]
    urls = [f"https://a.org/{number}" for number in range(20)]
    table = write(tmp_path / "a.parquet", {"jpg": data, "TEXT": captions, "url": urls}, 7)
    added = store_images(collection, [table])
    assert (added.added, added.failures) == (20, [])
    row = collection.database.at(f"{table}!/17")
    assert row is not None
    assert row.bytes == len(data[17])
    said = collection.database.descriptions([row.id])[row.id]
    assert said == Description(caption="photo 17", link="https://a.org/17")
    again = store_images(collection, [table])
    assert (again.added, again.unchanged) == (0, 20)
    assert collection.remove([str(table)]) == []
    assert len(collection) == 0


def test_rows_without_an_image_are_failures(
    collection: Collection, write_photos: WritePhotos, tmp_path: Path
) -> None:
    photo = write_photos(1)[0].read_bytes()
    images = [{"bytes": photo, "path": "a.png"}, None, {"bytes": None, "path": "b"},
              {"bytes": b"", "path": ""}, {"bytes": b"no image", "path": "c"}]  # fmt: skip
    table = write(tmp_path / "a.parquet", {"Image": images, "caption": [1, 2, 3, 4, 5]})
    added = store_images(collection, [table])
    assert added.added == 1
    assert {each.path for each in added.failures} == {f"{table}!/{n}" for n in range(1, 5)}
    # Text in the column of images is none either.
    text = write(tmp_path / "b.parquet", {"image": ["a", "b"]})
    assert len(store_images(collection, [text]).failures) == 2


def test_addresses_in_a_column_are_a_list(tmp_path: Path) -> None:
    rows: dict[str, list[Any]] = {
        "URL": ["https://a.org/1.jpg", None, "file:///etc/passwd"],
        "caption": ["a", "b", "c"],
    }
    table = write(tmp_path / "a.parquet", rows)
    opened = open_parquet(str(table), POLITE)
    assert isinstance(opened, ParquetUrls)
    failures: list[Failure] = []
    (source,) = opened.listed(failures.append)
    assert (source.name, source.description) == ("https://a.org/1.jpg", Description("a"))
    assert [each.path for each in failures] == [f"{table}, row 1", f"{table}, row 2"]


def test_what_is_no_such_file_has_a_reason(collection: Collection, tmp_path: Path) -> None:
    other = write(tmp_path / "other.parquet", {"label": [1, 2]})
    with pytest.raises(InputError, match="the columns label"):
        open_parquet(str(other), POLITE)
    text = tmp_path / "text.parquet"
    text.write_text("no parquet")
    empty = tmp_path / "empty.parquet"
    empty.touch()
    added = store_images(collection, [other, text, empty])
    assert [each.path for each in added.failures] == [str(other), str(text), str(empty)]


def test_a_damaged_file_is_read_as_far_as_it_goes(
    collection: Collection, write_photos: WritePhotos, tmp_path: Path
) -> None:
    data = [photo.read_bytes() for photo in write_photos(8)]
    table = write(tmp_path / "a.parquet", {"image": data}, 4)
    second = pq.ParquetFile(table).metadata.row_group(1).column(0)
    start = second.dictionary_page_offset
    damaged = bytearray(table.read_bytes())
    damaged[start : start + 40] = b"\xff" * 40
    table.write_bytes(bytes(damaged))
    added = store_images(collection, [table])
    assert added.added == 4
    assert [each.path for each in added.failures] == [str(table)]
    assert "from row 4 on" in added.failures[0].reason


def test_a_row_group_that_would_fill_the_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = write(tmp_path / "a.parquet", {"image": [b"x" * 5000]})
    monkeypatch.setattr(parquet, "MOST_GROUP", 4000)
    failures: list[Failure] = []
    assert list(ParquetImages(str(table)).members(failures.append)) == []
    assert "row group" in failures[0].reason


def test_the_files_of_a_spool_are_gone_with_its_readers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(Spool, "MOST", 4)
    spool = Spool()
    places = [spool.put(data) for data in (b"abc", b"def", b"ghi")]
    assert [start for _, start in places] == [0, 3, 0]
    assert len(list(tmp_path.iterdir())) == 2
    del places[:2]
    assert len(list(tmp_path.iterdir())) == 1
    del spool, places[:]
    assert list(tmp_path.iterdir()) == []
