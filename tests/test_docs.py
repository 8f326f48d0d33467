"""What the documentation shows is what happens."""

import contextlib
import io
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from layers import LAYERS
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


def shows(shown: str, printed: str) -> bool:
    """Whether a page shows what was printed; its line ``...`` stands for any lines left out."""
    kept = [re.escape(part) for part in re.split(r"^\.\.\.\n", shown, flags=re.MULTILINE)]
    return re.fullmatch("(?:.*\n)*".join(kept), printed) is not None


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
            assert shows(without_numbers(shown), without_numbers(printed.getvalue()))
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
    assert shows("a\n...\nd\n", "a\nb\nc\nd\n")
    assert not shows("a\n...\nd\n", "a\nb\nc\ne\n")
    assert not shows("a\n", "b\n")
    assert steps("$ originid show x\nreferences 3\n") == [
        (["originid", "show", "x"], "references 3\n")
    ]


def test_continuous_integration_runs_the_readmes_test_command() -> None:
    command = next(block for block in blocks("") if "pytest" in block).strip()
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert command.replace("pip install", "pip install --quiet") in ci
    assert command in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_links_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        text = page.read_text(encoding="utf-8")
        assert "@@" not in text, f"{page.name} is unfinished"
        for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", text):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
            if anchor:
                there = page.parent / target if target else page
                assert anchor in anchors(there.read_text(encoding="utf-8")), (
                    f"{page.name}: {anchor}"
                )


def anchors(text: str) -> set[str]:
    """What a link to a heading of a page may be called after ``#``."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_test_of_links_can_fail() -> None:
    assert anchors("# A page\n\n## Which is better, and why\n") == {
        "a-page",
        "which-is-better-and-why",
    }


PAGES = sorted((ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_contents_name_every_page(page: Path) -> None:
    contents = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    assert page.name in contents


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.name != "cli.md"], ids=lambda page: page.name
)
def test_every_page_begins_with_the_question_that_it_answers(page: Path) -> None:
    title, first = page.read_text(encoding="utf-8").split("\n\n")[:2]
    assert title.startswith("# ")
    assert "?" in first


ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`([\w/]+\.py)`:((?:,?(?: and)?\s+`[\w.]+`)+)", ARCHITECTURE)


@pytest.mark.parametrize(("file", "names"), NAMED)
def test_the_flows_name_functions_that_are_there(file: str, names: str) -> None:
    code = (ROOT / "src" / "originid" / file).read_text(encoding="utf-8")
    for name in re.findall(r"`([\w.]+)`", names):
        for part in name.split("."):
            assert re.search(rf"^\s*(def|class) {part}\b", code, re.MULTILINE), f"{file}: {name}"


def test_the_flows_are_found_on_their_page() -> None:
    assert len(NAMED) > 40
    assert ("images/decode.py", " `read_bytes` and\n   `decode`") in NAMED


def test_the_picture_of_the_rooms_has_every_layer() -> None:
    picture = blocks("", ARCHITECTURE)[0]
    drawn = [re.split(r" {3,}", line)[0].split() for line in picture.splitlines()]
    layers = [[room for room in layer if room] for layer in LAYERS]
    assert [line for line in drawn if line and line != ["|"]] == layers


def test_the_citation_knows_the_version() -> None:
    assert f"\nversion: {__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def test_the_hosted_workflow_runs_the_script_of_the_checks() -> None:
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert workflow.count("run: bash .ci/run") == 2
    for setting in set(re.findall(r"\bCI_[A-Z]+\b", workflow)):
        assert f"${{{setting}" in script, setting


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
