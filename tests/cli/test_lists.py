"""Lists of paths: one parser for index -, remove - and find --list."""

import io
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixture_types import Run, WritePhotos
from originid.cli import lists
from originid.cli.lists import looks_like_list, read_list
from originid.errors import InputError
from originid.model import Model

Give = Callable[[bytes], None]
linux = pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes")


@pytest.fixture
def give(monkeypatch: pytest.MonkeyPatch) -> Give:
    """Gives bytes to standard input."""

    def set_stdin(data: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))

    return set_stdin


def read(data: bytes, null: bool = False) -> list[str]:
    return list(lists._paths(data, "the list", null))


def refused(data: bytes, null: bool = False) -> InputError:
    with pytest.raises(InputError) as caught:
        read(data, null)
    return caught.value


@pytest.mark.parametrize(
    ("data", "paths"),
    [
        (b"", []),
        (b"\n\r\n  \n\t\n", []),
        (b"a.jpg\nb.jpg\n", ["a.jpg", "b.jpg"]),
        (b"a.jpg\r\nb.jpg", ["a.jpg", "b.jpg"]),
        (b" a.jpg \n\tb.jpg\n", [" a.jpg ", "\tb.jpg"]),
        (b"a.jpg\r\r\n", ["a.jpg\r"]),  # one of them belongs to the end of the line
        ("grüße/日本.jpg\n".encode(), ["grüße/日本.jpg"]),
        (b"\xef\xbb\xbfa.jpg\nb.jpg", ["a.jpg", "b.jpg"]),
        ("\ufeffgrüße.jpg\r\nb.jpg\r\n".encode("utf-16-le"), ["grüße.jpg", "b.jpg"]),
        ("\ufeffgrüße.jpg\nb.jpg".encode("utf-16-be"), ["grüße.jpg", "b.jpg"]),
        ("\ufeffa.jpg\n".encode("utf-32-le"), ["a.jpg"]),
        (b"-\n--in\n#.jpg\n", ["-", "--in", "#.jpg"]),
    ],
)
def test_a_list_has_a_path_a_line(data: bytes, paths: list[str]) -> None:
    assert read(data) == paths


@pytest.mark.parametrize(
    ("data", "paths"),
    [
        (b"", []),
        (b"a\0b\0", ["a", "b"]),
        (b"a\nb\0 \0c\r\0\0", ["a\nb", " ", "c\r"]),
        (b"a.jpg\nb.jpg\n", ["a.jpg\nb.jpg\n"]),  # nothing is guessed
        (b"\xef\xbb\xbfa\0b", ["a", "b"]),
    ],
)
def test_nul_stands_between_paths_when_it_is_asked_for(data: bytes, paths: list[str]) -> None:
    assert read(data, null=True) == paths


@given(st.lists(st.text(min_size=1).filter(lambda t: "\0" not in t and t[0] != "\ufeff")))
def test_every_name_comes_through_nul(names: list[str]) -> None:
    names = [name for name in names if name.isprintable()]
    assert read("".join(f"{name}\0" for name in names).encode(), null=True) == names


@given(st.binary(max_size=40), st.booleans())
def test_any_bytes_are_paths_or_an_error_in_three_parts(data: bytes, null: bool) -> None:
    try:
        paths = read(data, null)
    except InputError as error:
        given, expected, todo = error.args
        paths = ["." if "the list" in given and expected.startswith("expected") and todo else ""]
    assert all(path and "\0" not in path for path in paths)


def test_nul_without_the_option_is_refused() -> None:
    error = refused(b"a.jpg\nb.jpg\0c.jpg\0")
    assert error.given == "the list has a NUL character in line 2"
    assert error.todo.startswith("add -0 if NUL stands between the paths")
    assert "has a NUL character" in refused("a.jpg\n".encode("utf-16-le")).given  # no mark


def test_what_is_not_utf8_is_refused_by_its_line() -> None:
    error = refused(b"a.jpg\n\ncaf\xe9.jpg\n")
    assert error.given.startswith("line 3 of the list is not UTF-8")
    assert error.given.endswith(r"caf\xe9.jpg")
    assert refused(b"a\0caf\xe9\0", null=True).given.startswith("path 2 of the list")
    assert "is not whole" in refused(b"\xff\xfea\0\x00\xd8").given


