import json
from collections.abc import Callable
from pathlib import Path

import pytest

from originid.datasets import DATASETS, Dataset, missing_files, open_dataset
from originid.errors import InputError


def write(folder: Path, files: dict[str, str]) -> Path:
    """Files by their path; a path that ends in a slash is an empty folder."""
    for name, text in files.items():
        path = folder / name
        (path if name.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            path.write_text(text, encoding="utf-8")
    return folder


def error(text: str) -> InputError:
    with pytest.raises(InputError) as caught:
        open_dataset(text)
    return caught.value


def names(dataset: Dataset) -> list[tuple[str, str]]:
    return [(pair.origin.name, pair.query.name) for pair in dataset.test]


REALPAIRS = {
    "pairs/manifest.csv": "origin,query,model,source\na.jpg,b.jpg,SD 1.4,page\n",
    "pairs/a.jpg": "a",
    "pairs/b.jpg": "b",
    "photos/": "",
}
DISC21 = {
    "final_ground_truth.csv": "query_id,reference_id\nQ50000,R000007\nQ50001,\nQ50002,R000008\n",
    "references_0/images/references/R000007.jpg": "7",
    "references_1/images/references/R000008.jpg": "8",
    "final_queries/images/final_queries/Q50000.jpg": "q",
    "final_queries/images/final_queries/Q50002.jpg": "q",
}
ORIPID = {
    "references/R000007.jpg": "7",
    "references/R000008.jpg": "8",
    "queries/SD2/R000007.jpg": "q",
    "queries/SDXL/R000008_1.png": "q",
    "train/T000001_0.jpg": "o",
    "train/T000001_2.jpg": "g",
    "train/T000001_10.jpg": "g",
}
SEED = {
    "real_editing/annotations/split_0001.jsonl": "\n".join(
        json.dumps({"source_image": a, "target_image": b, "instruction": text})
        for a, b, text in [
            ("x/1.jpg", "x/2.jpg", "more sky"),
            ("x/1.jpg", "x/2.jpg", "more sky please"),
            ("x/copy.jpg", "x/2.jpg", "the same again"),
            ("x/copy.jpg", "x/3.jpg", "less sky"),
            ("x/1.jpg", "x/copy.jpg", "nothing"),
        ]
    ),
    "real_editing/images/x/1.jpg": "one",
    "real_editing/images/x/copy.jpg": "one",
    "real_editing/images/x/2.jpg": "two",
    "real_editing/images/x/3.jpg": "three",
}
PAIRS = {"pairs.csv": "origin,query,generator\na.jpg,b.jpg,sdxl\n", "a.jpg": "a", "b.jpg": "b"}
WHOLE = {
    "realpairs": REALPAIRS,
    "oripid": ORIPID,
    "disc21": DISC21,
    "seed-data-edit": SEED,
    "pairs": PAIRS,
}


@pytest.mark.parametrize("name", DATASETS)
def test_a_whole_data_set_lacks_nothing(name: str, tmp_path: Path) -> None:
    dataset = open_dataset(f"{name}:{write(tmp_path, WHOLE[name])}")
    assert dataset.name == name
    assert dataset.note
    assert dataset.test
    assert all(pair.origin.is_absolute() for pair in dataset.test)
    assert all(not dataset.generator or dataset.generator in p.fields for p in dataset.test)
    assert list(missing_files(dataset)) == []


@pytest.mark.parametrize("name", DATASETS)
def test_an_empty_folder_lacks_what_the_error_names(name: str, tmp_path: Path) -> None:
    lacks = {
        "realpairs": ["pairs/manifest.csv", "photos"],
        "oripid": ["references", "queries/SD2", "queries/Kolors"],
        "disc21": ["final_ground_truth.csv", "references", "queries"],
        "seed-data-edit": ["real_editing/annotations/split_0001.jsonl", "real_editing/images/*"],
        "pairs": ["pairs.csv"],
    }
    found = error(f"{name}:{tmp_path}")
    assert all(part in found.given.partition(" lacks ")[2].split(", ") for part in lacks[name])
    assert f"{name}:FOLDER" in found.todo


@pytest.mark.parametrize("name", DATASETS)
def test_a_file_that_is_gone_is_named(name: str, tmp_path: Path) -> None:
    write(tmp_path, WHOLE[name])
    gone = open_dataset(f"{name}:{tmp_path}").test[0].origin
    gone.unlink()
    assert list(missing_files(open_dataset(f"{name}:{tmp_path}")))[:1] == [gone]


def test_realpairs_are_cross_validated(tmp_path: Path) -> None:
    dataset = open_dataset(f"realpairs:{write(tmp_path, REALPAIRS)}")
    assert dataset.train is None
    assert dataset.photos == (tmp_path / "photos",)
    assert dataset.test[0].fields[dataset.generator].startswith(dataset.seen)


def test_queries_without_an_origin_are_left_out(tmp_path: Path) -> None:
    dataset = open_dataset(f"disc21:{write(tmp_path, DISC21)}")
    assert names(dataset) == [("R000007.jpg", "Q50000.jpg"), ("R000008.jpg", "Q50002.jpg")]
    assert [folder.parts[-3] for folder in dataset.photos] == ["references_0", "references_1"]


def test_the_layout_of_the_tutorial_without_header(tmp_path: Path) -> None:
    files = {"public_ground_truth.csv": "Q1,R1\n", "images/references/": "", "images/queries/": ""}
    dataset = open_dataset(f"disc21:{write(tmp_path, files)}")
    (pair,) = dataset.test
    assert pair.origin == tmp_path.resolve() / "images" / "references" / "R1.jpg"
    assert pair.query == tmp_path.resolve() / "images" / "queries" / "Q1.jpg"
    assert list(missing_files(dataset)) == [pair.origin, pair.query]


@pytest.mark.parametrize("line", ["Q1", ",R1", "Q1,R1,0.3"])
def test_a_truth_that_is_not_two_ids_is_refused(line: str, tmp_path: Path) -> None:
    write(tmp_path, {**DISC21, "final_ground_truth.csv": f"query_id,reference_id\n{line}\n"})
    assert "line 2" in error(f"disc21:{tmp_path}").given


def test_a_truth_that_is_no_text_is_refused(tmp_path: Path) -> None:
    write(tmp_path, DISC21)
    (tmp_path / "final_ground_truth.csv").write_bytes(b"\xff\xfe\x00")
    assert "final_ground_truth.csv" in error(f"disc21:{tmp_path}").given


def test_oripid_names_its_generators_and_trains_on_the_first(tmp_path: Path) -> None:
    dataset = open_dataset(f"oripid:{write(tmp_path, ORIPID)}")
    assert names(dataset) == [("R000007.jpg", "R000007.jpg"), ("R000008.jpg", "R000008_1.png")]
    assert [pair.fields["generator"] for pair in dataset.test] == ["SD2", "SDXL"]
    assert dataset.train is not None
    assert [(pair.origin.name, pair.query.name) for pair in dataset.train] == [
        ("T000001_0.jpg", "T000001_2.jpg"),
        ("T000001_0.jpg", "T000001_10.jpg"),
    ]
    assert "no queries of OpenDalle, ColorfulXL" in dataset.note


def test_oripid_without_training_images_is_cross_validated(tmp_path: Path) -> None:
    files = {name: text for name, text in ORIPID.items() if not name.startswith("train")}
    assert open_dataset(f"oripid:{write(tmp_path, files)}").train is None


def test_an_image_of_no_origin_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {**ORIPID, "queries/SD2/cat.jpg": "q"})
    assert "cat.jpg" in error(f"oripid:{tmp_path}").given


