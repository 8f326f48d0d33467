"""Commands in the docs have only options that there are."""

import re
from pathlib import Path

import pytest
import typer.main

from originid.cli import app

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
LINE = re.compile(r"originid ([a-z][a-z-]+)((?:\\\n|[^`\n])*)")
OPTION = re.compile(r"(?<![\w-])(--?[a-zA-Z][a-z-]*)")


def wrong(text: str) -> list[str]:
    """The commands of a text that have an option which their command has not."""
    found = []
    for match in LINE.finditer(text):
        command = COMMANDS.get(match[1])
        if command is None:
            continue  # a sentence that goes on, such as "originid answers"
        own = {option for param in command.params for option in param.opts} | {"--help"}
        words = re.split(r"[|;]|&&|\. ", match[2])[0]  # up to where another command begins
        found += [f"{match[1]} {option}" for option in OPTION.findall(words) if option not in own]
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_options_on_a_page_exist(page: Path) -> None:
    assert wrong(page.read_text(encoding="utf-8")) == []


def test_the_test_of_options_can_fail() -> None:
    assert wrong("`originid evaluate --by COLUMN`") == ["evaluate --by"]
    assert wrong("$ originid find a.jpg --in c --top 3 --tip 4\n") == ["find --tip"]
    assert wrong("$ originid train p.csv \\\n  --mapp full") == ["train --mapp"]
    assert wrong("originid answers --none") == []
