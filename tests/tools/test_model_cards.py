"""The model cards say what the packaged files and the reports say."""

import hashlib
import json
import shutil
import sys
from pathlib import Path

import pytest

import make_model_cards as tool
from originid.model import open_model
from originid.model_description import PACKAGED, packaged_models


def test_the_page_is_what_the_tool_writes() -> None:
    written = tool.TARGET.read_text(encoding="utf-8")
    assert written == tool.page(), "run: python tools/make_model_cards.py"


@pytest.mark.parametrize("name", packaged_models())
def test_a_card_has_the_facts_of_its_model(name: str) -> None:
    model = open_model(name)
    card = tool.page().partition(f"## Model {name}\n")[2].partition("\n## ")[0]
    assert f"| fingerprint | `{model.fingerprint}` |" in card
    assert f"made from | {model.training['pairs']:,} pairs" in card
    report = json.loads((tool.REPORTS / f"{model.spec}.json").read_text(encoding="utf-8"))
    assert f"| all | {report['queries']:,} | {report['groups']} | {report['acc']:.1f} [" in card
    for kind, part in report["by"]["kind"].items():
        low, high = part["ci95"]["acc"]
        told = f"| {kind} | {part['queries']} | {part['groups']} | {part['acc']:.1f} "
        assert f"{told}[{low:.1f}, {high:.1f}] |" in card


def test_every_network_of_the_package_has_a_card() -> None:
    page = tool.page()
    networks = [*PACKAGED.parent.glob("encoders/*.onnx"), *PACKAGED.parent.glob("details/*.onnx")]
    assert len(networks) == 2
    for file in networks:
        assert hashlib.sha256(file.read_bytes()).hexdigest() in page
        assert f"## Network {file.stem}" in page
    for folder in (PACKAGED.parent / "generators").iterdir():
        card = page.partition(f"## Generator {folder.name}\n")[2].partition("\n## ")[0]
        assert f"--kind {folder.name.removeprefix('small-')} " in card


def test_a_report_of_other_pairs_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in tool.REPORTS.iterdir():
        report = json.loads(file.read_text(encoding="utf-8"))
        report["queries"] = 7
        (tmp_path / file.name).write_text(json.dumps(report), encoding="utf-8")
    monkeypatch.setattr(tool, "REPORTS", tmp_path)
    with pytest.raises(SystemExit, match="on 7 pairs, and model default has"):
        tool.page()


@pytest.mark.parametrize("present", [True, False])
def test_results_of_an_earlier_edition_are_left_out(
    present: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = packaged_models()
    for file in tool.REPORTS.iterdir():
        shutil.copyfile(file, tmp_path / file.name)
    report = json.loads((tool.REPORTS / "default-newer-editors.json").read_text(encoding="utf-8"))
    for name in models:
        report["fingerprint"] = open_model(name).fingerprint if present else "0" * 32
        held = tmp_path / f"{name}-newer-editors.json"
        held.write_text(json.dumps(report), encoding="utf-8")
    monkeypatch.setattr(tool, "REPORTS", tmp_path)
    assert tool.page().count("As it is, on pairs of editors") == (len(models) if present else 0)


def test_manifests_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("path,license\na,MIT\nb,CC0\nc,MIT\n", encoding="utf-8")
    monkeypatch.setattr(tool, "REPORTS", tmp_path)
    tool.count_data([f"mine={manifest}"])
    told = json.loads((tmp_path / "data.json").read_text(encoding="utf-8"))
    assert told == {"mine": {"rows": 3, "licences": {"MIT": 2, "CC0": 1}}}


def test_another_page_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool, "TARGET", tmp_path / "models.md")
    for arguments, status in (["--check"], 1), ([], 0), (["--check"], 0):
        monkeypatch.setattr(sys, "argv", ["make_model_cards.py", *arguments])
        assert tool.main() == status
