"""The demo: it works from the package alone, says how queries were made, and is right."""

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image as PILImage

from fixture_types import Run
from originid import cli
from originid.demo.dressing import DRESSINGS, collage
from originid.testing import textured_image

PACKAGE = Path(cli.__file__).parent.parent / "data"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, object]]:
    """A folder with a demo in it, and what the demo said as JSON."""
    folder = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        said: list[str] = []
        patch.setattr("builtins.print", lambda line, **_: said.append(line))
        assert cli.run(["demo", "--json"]) == 0
    return folder / "originid-demo", json.loads(said[0])


@pytest.fixture
def folder(
    made: tuple[Path, dict[str, object]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A copy of that folder, as the demo left it in the working folder."""
    monkeypatch.chdir(tmp_path)
    return shutil.copytree(made[0], tmp_path / "originid-demo")


def test_the_demo_names_origins_and_no_wrong_one(made: tuple[Path, dict[str, object]]) -> None:
    _, done = made
    trials = done["trials"]
    assert isinstance(trials, list)
    assert done["references"] == 39
    assert done["queries"] == len(trials) == 16
    missed = [Path(trial["query"]).name for trial in trials if not trial["right"]]
    assert missed == ["lake-sunset-story.jpg"]
    plain = [trial for trial in trials if trial["dress"] is None]
    assert Counter(trial["verdict"] for trial in plain) == {"origin": 7, "none": 1}
    assert [trial["verdict"] for trial in trials if trial["origin"] is None] == ["none"] * 2
    assert {trial["dress"] for trial in trials} == {None, "collage", *DRESSINGS}
    with PILImage.open(made[0] / "demo.png") as sheet:
        assert sheet.size == (1248, 988)


def test_the_demo_says_it_in_five_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    (tmp_path / "originid-demo").mkdir()
    monkeypatch.chdir(tmp_path)
    status, out, _ = run("demo")
    found, absent, missed, wrong, where = out.splitlines()
    assert status == 0
    assert found == (
        "origins found: 7 of 7 AI edits, and 6 of 7 of the same edits dressed up "
        "(a post, a meme, a poster ...)"
    )
    assert absent == (
        "not among the 39 photos: 2 of 2 edits of another photo get the verdict none, "
        "as they should"
    )
    assert missed.startswith("missed: lake-sunset-story.jpg (none), because an upright story ")
    assert wrong.startswith("wrong photos named: 0 for 16 queries, in ")
    assert where == (
        "look at originid-demo-2/demo.png; photos, queries and the collection are in "
        "originid-demo-2"
    )
    query = "originid-demo-2/queries/cat-drawing.jpg"
    command = ["find", query, "--in", "originid-demo-2/collection", "--effort", "quick"]
    assert cli.run(command) == 0


def test_an_existing_folder_is_left_alone(tmp_path: Path, run: Run) -> None:
    (tmp_path / "letter").write_text("dear")
    status, _, err = run("demo", "-o", tmp_path)
    assert status == 1
    assert "exists" in err
    assert [path.name for path in tmp_path.iterdir()] == ["letter"]


def test_every_photo_has_its_source() -> None:
    folder = PACKAGE / "demo_photos"
    sources = (folder / "SOURCES.md").read_text(encoding="utf-8")
    for photo in folder.glob("*.jpg"):
        assert photo.name in sources


def test_the_edits_are_few_and_small() -> None:
    files = list((PACKAGE / "demo_edits").iterdir())
    assert len(files) == 9
    assert sum(file.stat().st_size for file in files) < 200_000


# Dressing up


@pytest.mark.parametrize("name", DRESSINGS)
@pytest.mark.parametrize("sides", [(256, 256), (256, 455), (300, 200)])
def test_a_dressed_edit_is_another_picture(name: str, sides: tuple[int, int]) -> None:
    image = textured_image(1, *sides)
    dressed = DRESSINGS[name](image)
    assert dressed.dtype == "uint8"
    assert dressed.shape != image.shape
    assert dressed.std() > 10
    assert (dressed == DRESSINGS[name](image)).all()


def test_a_collage_holds_both_pictures() -> None:
    left, right = textured_image(1, 300, 300), textured_image(2, 300, 300)
    page = collage(right, left)
    assert (page[12:312, 12:312] == left).all()
    assert (page[12:312, 324:624] == right).all()


# Cleaning


def test_git_passes_over_the_folder(folder: Path) -> None:
    lines = (folder / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not line.startswith("#")] == ["*"]


def test_a_demo_is_removed_again(folder: Path, run: Run) -> None:
    shutil.copytree(folder, "originid-demo-2")
    Path("originid-demo-old").mkdir()
    query = folder / "queries" / "cat-drawing.jpg"
    run("find", query, "--in", folder / "collection")  # which may add files to it
    status, out, _ = run("demo", "--clean")
    assert (status, out) == (
        0,
        "originid-demo is removed\noriginid-demo-2 is removed\n",
    )
    assert [path.name for path in Path().iterdir()] == ["originid-demo-old"]
    status, out, err = run("demo", "--clean")
    assert (status, out) == (1, "")
    assert "no folder originid-demo here" in err


@pytest.mark.parametrize(
    "name", ["mine.jpg", "photos/mine.jpg", "queries/a/b", "collection/notes", "photos/cat.jpg",
             "photos/empty.jpg"],
)  # fmt: skip
def test_a_demo_with_something_else_in_it_is_left_alone(name: str, folder: Path, run: Run) -> None:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    if name == "photos/empty.jpg":
        path.symlink_to(folder / "photos" / "cat.jpg")
    else:
        path.write_text("mine")
    before = sorted(folder.rglob("*"))
    status, out, err = run("demo", "--clean", "-o", folder)
    assert (status, out) == (1, "")
    assert f"holds something that the demo did not make: {name}" in err
    assert sorted(folder.rglob("*")) == before


def test_a_collection_that_was_used_for_more_is_left_alone(folder: Path, run: Run) -> None:
    query, photo = folder / "queries" / "cat-drawing.jpg", folder / "photos" / "cat-lying.jpg"
    assert run("decide", query, photo, "--yes", "--in", folder / "collection")[0] == 0
    assert "what was decided" in run("demo", "--clean")[2]
    assert run("decide", query, photo, "--forget", "--in", folder / "collection")[0] == 0
    mine = Path("mine.png").absolute()
    PILImage.fromarray(textured_image(3)).save(mine)
    assert run("index", mine, "--into", folder / "collection")[0] == 0
    assert "mine.png" in run("demo", "--clean")[2]
    assert (folder / "demo.png").exists()
    assert run("remove", mine, "--from", folder / "collection")[0] == 0
    assert run("demo", "--clean")[0] == 0
    assert mine.exists()


@pytest.mark.parametrize("kind", ["photos", "link", "missing", "file"])
def test_no_other_folder_is_removed(kind: str, folder: Path, run: Run) -> None:
    other = folder.parent / "other"
    if kind == "photos":
        other.mkdir()
        (other / ".gitignore").write_text("*\n")
        (other / "a.jpg").write_text("mine")
    elif kind == "link":
        other.symlink_to(folder)
    elif kind == "file":
        other.write_text("mine")
    status, out, err = run("demo", "--clean", "-o", other)
    assert (status, out) == (1, "")
    assert "is no folder of a demo" in err
    assert len(list((folder / "photos").iterdir())) == 39
    assert kind != "photos" or (other / "a.jpg").read_text() == "mine"


def test_a_demo_that_was_cut_off_is_removed_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    def cut_off(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("originid.demo.run.add_images", cut_off)
    assert run("demo")[0] == 1
    assert (tmp_path / "originid-demo" / "photos").exists()
    assert run("demo", "--clean")[0] == 0
    assert list(tmp_path.iterdir()) == []