def test_edits_come_once_by_content(tmp_path: Path) -> None:
    dataset = open_dataset(f"seed-data-edit:{write(tmp_path, SEED)}")
    assert names(dataset) == [("1.jpg", "2.jpg"), ("copy.jpg", "3.jpg")]
    assert len({pair.group for pair in dataset.test}) == 1
    assert dataset.test[0].fields["prompt"] == "more sky"


@pytest.mark.parametrize("line", ["{", "[]", '{"source_image": "x"}', '{"source_image": 3}'])
def test_an_annotation_of_other_keys_is_refused(line: str, tmp_path: Path) -> None:
    write(tmp_path, {**SEED, "real_editing/annotations/split_0002.jsonl": line})
    assert "source_image and target_image" in error(f"seed-data-edit:{tmp_path}").expected


def test_an_archive_that_is_not_unpacked_is_missing(tmp_path: Path) -> None:
    files = {name: text for name, text in SEED.items() if "annotations" in name}
    write(tmp_path, {**files, "real_editing/images/images.tar.gz": ""})
    assert "real_editing/images/*" in error(f"seed-data-edit:{tmp_path}").given


def test_a_generated_set_with_a_test_share_is_split(tmp_path: Path) -> None:
    header, row, *_ = PAIRS["pairs.csv"].splitlines()
    split = {f"{side}.csv": f"{header}\n{row}\n" for side in ("train", "test")}
    dataset = open_dataset(f"pairs:{write(tmp_path, {**PAIRS, **split, 'photos/': ''})}")
    assert dataset.train is not None
    assert dataset.generator == "generator"
    assert dataset.photos == (tmp_path / "photos",)


def test_a_manifest_is_read_where_there_are_no_pairs(tmp_path: Path) -> None:
    dataset = open_dataset(f"pairs:{write(tmp_path, {'manifest.csv': PAIRS['pairs.csv']})}")
    assert dataset.train is None
    assert dataset.photos == ()


def test_an_unknown_name_lists_the_known() -> None:
    assert "realpairs, oripid" in error("imagenet").expected


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, str]], Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ORIGINID_DATA", raising=False)
    return lambda files: write(tmp_path, files)


def test_without_a_folder_the_name_is_the_folder(
    here: Callable[[dict[str, str]], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = here({f"pairs/{name}": text for name, text in PAIRS.items()})
    assert len(open_dataset("pairs").test) == 1
    monkeypatch.chdir("/")
    monkeypatch.setenv("ORIGINID_DATA", str(folder))
    assert len(open_dataset("pairs").test) == 1


def test_the_data_folder_may_be_realpairs_itself(
    here: Callable[[dict[str, str]], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORIGINID_DATA", str(here(REALPAIRS)))
    assert len(open_dataset("realpairs").test) == 1


def test_a_data_set_without_a_pair_is_refused(tmp_path: Path) -> None:
    (tmp_path / "references").mkdir()
    (tmp_path / "queries" / "SD2").mkdir(parents=True)
    with pytest.raises(InputError, match="no pair to judge"):
        open_dataset(f"oripid:{tmp_path}")