@linux
def test_a_file_of_that_very_name_is_taken(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/caf\xe9.jpg"
    Path(os.fsdecode(name)).touch()
    assert read(name + b"\nb.jpg\n") == [os.fsdecode(name), "b.jpg"]
    assert read(b"\xef\xbb\xbf" + name) == [os.fsdecode(name)]


def test_a_list_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for name in (str(tmp_path / "gone"), str(tmp_path), "null\0"):
        with pytest.raises(InputError) as caught:
            read_list(name, null=False, yes=False)
        assert caught.value.given.startswith(f"the list {name}: ")


def test_a_stray_line_does_not_take_a_whole_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(7):
        (tmp_path / "big" / str(number % 2)).mkdir(parents=True, exist_ok=True)
        (tmp_path / "big" / str(number % 2) / f"{number}.txt").touch()
    paths = tmp_path / "paths.txt"
    paths.write_text(f"{tmp_path / 'big' / '0'}\n{tmp_path / 'big'}\n", encoding="utf-8")
    assert len(read_list(str(paths), False, yes=False)) == 2
    monkeypatch.setattr(lists, "MOST_FILES", 6)
    with pytest.raises(InputError) as caught:
        read_list(str(paths), False, yes=False)
    assert caught.value.given == f"{tmp_path / 'big'} on the list {paths} holds 7 files"
    assert "--yes" in caught.value.todo
    assert len(read_list(str(paths), False, yes=True)) == 2
    monkeypatch.setattr(lists, "COUNTING", -1.0)
    with pytest.raises(InputError, match="holds more than 7 files"):
        read_list(str(paths), False, yes=False)


@pytest.mark.parametrize(
    ("data", "is_list"),
    [
        (b"photos/a.jpg\nphotos/b.jpg\n", True),
        (b"photos/a.jpg\0photos/b.jpg\0", True),
        ("\ufeffa.jpg\n".encode("utf-16-le"), True),
        (b"", False),
        (b"\n\n", False),
        (b"hello world\n", False),
        (b"\x89PNG\r\n\x1a\n", False),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", False),
        (bytes(range(256)), False),
    ],
)
def test_what_looks_like_a_list(data: bytes, is_list: bool) -> None:
    assert looks_like_list(data) == is_list


# The commands


def test_find_searches_for_what_is_on_a_list(indexed: Path, tmp_path: Path, run: Run) -> None:
    photos = indexed.parent / "photos"
    paths = tmp_path / "paths.txt"
    (tmp_path / "few").mkdir()
    shutil.copy(photos / "0007.png", tmp_path / "few" / "a")
    text = f"{photos / '0001.png'}\r\n\r\n{tmp_path / 'gone.png'}\r\n{tmp_path / 'few'}\r\n"
    paths.write_bytes(text.encode())
    status, out, err = run("find", photos / "0003.png", "--list", paths, "--in", indexed, "--json")
    answers = [json.loads(line) for line in out.splitlines()]
    assert (status, err) == (0, "")
    names = ["0003.png", "0001.png", "gone.png", "a"]
    assert [Path(answer["query"]).name for answer in answers] == names
    assert [answer["verdict"] for answer in answers] == ["origin", "origin", None, "origin"]


def test_find_reads_a_list_from_standard_input(indexed: Path, run: Run, give: Give) -> None:
    photos = indexed.parent / "photos"
    give(os.fsencode(f"{photos / '0001.png'}\0{photos / '0002.png'}\0"))
    status, out, _ = run("find", "--list", "-", "-0", "--in", indexed, "--json")
    assert (status, len(out.splitlines())) == (0, 2)
    give(os.fsencode(f"{photos / '0001.png'}\0"))
    status, _, err = run("find", "--list", "-", "--in", indexed)
    assert status == 1
    assert "add -0" in err


def test_find_says_that_a_list_is_no_image(indexed: Path, run: Run, give: Give) -> None:
    give(os.fsencode(indexed.parent / "photos" / "0001.png"))
    status, out, _ = run("find", "-", "--in", indexed, "--json")
    answer = json.loads(out)
    assert (status, answer["query"], answer["verdict"]) == (1, "-", None)
    assert answer["error"].startswith("a list of paths")
    assert "--list -" in answer["error"]
    give(b"neither")
    assert "not an image" in json.loads(run("find", "-", "--in", indexed, "--json")[1])["error"]


@pytest.mark.parametrize(
    "arguments", [("find", "q", "--in"), ("index", "q", "--into"), ("remove", "q", "--from")]
)
def test_nul_needs_a_list(arguments: tuple[str, ...], indexed: Path, run: Run) -> None:
    status, _, err = run(*arguments, indexed, "-0")
    assert status == 2
    assert "-0 says how a list is written" in err


def test_find_wants_a_query(indexed: Path, tmp_path: Path, run: Run) -> None:
    status, _, err = run("find", "--in", indexed)
    assert status == 2
    assert "--list FILE" in err
    (tmp_path / "empty.txt").touch()
    status, out, err = run("find", "--list", tmp_path / "empty.txt", "--in", indexed)
    assert (status, out) == (1, "")
    assert "there are no paths on this list" in err


def test_remove_reads_a_list(
    indexed: Path, run: Run, give: Give, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = indexed.parent / "photos"
    give(f"{photos / '0001.png'}\n{photos / '0002.png'}\nother.png\n".encode())
    status, out, _ = run("remove", "-", "--from", indexed, "--json")
    done = json.loads(out)
    assert (status, done["removed"], done["unknown"]) == (1, 2, ["other.png"])
    monkeypatch.setattr(lists, "MOST_FILES", 20)
    give(os.fsencode(photos))
    status, _, err = run("remove", "-", "--from", indexed)
    assert status == 1
    assert "holds 28 references" in err
    give(os.fsencode(photos))
    assert run("remove", "-", "--yes", "--from", indexed)[0] == 0


def test_index_refuses_a_stray_line(
    tmp_path: Path, model: Model, write_photos: WritePhotos, run: Run, give: Give,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    write_photos(3)
    monkeypatch.setattr(lists, "MOST_FILES", 2)
    options = ["--into", tmp_path / "c", "--model", model.folder]
    give(os.fsencode(tmp_path / "photos"))
    status, _, err = run("index", "-", *options)
    assert status == 1
    assert "holds 3 files" in err
    assert not (tmp_path / "c").exists()
    assert run("index", tmp_path / "photos", *options)[0] == 0  # an argument is meant
    give(os.fsencode(tmp_path / "photos"))
    assert run("index", "-", "--yes", *options)[0] == 0
