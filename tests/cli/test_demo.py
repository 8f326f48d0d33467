"""The demo: it works from the package alone, says how queries were made, and is right."""

import json
from pathlib import Path

import pytest
from PIL import Image as PILImage

from originid import cli


def test_the_demo_names_origins_and_no_wrong_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.run(["demo", "--json"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert done["references"] >= 24
    assert done["queries"] == len(done["trials"]) == 16
    assert done["right"] >= 15
    assert {trial["verdict"] for trial in done["trials"] if not trial["right"]} <= {"uncertain"}
    assert sum(trial["origin"] is None for trial in done["trials"]) >= 4
    with PILImage.open(done["sheet"]) as sheet:
        assert min(sheet.size) > 400
    assert cli.run(["demo"]) == 0
    text = capsys.readouterr().out
    assert "small diffusion models" in text
    assert (tmp_path / "originid-demo-2" / "demo.png").exists()
    assert cli.run(["find", "originid-demo/queries", "--in", "originid-demo/collection"]) == 0


def test_an_existing_folder_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "letter").write_text("dear")
    assert cli.run(["demo", "-o", str(tmp_path)]) == 1
    assert "exists" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["letter"]


def test_every_photo_has_its_source() -> None:
    folder = Path(cli.__file__).parent.parent / "data" / "demo_photos"
    sources = (folder / "SOURCES.md").read_text(encoding="utf-8")
    for photo in folder.glob("*.jpg"):
        assert photo.name in sources
