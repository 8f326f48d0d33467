"""What the documentation shows is what happens."""

import contextlib
import io
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from originid import __version__, cli
from originid.index import Codec

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str, text: str = README) -> list[str]:
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [body for name, body in fenced if name == language]


def without_numbers(text: str) -> str:
    """Times, sizes, scores and hashes differ between machines and versions; words do not."""
    return re.sub(r">?\d+(\.\d+)?|\b[0-9a-f]{32}\b", "N", re.sub(r" +", " ", text))


def steps(block: str) -> list[tuple[list[str], str]]:
    """The commands of a console block, each with what it prints."""
    found = []
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        found.append((shlex.split(command.split("&& ")[-1]), output))
    return found


@pytest.fixture
def used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which the README's commands were run, one after the other."""
    monkeypatch.chdir(tmp_path)
    for block in blocks("console"):
        for command, shown in steps(block):
            assert command[0] == "originid"
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                assert cli.run(command[1:]) == 0
            assert without_numbers(printed.getvalue()) == without_numbers(shown)
    return tmp_path


def test_the_readme_shows_what_happens(used: Path) -> None:
    snippet = blocks("python")[0]
    shown = next(block for block in blocks("") if block.startswith("origin "))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(snippet, "README.md", "exec"), {})
    assert printed.getvalue() == shown


def test_the_test_of_the_readme_can_fail() -> None:
    assert without_numbers("a 1.5 s b") != without_numbers("a 1.5 s c")
    assert steps("$ originid show x\nreferences 3\n") == [
        (["originid", "show", "x"], "references 3\n")
    ]


def test_continuous_integration_runs_the_readmes_test_command() -> None:
    command = next(block for block in blocks("") if "pytest" in block).strip()
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert command.replace("pip install", "pip install --quiet") in ci
    assert command in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_links_lead_somewhere() -> None:
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        text = page.read_text(encoding="utf-8")
        assert "@@" not in text, f"{page.name} is unfinished"
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_changelog_knows_the_version() -> None:
    assert f"## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f'version = "{__version__}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_the_one_liner_reads_a_code() -> None:
    snippet = next(
        block
        for block in blocks("", (ROOT / "docs" / "formats.md").read_text(encoding="utf-8"))
        if "np.linalg.norm" in block
    )
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(2, 37)).astype(np.float32)
    codes = Codec(37).encode(vectors)
    read = []
    for code in codes:
        names = {"np": np, "code": code, "dim": 37}
        exec(snippet, names)
        read.append(names["y"])
    expected = vectors[0] @ vectors[1] / np.linalg.norm(vectors, axis=1).prod()
    assert np.dot(*read) == pytest.approx(expected, abs=1e-3)
