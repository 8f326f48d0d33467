"""`originid generate`, with a generator that needs no weights."""

import json
from pathlib import Path

import pytest

from fake_maker import FakeMaker, table
from fixture_types import Run, WritePhotos
from originid.generation.diffusion.chosen import choose
from originid.generation.diffusion.presets import GENERATORS


@pytest.fixture
def photos(write_photos: WritePhotos) -> Path:
    return write_photos(7)[0].parent


@pytest.fixture
def maker(monkeypatch: pytest.MonkeyPatch) -> FakeMaker:
    """What the command opens in place of Stable Diffusion."""
    pytest.importorskip("torch")
    from originid.generation.diffusion import making

    fake = FakeMaker()
    monkeypatch.setattr(making, "open_maker", lambda *arguments, **options: fake)
    return fake


def test_the_command(tmp_path: Path, photos: Path, run: Run, maker: FakeMaker) -> None:
    where = ("-o", tmp_path / "set", "--generator", "sd2")
    command = ("generate", photos, *where, "--prompts", "names:2")
    status, out, _ = run(*command, "--plan", "--json")
    assert status == 0
    assert json.loads(out)["images"] == 14
    assert not (tmp_path / "set").exists()
    status, out, err = run(*command, "--test", 0.3, "--strength", "0.4,0.8")
    assert status == 0
    assert "28 made, 0 known, 0 failed" in out
    assert "for tests" in out
    assert "7 origins, 28 images, 0 of them made" in err
    status, out, _ = run(*command, "--test", 0.3, "--strength", "0.4,0.8", "--json")
    done = json.loads(out)
    assert (status, done["made"], done["known"], done["pairs"]) == (0, 0, 28, 28)
    assert {row["strength"] for row in table(tmp_path / "set" / "pairs.csv")} == {"0.4", "0.8"}
    assert {task.strength for batch in maker.batches for task in batch} == {0.4, 0.8}


def test_the_command_lists_generators(run: Run) -> None:
    status, out, _ = run("generate", "--list")
    assert status == 0
    for name in ("sd2", "sdxl", "kolors", "instruct-pix2pix", "plug-and-play"):
        assert f"\n{name} " in out
    header, *rows = out.splitlines()
    for row in rows:  # no cell runs into the next column
        assert row[header.index("source") - 2 : header.index("source")].isspace()
        assert row[header.index("licence") - 2 : header.index("licence")].isspace()
    assert "not known" not in out
    assert "to be checked" not in out
    status, out, _ = run("generate", "--list", "--json")
    assert {"sd2", "z-image"} <= {one["name"] for one in json.loads(out)["generators"]}


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ([], 2, "missing: -o OUTPUT, --generator NAME expected"),
        (["--generator", "sd2"], 2, "missing: -o OUTPUT expected"),
        (["-o", "set"], 2, "missing: --generator NAME expected"),
        (["-o", "set", "--generator", "sd2", "--strength", "high"], 2, "numbers"),
        (["-o", "set", "--generator", "sd2", "--strength", "1.5"], 2, "up to 1"),
        (["-o", "set", "--generator", "instruct-pix2pix", "--strength", "0.5"], 2, "no strength"),
        (["-o", "set", "--generator", "sd2", "--prompts", "what"], 2, "names, styles, chat:MODEL"),
        (["-o", "set", "--generator", "sd2", "--prompts", "names:99"], 2, "1 to 40"),
        (["-o", "set", "--generator", "sd2", "--prompts", "names:0"], 2, "1 or more"),
        (["-o", "set", "--generator", "sd2", "--test", "1.5"], 2, "error: a test share of 1.5"),
        (["-o", "set", "--generator", "sd2", "--test", "much"], 2, "'--test'"),
        (["-o", "set", "--generator", "sd-2"], 2, "plug-and-play"),
        (["-o", "set", "--generator", "none.json"], 1, "expected a JSON file"),
        (["-o", "photos/set", "--generator", "sd2"], 1, "outside of the origins"),
    ],
)
def test_wrong_usage(
    tmp_path: Path,
    photos: Path,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    status: int,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = run("generate", "photos", *arguments)
    assert code == status
    assert said in " ".join(err.replace("│", " ").split())
    assert not (tmp_path / "set").exists()


def test_a_folder_is_missing_too(run: Run) -> None:
    status, _, err = run("generate", "--generator", "sd2")
    assert status == 2
    assert "missing: FOLDER..., -o OUTPUT\n" in err


def test_a_file_of_settings_is_a_generator(
    tmp_path: Path, photos: Path, run: Run, maker: FakeMaker
) -> None:
    file = tmp_path / "quick.json"
    file.write_text('{"generator": "sd2", "seed": 7, "batch": 5, "steps": 9, "size": 512}')
    command = ("generate", photos, "-o", tmp_path / "set", "--prompts", "names:5")
    status, _, err = run(*command, "--generator", file)
    assert status == 0, err
    rows = table(tmp_path / "set" / "pairs.csv")
    assert {(row["generator"], row["seed"]) for row in rows} == {("quick", "7")}
    assert [len(batch) for batch in maker.batches] == [5] * 7
    chosen = choose(str(file))
    assert (chosen.generator.steps, chosen.generator.size) == (9, 512)
    assert chosen.generator.source == GENERATORS["sd2"].source


def test_nothing_made_is_a_failure(tmp_path: Path, run: Run, maker: FakeMaker) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"text")
    command = ("generate", tmp_path / "photos", "-o", tmp_path / "set", "--generator", "sd2")
    assert run(*command)[0] == 1
    assert len(table(tmp_path / "set" / "failures.csv")) == 1
