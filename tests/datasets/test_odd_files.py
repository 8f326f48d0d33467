"""Data sets with odd names in their files: what is read anyway, and what the error says."""

import json
import os
from pathlib import Path

import pytest

from originid.datasets import Dataset, missing_files, open_dataset
from originid.datasets.base import make_pair
from originid.datasets.disc21 import find_image, reference_folders
from originid.errors import InputError

LONG = "x" * 300  # longer than any file system allows


def fill(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)  # each file has another content
    return folder


def disc21(folder: Path, truth: str) -> Dataset:
    fill(folder, "references/R1.jpg", "references/R2.jpg", "queries/Q1.jpg", "queries/Q2.jpg")
    (folder / "final_ground_truth.csv").write_text(truth)
    return open_dataset(f"disc21:{folder}")


def seed(folder: Path, *lines: str) -> Dataset:
    base = fill(folder / "real_editing", "images/a.jpg", "images/b.jpg", "beside.jpg")
    (base / "annotations").mkdir(exist_ok=True)
    (base / "annotations" / "split_0001.jsonl").write_text("\n".join(lines))
    return open_dataset(f"seed-data-edit:{folder}")


def line(source: object, target: object, **more: object) -> str:
    return json.dumps({"source_image": source, "target_image": target, **more})


def names(dataset: Dataset) -> list[tuple[str, str]]:
    return [(pair.origin.name, pair.query.name) for pair in dataset.test]


# --- DISC21 ---


@pytest.mark.parametrize(
    "truth",
    [
        "Q1,R1\nQ2,R2\n",
        "query_id,reference_id\r\nQ1,R1\r\nQ2,R2\r\n",
        "\ufeffQ1,R1\n\n  \nQ2,R2",
        " Q1 , R1 \nQ3,\nQ2,R2\nQ1,R2\n",  # the first row of a query counts
    ],
)
def test_a_ground_truth_may_be_written_in_several_ways(truth: str, tmp_path: Path) -> None:
    found = disc21(tmp_path, truth)
    assert names(found) == [("R1.jpg", "Q1.jpg"), ("R2.jpg", "Q2.jpg")]
    assert [pair.group for pair in found.test] == ["R1", "R2"]


