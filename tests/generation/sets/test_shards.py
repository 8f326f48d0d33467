"""The rows of a set: what is kept, what is believed, and who may write."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from originid.errors import InputError, StorageError
from originid.generation.sets.rows import ImageSetRow
from originid.generation.sets.shards import ImageSet, SetSettings, Shard


@pytest.fixture
def image_set(tmp_path: Path) -> ImageSet:
    made = ImageSet.open(tmp_path / "set", SetSettings())
    made.begin()
    return made


def row(number: int, **changes: object) -> ImageSetRow:
    made = ImageSetRow(
        f"key{number}",
        f"{number:064x}",
        f"../photos/{number}.jpg",
        f"images/00/{number}.jpg",
        'a cat, "quoted"\nand more',
        "sd2",
        "image-to-image",
        0.5,
        0,
        1.25,
        1000,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def refusal(number: int) -> ImageSetRow:
    return row(number, query="", reason="refused", seconds=0.0, bytes=0)


def claimed(image_set: ImageSet, name: str = "00") -> Shard:
    shard = image_set.claim(name)
    assert shard is not None
    return shard


def add(image_set: ImageSet, *rows: ImageSetRow) -> None:
    shard = claimed(image_set)
    images = {Path(each.query).name: each.query.encode() for each in rows if each.query}
    shard.add(rows, images)
    shard.close()


def test_rows_come_back_sorted_by_origin_and_key(image_set: ImageSet) -> None:
    rows = [row(3), row(1), refusal(2), row(1, key="another", query="images/00/1b.jpg")]
    add(image_set, *rows)
    made, failed = image_set.rows("00")
    assert made == [rows[3], rows[1], rows[0]]
    assert failed == [rows[2]]
    assert image_set.shards() == ["00"]
    assert (image_set.folder / "images/00/3.jpg").read_bytes() == b"images/00/3.jpg"


def test_what_is_default_is_not_stated(image_set: ImageSet) -> None:
    add(image_set, row(1, strength=None, seconds=0.0))
    (line,) = (image_set.folder / "images/00/rows.jsonl").read_text().splitlines()
    assert "strength" not in json.loads(line)
    assert "reason" not in json.loads(line)
    assert image_set.rows("00")[0] == [row(1, strength=None, seconds=0.0)]


def test_a_shard_knows_what_it_has(image_set: ImageSet) -> None:
    add(image_set, row(1), refusal(2))
    shard = claimed(image_set)
    assert (shard.has("key1"), shard.has_failed("key1"), shard.has_image("1.jpg")) == (
        True,
        False,
        True,
    )
    assert (shard.has("key2"), shard.has_failed("key2")) == (False, True)
    assert not shard.has("key3")
    shard.add([row(3)], {"3.jpg": b"x"})
    assert shard.has("key3")
    assert shard.has_image("3.jpg")
    shard.close()


def test_a_success_makes_up_for_a_failure(image_set: ImageSet) -> None:
    add(image_set, refusal(1))
    add(image_set, row(1))
    assert image_set.rows("00") == ([row(1)], [])


def test_a_success_makes_up_for_the_failure_of_the_whole_origin(image_set: ImageSet) -> None:
    add(image_set, replace(refusal(1), key=""), refusal(2))
    add(image_set, row(1))
    assert image_set.rows("00") == ([row(1)], [refusal(2)])


def test_a_row_without_its_image_is_not_made(image_set: ImageSet) -> None:
    add(image_set, row(1), row(2))
    (image_set.folder / "images/00/1.jpg").unlink()
    assert image_set.rows("00")[0] == [row(2)]
    shard = claimed(image_set)
    assert not shard.has("key1")
    assert shard.has("key2")
    shard.close()


def test_a_row_that_is_there_twice_counts_once(image_set: ImageSet) -> None:
    add(image_set, row(1), row(1))
    add(image_set, row(1))
    assert image_set.rows("00")[0] == [row(1)]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cut=st.floats(0, 1))
def test_a_file_cut_anywhere_keeps_whole_rows(cut: float, image_set: ImageSet) -> None:
    file = image_set.folder / "images/00/rows.jsonl"
    if file.exists():
        file.unlink()
    add(image_set, *(row(number) for number in range(5)))
    data = file.read_bytes()
    file.write_bytes(data[: int(cut * len(data))])
    whole = data[: int(cut * len(data))].count(b"\n")
    assert image_set.rows("00")[0] == [row(number) for number in range(whole)]
    add(image_set, row(9))  # goes on after the last whole line
    assert image_set.rows("00")[0] == [*(row(number) for number in range(whole)), row(9)]
    assert file.read_bytes().count(b"\n") == whole + 1


@pytest.mark.parametrize(
    "line", [b"", b"null", b"[]", b"{", b"\0\0\0", b'{"colour": 1}', b"\xff", b'"x"', b"3"]
)
def test_a_line_that_is_no_row_is_passed_over(line: bytes, image_set: ImageSet) -> None:
    add(image_set, row(1))
    file = image_set.folder / "images/00/rows.jsonl"
    file.write_bytes(line + b"\n" + file.read_bytes())
    assert image_set.rows("00") == ([row(1)], [])


def test_what_a_dead_process_left_is_cleared_away(image_set: ImageSet) -> None:
    add(image_set, row(1))
    folder = image_set.folder / "images/00"
    (folder / ".2.jpg.tmp").write_bytes(b"half")
    claimed(image_set).close()
    assert sorted(path.name for path in folder.iterdir()) == ["1.jpg", "rows.jsonl"]


def test_one_worker_at_a_shard(image_set: ImageSet) -> None:
    first = claimed(image_set)
    assert image_set.claim("00") is None
    other = claimed(image_set, "01")
    first.close()
    claimed(image_set).close()
    other.close()


def test_a_disk_that_refuses_loses_no_row(
    image_set: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    add(image_set, row(1))
    shard = claimed(image_set)
    with monkeypatch.context() as patch:
        patch.setattr("originid.generation.sets.shards.os.replace", refuse)
        with pytest.raises(StorageError, match="No space left"):
            shard.add([row(2)], {"2.jpg": b"x"})
    assert not shard.has("key2")
    assert not shard.has_image("2.jpg")
    shard.add([row(2)], {"2.jpg": b"x"})
    shard.close()
    assert image_set.rows("00")[0] == [row(1), row(2)]


def test_opening_writes_nothing(tmp_path: Path) -> None:
    opened = ImageSet.open(tmp_path / "new", SetSettings())
    assert not opened.begun
    assert opened.shards() == []
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"format": 2, "test": 0.0}', '{"format": 1}', '{"format": 1, "test": 0.5}'],
)
def test_a_set_of_another_kind_is_refused(text: str, image_set: ImageSet) -> None:
    (image_set.folder / "set.json").write_text(text)
    with pytest.raises(InputError, match=r"set"):
        ImageSet.open(image_set.folder, SetSettings())
