import csv
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from originid.datasets.pairs import image_paths, read_pairs, readable_pairs
from originid.errors import InputError
from originid.types import Failure


def manifest(folder: Path, text: str | bytes) -> Path:
    path = folder / "pairs.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def error(path: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        read_pairs(path)
    return caught.value


def test_paths_are_relative_to_the_manifest_and_columns_pass_through(tmp_path: Path) -> None:
    path = manifest(tmp_path, 'origin,query,kind,prompt\nin/a.jpg,b.jpg,sdedit,"a cat, red"\n')
    (pair,) = read_pairs(path)
    assert pair.origin == tmp_path.resolve() / "in" / "a.jpg"
    assert pair.query == tmp_path.resolve() / "b.jpg"
    assert pair.fields == {
        "origin": "in/a.jpg",
        "query": "b.jpg",
        "kind": "sdedit",
        "prompt": "a cat, red",
    }


def test_a_path_that_goes_up_names_the_same_file(tmp_path: Path) -> None:
    plain, detour = read_pairs(manifest(tmp_path, "origin,query\na.jpg,b.jpg\nx/../a.jpg,c.jpg\n"))
    assert plain.origin == detour.origin


def test_an_absolute_path_stays(tmp_path: Path) -> None:
    elsewhere = tmp_path.resolve() / "elsewhere" / "a.jpg"
    (pair,) = read_pairs(manifest(tmp_path, f"origin,query\n{elsewhere},b.jpg\n"))
    assert pair.origin == elsewhere


def test_links_are_followed_and_a_loop_of_links_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    os.symlink("a.jpg", tmp_path / "link.jpg")
    os.symlink("loop.jpg", tmp_path / "loop.jpg")
    (pair,) = read_pairs(manifest(tmp_path, "origin,query\nlink.jpg,loop.jpg\n"))
    assert pair.origin == tmp_path.resolve() / "a.jpg"


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("origin,query\na.jpg,b.jpg\n", ["a.jpg"]),
        ("origin,query,origin_group\na.jpg,b.jpg,7\nc.jpg,d.jpg,7\n", ["7", "7"]),
        ("origin,query,origin_group\na.jpg,b.jpg,\nc.jpg,d.jpg, \n", ["a.jpg", "c.jpg"]),
    ],
)
def test_group(tmp_path: Path, text: str, groups: list[str]) -> None:
    found = [pair.group for pair in read_pairs(manifest(tmp_path, text))]
    # Without a group it is the origin's resolved path: `a.jpg` and `./a.jpg` are one origin.
    folder = os.path.realpath(tmp_path)
    assert found == [os.path.join(folder, g) if g.endswith(".jpg") else g for g in groups]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_byte_order_mark_line_ends_and_empty_lines(tmp_path: Path, mark: bytes, end: bytes) -> None:
    path = manifest(tmp_path, mark + end.join([b"query,origin", b"b.jpg,a.jpg", b"", b""]))
    assert [pair.fields["origin"] for pair in read_pairs(path)] == ["a.jpg"]


def test_repeated_rows_are_kept(tmp_path: Path) -> None:
    assert len(read_pairs(manifest(tmp_path, "origin,query\na.jpg,b.jpg\na.jpg,b.jpg\n"))) == 2


def test_each_file_is_listed_once_in_order(tmp_path: Path) -> None:
    pairs = read_pairs(manifest(tmp_path, "origin,query\na,b\na,c\nc,d\n"))
    assert [path.name for path in image_paths(pairs)] == ["a", "b", "c", "d"]


def test_a_pair_with_an_unreadable_file_is_left_out(tmp_path: Path) -> None:
    pairs = read_pairs(manifest(tmp_path, "origin,query\na,b\na,c\nd,e\nf,g\n"))
    failures = [Failure(str(tmp_path.resolve() / name), "broken") for name in ("c", "d", "zzz")]
    assert [pair.query.name for pair in readable_pairs(pairs, failures)] == ["b", "g"]


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("", "the file is empty"),
        ("\n\n", "the file is empty"),
        ("origin,query\n", "has no pairs"),
        ("origin,kind\na,b\n", "no column query: origin, kind"),
        ("source,kind\na,b\n", "no column origin or query"),
        ("origin,query,kind,kind\na,b,c,d\n", "'kind' twice"),
        ("Origin,query\na,b\n", "no column origin"),
        ("origin,query\na,b\n,c\n", "line 3: origin empty"),
        ("origin,query\na,b\n\n , \n", "line 4: origin and query empty"),
        ("origin,query\na\n", "line 2: 1 cells"),
        ("origin,query\na,b,c\n", "line 2: 3 cells"),
        ('origin,query\n"a\na",b\n,b\n', "line 4: origin empty"),
        ('origin,query\na,b\n"a,b\nc,d\n', "line 3: 1 cells"),
        ("origin,query\na,b\nc,\xff\n".encode("latin-1"), "line 3 has bytes that are not UTF-8"),
        ("origin,query\na,b\n".encode("utf-16"), "line 1 has bytes that are not UTF-8"),
        (b"\x89PNG\r\n\x1a\n\0\0", "line 1 has bytes that are not UTF-8"),
        (f"origin,query\na,{'b' * 200_000}\n", "line 2: field larger"),
        ("origin,query\n" + ",b\n" * 7, "line 6: origin empty and 2 more"),
        ("origin,query\na,b\na,./a\n", "line 3: the query is its own origin"),
    ],
)
def test_bad_manifest(tmp_path: Path, text: str | bytes, given: str) -> None:
    path = manifest(tmp_path, text)
    caught = error(path)
    assert given in caught.given
    assert str(path) in caught.given
    assert caught.expected
    assert caught.todo


@pytest.mark.parametrize(("mark", "name"), [(";", "semicolons"), ("\t", "tabs")])
def test_another_separator_is_named(tmp_path: Path, mark: str, name: str) -> None:
    caught = error(manifest(tmp_path, f"origin{mark}query\na{mark}b\n"))
    assert caught.todo == f"write commas in place of its {name}"


def test_zero_byte_in_a_path(tmp_path: Path) -> None:
    # Python 3.10 refuses zero bytes in its CSV reader already.
    assert "line 2" in error(manifest(tmp_path, b"origin,query\na,b\0\n")).given


def test_missing_manifest_and_directory(tmp_path: Path) -> None:
    assert "No such file" in error(tmp_path / "none.csv").given
    assert "a folder" in error(tmp_path).given.lower()


cells = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1
).filter(str.strip)


pairs_of_cells = st.tuples(cells, cells, st.text('ab\n",é')).filter(
    lambda row: os.path.abspath(row[0]) != os.path.abspath(row[1])
)


@given(rows=st.lists(pairs_of_cells, min_size=1))
def test_what_a_csv_writer_wrote_comes_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]]
) -> None:
    path = tmp_path_factory.mktemp("round") / "pairs.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("origin", "query", "note"), *rows])
    pairs = read_pairs(path)
    assert [tuple(pair.fields.values()) for pair in pairs] == rows


def test_real_manifest() -> None:
    path = Path(__file__).parents[2] / "../shared/data/pairs/manifest.csv"
    if not path.exists():
        pytest.skip("needs the manifest at ../shared/data/pairs")
    pairs = read_pairs(path)
    assert len(pairs) == 1202
    assert len({pair.group for pair in pairs}) == 332
    assert all(path.exists() for path in image_paths(pairs))
