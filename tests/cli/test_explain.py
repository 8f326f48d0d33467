"""originid explain, and find --evidence."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage

from fixture_types import Run
from originid.finder import Finder
from originid.testing import textured_image


@pytest.fixture
def mirrored(tmp_path: Path) -> Path:
    """The mirror image of a photo that is indexed."""
    path = tmp_path / "mirrored.png"
    PILImage.fromarray(textured_image(3)[:, ::-1].copy()).save(path)
    return path


def test_the_best_match_is_explained(
    indexed: Path, tmp_path: Path, mirrored: Path, run: Run
) -> None:
    status, out, err = run("explain", mirrored, "--in", indexed, "-o", tmp_path / "e.png")
    assert status == 0, err
    assert "0003.png" in out
    assert f"look at {tmp_path / 'e.png'}" in out
    with PILImage.open(tmp_path / "e.png") as picture:
        assert picture.width == 1020


def test_json_is_printed_and_says_where_the_file_is(
    indexed: Path, tmp_path: Path, mirrored: Path, run: Run
) -> None:
    file = tmp_path / "e.json"
    status, out, _ = run("explain", mirrored, "--in", indexed, "-o", file, "--json")
    assert status == 0
    printed = json.loads(out)
    assert printed.pop("file") == str(file)
    assert printed == json.loads(file.read_text(encoding="utf-8"))
    assert printed["view"] == "mirrored"
    assert printed["verdict"] in {"origin", "uncertain"}


def test_a_reference_is_named_by_its_path_or_by_its_content(
    indexed: Path, tmp_path: Path, run: Run
) -> None:
    photos, grey = tmp_path / "photos", tmp_path / "grey.png"
    shutil.copy(photos / "0005.png", tmp_path / "copy.png")
    PILImage.fromarray(textured_image(4)).convert("L").save(grey)
    for name in (photos / "0005.png", tmp_path / "copy.png"):
        status, out, err = run(
            "explain", grey, name, "--in", indexed, "-o", tmp_path / "e.html",
            "--json",
        )  # fmt: skip
        assert status == 0, err
        found = json.loads(out)
        assert Path(found["reference"]).name == "0005.png"
        assert found["verdict"] is None
        assert found["cells"]["share"] < 0.5


@pytest.mark.parametrize("name", ["e.gif", "e", "png"])
def test_another_suffix_is_a_wrong_usage(
    indexed: Path, tmp_path: Path, mirrored: Path, run: Run, name: str
) -> None:
    status, _, err = run("explain", mirrored, "--in", indexed, "-o", tmp_path / name)
    assert status == 2
    assert ".png, .jpg, .html or .json" in err
    assert not (tmp_path / name).exists()


def test_what_cannot_be_explained_is_said_in_three_parts(
    indexed: Path, tmp_path: Path, mirrored: Path, run: Run
) -> None:
    into = ("--in", indexed, "-o", tmp_path / "e.png")
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"nothing")
    for arguments, said in (
        ((broken, *into), "broken.png"),
        ((broken, tmp_path / "photos" / "0001.png", *into), "broken.png"),
        ((mirrored, tmp_path / "other.png", *into), "is not in the collection"),
        ((mirrored, mirrored, *into), "is not in the collection"),
    ):
        status, out, err = run("explain", *arguments)
        assert (status, out) == (1, "")
        assert said in err
        assert len(err.splitlines()) == 3
    (tmp_path / "photos" / "0003.png").unlink()
    status, _, err = run("explain", mirrored, *into)
    assert status == 1
    assert "the reference's file" in err
    assert "index the picture again" in err
    assert not (tmp_path / "e.png").exists()


def test_a_folder_that_cannot_be_written(
    indexed: Path, tmp_path: Path, mirrored: Path, run: Run
) -> None:
    status, _, err = run("explain", mirrored, "--in", indexed, "-o", mirrored / "e.png")
    assert status == 2
    assert f"mkdir -p {mirrored}" in err
    status, _, err = run("find", mirrored, "--in", indexed, "--evidence", mirrored)
    assert status == 1
    assert "cannot write" in err


def test_an_empty_collection_has_nothing_to_explain(
    indexed: Path, tmp_path: Path, mirrored: Path, run: Run
) -> None:
    run("remove", tmp_path / "photos", "--from", indexed)
    status, out, _ = run("explain", mirrored, "--in", indexed, "-o", tmp_path / "e.png")
    assert status == 3
    assert "no reference was found" in out
    status, out, _ = run("explain", mirrored, "--in", indexed, "-o", tmp_path / "e.png", "--json")
    assert status == 3
    assert json.loads(out) == {"query": str(mirrored), "reference": None, "file": None}


def test_find_writes_a_picture_for_each_query_that_may_have_an_origin(
    indexed: Path, tmp_path: Path, stranger: Path, run: Run
) -> None:
    (tmp_path / "other").mkdir()
    shutil.copy(tmp_path / "photos" / "0002.png", tmp_path / "other" / "0001.png")
    queries = [tmp_path / "photos" / "0001.png", tmp_path / "other" / "0001.png", stranger]
    folder = tmp_path / "new" / "evidence"
    status, out, err = run("find", *queries, "--in", indexed, "--evidence", folder, "--json")
    assert status == 0, err
    found = [json.loads(line) for line in out.splitlines()]
    assert [each["verdict"] for each in found] == ["origin", "origin", "none"]
    assert [each["evidence"] for each in found] == [
        str(folder / "0001.png"),
        str(folder / "0001-2.png"),
        None,
    ]
    assert sorted(path.name for path in folder.iterdir()) == ["0001-2.png", "0001.png"]
    status, out, _ = run("find", queries[0], "--in", indexed, "--evidence", folder)
    assert f"see {folder / '0001-3.png'}" in out
    status, out, _ = run("find", queries[0], "--in", indexed, "--json")
    assert "evidence" not in json.loads(out)


def test_find_goes_on_where_the_file_of_a_reference_is_gone(
    indexed: Path, tmp_path: Path, run: Run
) -> None:
    query = tmp_path / "query.png"
    (tmp_path / "photos" / "0002.png").rename(query)
    status, out, err = run("find", query, "--in", indexed, "--evidence", tmp_path / "e", "--json")
    assert status == 0
    assert json.loads(out)["evidence"] is None
    assert "no evidence for" in err


def test_python_explains_too(indexed: Path, tmp_path: Path) -> None:
    query = textured_image(3)
    with Finder.open(indexed) as finder:
        evidence = finder.explain(query)
        assert Path(evidence.match.reference).name == "0003.png"
        assert evidence.query == "image 1"
        same = finder.explain(query, finder.find(query))
        other = finder.explain(query, str(tmp_path / "photos" / "0004.png"))
    assert same.to_json() == evidence.to_json()
    assert Path(other.match.reference).name == "0004.png"
    assert evidence.cells is not None
    assert np.isclose(evidence.cells.score, 1, atol=1e-3)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".html", ".json"])
def test_an_explanation_replaces_an_explanation_and_nothing_else(
    suffix: str, indexed: Path, tmp_path: Path, run: Run
) -> None:
    query, output = tmp_path / "photos" / "0000.png", tmp_path / f"seen{suffix}"
    for _ in range(2):
        assert run("explain", query, "--in", indexed, "-o", output)[0] == 0
    photo = tmp_path / f"photo{suffix}"
    shutil.copy(query, photo)
    status, _, errors = run("explain", photo, "--in", indexed, "-o", photo)
    assert (status, photo.read_bytes()) == (1, query.read_bytes())
    assert f"{photo} exists, and is no explanation of originid" in errors