@pytest.mark.parametrize("bad", ["Q1", ",R1", "Q1,R1,R2", "Q1;R1", "Q1,R\0", ","])
def test_a_row_that_is_not_two_ids_is_shown_with_its_number(bad: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        disc21(tmp_path, f"Q2,R2\n{bad}\n")
    assert caught.value.given == f"{tmp_path / 'final_ground_truth.csv'}: line 2: {bad!r}"
    assert caught.value.expected.startswith("expected query_id,reference_id on each line")
    assert caught.value.todo == "get the file again"


def test_only_the_beginning_of_a_long_row_is_shown(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        disc21(tmp_path, "a" * 10_000)
    assert len(caught.value.given) < len(str(tmp_path)) + 150


def test_an_id_too_long_for_a_file_is_a_missing_file(tmp_path: Path) -> None:
    found = disc21(tmp_path, f"Q1,R1\nQ2,{LONG}\n")
    assert [path.name for path in missing_files(found)] == [f"{LONG}.jpg"]


def test_the_first_ground_truth_wins(tmp_path: Path) -> None:
    (tmp_path / "dev_ground_truth.csv").write_text("Q1,R2\nQ2,R2\n")
    assert names(disc21(tmp_path, "Q1,R1\n")) == [("R1.jpg", "Q1.jpg"), ("R2.jpg", "Q2.jpg")]


def test_references_in_parts_are_found_in_each(tmp_path: Path) -> None:
    fill(
        tmp_path,
        "references_0/images/references/R1.jpg",
        "references_10/images/references/R3.jpg",
        "references_2/R2.jpg",
        "references_x/R4.jpg",
        "images/references/R5.jpg",
    )
    folders = reference_folders(tmp_path)
    found = [find_image(folders, f"R{i}").exists() for i in (1, 2, 3, 4, 5)]
    assert found == [True, True, True, False, True]
    assert find_image(folders, "R4").parent == folders[0]


# --- SEED-Data-Edit ---


def test_images_may_lie_beside_their_folder(tmp_path: Path) -> None:
    assert names(seed(tmp_path, line("a.jpg", "beside.jpg"))) == [("a.jpg", "beside.jpg")]


def test_an_image_that_is_gone_is_a_pair_with_a_missing_file(tmp_path: Path) -> None:
    found = seed(tmp_path, line("a.jpg", "gone.jpg"), line("a.jpg", LONG), line("a.jpg", "b.jpg"))
    assert [query for _, query in names(found)] == ["gone.jpg", LONG, "b.jpg"]
    assert [path.name for path in missing_files(found)] == ["gone.jpg", LONG]


@pytest.mark.parametrize(
    ("instruction", "prompt"), [("x", "x"), ("", ""), (3, "3"), (["a"], "['a']")]
)
def test_an_instruction_is_text_whatever_it_was(
    instruction: object, prompt: str, tmp_path: Path
) -> None:
    (pair,) = seed(tmp_path, line("a.jpg", "b.jpg", instruction=instruction)).test
    assert (pair.fields["prompt"], pair.fields["kind"]) == (prompt, "manual")


@pytest.mark.parametrize(
    "bad",
    [
        "{",
        "3",
        "null",
        '["a.jpg", "b.jpg"]',
        "[" * 100_000,
        line("", "b.jpg"),
        line("a.jpg", None),
        line(["a.jpg"], "b.jpg"),
        line("a.jpg", "b\0.jpg"),
        line("\0", "b.jpg"),
    ],
    ids=range(10),
)
def test_a_line_without_two_images_is_shown_with_its_number(bad: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        seed(tmp_path, line("a.jpg", "b.jpg"), "", bad)
    assert f"split_0001.jsonl: line 3: {bad[:80]!r}" in caught.value.given
    assert "source_image and target_image" in caught.value.expected
    assert "pairs:FOLDER" in caught.value.todo


# --- OriPID ---


@pytest.mark.parametrize("name", ["R12345.jpg", "R1234567.jpg", "r123456.jpg", "R123456_.jpg",
                                  "R123456_1_2.jpg", "123456.jpg", "R123456-1.png"])  # fmt: skip
def test_a_query_whose_name_has_no_origin_is_named(name: str, tmp_path: Path) -> None:
    fill(tmp_path, "references/R123456.jpg", f"queries/SD2/{name}")
    with pytest.raises(InputError) as caught:
        open_dataset(f"oripid:{tmp_path}")
    assert caught.value.given == f"{tmp_path / 'queries' / 'SD2' / name}: its name has no origin"
    assert "R123456_1.jpg" in caught.value.expected


def test_other_files_among_the_queries_are_passed_over(tmp_path: Path) -> None:
    fill(tmp_path, "references/R123456.jpg", "queries/SD2/R123456.jpg")
    fill(tmp_path, "queries/SD2/README.md", "queries/SD2/.hidden", "queries/Other/x.jpg")
    found = open_dataset(f"oripid:{tmp_path}")
    assert names(found) == [("R123456.jpg", "R123456.jpg")]
    assert "no queries of SDXL, " in found.note
    assert found.train is None


def test_a_training_origin_that_is_gone_keeps_its_usual_path(tmp_path: Path) -> None:
    fill(tmp_path, "references/R123456.jpg", "queries/SD2/R123456.jpg")
    fill(tmp_path, "train/a/T000001_10.jpg", "train/b/T000001_2.jpg", "train/T000002_0.jpg")
    train = open_dataset(f"oripid:{tmp_path}").train
    assert train is not None
    assert [(str(pair.origin.relative_to(tmp_path)), pair.query.name) for pair in train] == [
        ("train/T000001_0.jpg", "T000001_2.jpg"),
        ("train/T000001_0.jpg", "T000001_10.jpg"),
    ]


# --- folders ---


@pytest.mark.parametrize("name", ["realpairs", "disc21", "oripid", "seed-data-edit", "pairs"])
def test_a_folder_that_no_system_can_have_is_an_error(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        open_dataset(f"{name}:{tmp_path / LONG}")
    assert caught.value.given.startswith(f"data set {name} in {tmp_path / LONG} ")
    assert caught.value.expected
    assert caught.value.todo


@pytest.mark.parametrize(
    ("header", "column"),
    [("generator,model,method", "generator"), ("method,model,x", "model"), ("x,y,z", "")],
)
def test_the_first_column_that_names_generators_is_used(
    header: str, column: str, tmp_path: Path
) -> None:
    fill(tmp_path, "a.jpg", "b.jpg")
    (tmp_path / "pairs.csv").write_text(f"origin,query,{header}\na.jpg,b.jpg,1,2,3\n")
    assert open_dataset(f"pairs:{tmp_path}").generator == column


def test_a_pair_follows_links_and_lets_fields_speak(tmp_path: Path) -> None:
    fill(tmp_path, "a.jpg", "b.jpg")
    os.symlink("a.jpg", tmp_path / "link.jpg")
    pair = make_pair(tmp_path / "link.jpg", tmp_path / "x" / ".." / "b.jpg", "g", source="page")
    assert (pair.origin, pair.query) == (tmp_path / "a.jpg", tmp_path / "b.jpg")
    assert pair.fields["source"] == "page"
    assert make_pair(pair.origin, pair.query, "g").fields["source"] == "g"
