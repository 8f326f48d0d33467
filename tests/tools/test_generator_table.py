"""The table of generators in the docs is that of the presets."""

import sys
from pathlib import Path

import pytest

import make_generator_table as tool
from originid.generation.diffusion.presets import GENERATORS


def test_the_page_has_the_present_table() -> None:
    text = tool.PAGE.read_text(encoding="utf-8")
    assert tool.page_with(text) == text, "run: python tools/make_generator_table.py"


def test_another_table_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{tool.BEGIN}old\n{tool.END}after\n", encoding="utf-8")
    monkeypatch.setattr(tool, "PAGE", page)
    monkeypatch.setattr(sys, "argv", ["make_generator_table.py", "--check"])
    assert tool.main() == 1
    monkeypatch.setattr(sys, "argv", ["make_generator_table.py"])
    assert tool.main() == 0
    written = page.read_text(encoding="utf-8")
    assert written.startswith(f"before\n{tool.BEGIN}| name |")
    assert written.endswith(f"{tool.END}after\n")
    assert written.count("\n| `") == len(GENERATORS)
    monkeypatch.setattr(sys, "argv", ["make_generator_table.py", "--check"])
    assert tool.main() == 0
