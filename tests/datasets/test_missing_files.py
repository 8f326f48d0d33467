"""Data sets of which files are not there: each is named, once, and nothing else is said."""

from dataclasses import replace
from pathlib import Path

import pytest

from originid.datasets import DATASETS, Dataset, absolute_name, missing_files, open_dataset
from originid.datasets.base import make_pair, read_text, require
from originid.errors import InputError
from originid.types import Pair


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Two pairs of one origin to judge, one to learn from, two folders of photos; all there."""
    for name in ("o.png", "q1.png", "q2.png", "to.png", "tq.png"):
        (tmp_path / name).touch()
    for name in ("photos", "more"):
        (tmp_path / name).mkdir()

    def pair(origin: str, query: str) -> Pair:
        return Pair(tmp_path / origin, tmp_path / query, origin)

    return Dataset(
        "x",
        (pair("to.png", "tq.png"),),
        (pair("o.png", "q1.png"), pair("o.png", "q2.png")),
        (tmp_path / "photos", tmp_path / "more"),
        "",
        "",
        "",
    )


def test_a_whole_data_set_misses_nothing(dataset: Dataset) -> None:
    assert list(missing_files(dataset)) == []


@pytest.mark.parametrize("name", ["o.png", "q1.png", "q2.png", "to.png", "tq.png"])
def test_each_file_is_missed_once(name: str, dataset: Dataset, tmp_path: Path) -> None:
    (tmp_path / name).unlink()
    assert list(missing_files(dataset)) == [tmp_path / name]


def test_a_folder_of_photos_is_missed(dataset: Dataset, tmp_path: Path) -> None:
    (tmp_path / "more").rmdir()
    assert list(missing_files(dataset)) == [tmp_path / "more"]


def test_everything_is_missed_in_order(dataset: Dataset, tmp_path: Path) -> None:
    elsewhere = replace(
        dataset,
        train=None,
        test=tuple(Pair(Path("no/o"), Path(f"no/{n}"), "g") for n in range(3)),
        photos=(Path("no/photos"),),
    )
    expected = [Path(f"no/{name}") for name in ("o", "0", "1", "2", "photos")]
    assert list(missing_files(elsewhere)) == expected


def test_a_broken_link_is_missed(dataset: Dataset, tmp_path: Path) -> None:
    (tmp_path / "q1.png").unlink()
    (tmp_path / "q1.png").symlink_to("gone.png")
    assert list(missing_files(dataset)) == [tmp_path / "q1.png"]


def test_it_looks_at_files_as_they_are_asked_for(dataset: Dataset, tmp_path: Path) -> None:
    """A set of two million is not looked through before the first is told."""
    (tmp_path / "q1.png").unlink()
    found = missing_files(dataset)
    assert next(found) == tmp_path / "q1.png"
    (tmp_path / "q2.png").unlink()
    assert list(found) == [tmp_path / "q2.png"]


# Parts, and where each comes from.


def test_every_part_that_lacks_is_named_with_its_source(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    parts = {"here": "A", "photos": "B", "list.csv": "C", "more": "B"}
    with pytest.raises(InputError) as caught:
        require("x", tmp_path, parts)
    error = caught.value
    assert error.given == f"data set x in {tmp_path} lacks photos, list.csv, more"
    assert error.expected == "expected them there; from B; C"
    assert "x:FOLDER" in error.todo


def test_nothing_lacks_where_all_is_there(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.csv").touch()
    require("x", tmp_path, {"a": "A", "a/b.csv": "A"})
    require("x", tmp_path, {})


@pytest.mark.parametrize("name", DATASETS)
def test_a_folder_that_is_not_there_lacks_all(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="lacks") as caught:
        open_dataset(f"{name}:{tmp_path / 'none'}")
    assert f"data set {name} in {tmp_path / 'none'}" in caught.value.given
    assert "docs/datasets.md" in caught.value.todo


@pytest.mark.parametrize("call", [open_dataset, absolute_name])
@pytest.mark.parametrize("text", ["", ":", "imagenet", "Realpairs", "pair:.", "/data/pairs"])
def test_a_name_that_is_none_lists_the_known(call: object, text: str) -> None:
    assert callable(call)
    with pytest.raises(InputError, match="expected one of realpairs, oripid, disc21") as caught:
        call(text)
    assert repr(text) in caught.value.given


def test_a_whole_name_says_where_the_data_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ORIGINID_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to("real")
    assert absolute_name("pairs:link") == f"pairs:{(tmp_path / 'real').resolve()}"
    assert absolute_name("oripid") == f"oripid:{tmp_path.resolve() / 'oripid'}"
    monkeypatch.setenv("ORIGINID_DATA", str(tmp_path / "data"))
    assert absolute_name("oripid") == f"oripid:{tmp_path.resolve() / 'data' / 'oripid'}"


def test_a_pair_has_whole_paths_and_its_source(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    (tmp_path / "link.png").symlink_to("a.png")
    pair = make_pair(tmp_path / "link.png", tmp_path / "x" / ".." / "b.png", "g", model="m")
    assert (pair.origin, pair.query) == (tmp_path / "a.png", tmp_path / "b.png")
    assert pair.group == "g"
    assert pair.fields == {
        "origin": str(tmp_path / "a.png"),
        "query": str(tmp_path / "b.png"),
        "source": "g",
        "model": "m",
    }


@pytest.mark.parametrize("data", [None, b"\xff\xfe\x00"])
def test_a_text_that_cannot_be_read_says_which(data: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(InputError, match=r"list\.txt"):
        read_text(path)


def test_a_text_without_its_mark(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfabc\n")
    assert read_text(tmp_path / "a.txt") == "abc\n"
