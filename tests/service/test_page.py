"""docs/service.md: its commands are run, and its tables are those of the code."""

import contextlib
import io
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path

import pytest

pytest.importorskip("uvicorn", reason="needs the extra [serve]")
pytest.importorskip("httpx", reason="needs the extra [client]")

from listening import listening
from originid.collection.adding import store_images
from originid.collection.collection import create_collection, open_collection
from originid.finder import Finder
from originid.model import Model
from originid.service.app import create_app
from originid.service.errors import CODES
from originid.service.settings import Settings
from originid.testing import write_photos

PAGE = (Path(__file__).parents[2] / "docs" / "service.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
TOKENS, *COMMANDS, BACKUP = (code for language, code in BLOCKS if language == "sh")
C2PA = "/c2pa/"  # how these routes begin: docs/c2pa.md tells of them
ON_COMMAND_LINE = {"token_file", "read_only", "allow_urls"}
needs_shell = pytest.mark.skipif(
    not (shutil.which("bash") and shutil.which("curl")), reason="needs bash and curl"
)


def shell(script: str, **environment: str) -> str:
    """Run a script in the current folder, and return what it prints."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env={**os.environ, "PATH": path, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def finder(tmp_path: Path, model: Model, monkeypatch: pytest.MonkeyPatch) -> Iterator[Finder]:
    """A collection in the folder of the test, which is the current one, and the page's pictures."""
    monkeypatch.chdir(tmp_path)
    photos = write_photos("photos", 6)
    shutil.copy(photos[0], "query.jpg")
    shutil.copy(write_photos("new", 1, 99)[0], "new.jpg")
    with create_collection(Path("collection"), model) as collection:
        store_images(collection, ["photos"])
        yield Finder(collection)


@pytest.fixture
def tokens() -> Callable[[], tuple[Path, str]]:
    """Makes a file of tokens as the page says; gives it and the token."""

    def make() -> tuple[Path, str]:
        shell(TOKENS)
        role, token, *name = Path("tokens").read_text().split()
        assert (role, name, len(token) >= 40) == ("admin", ["my", "laptop"], True)
        return Path("tokens"), token

    return make


@needs_shell
def test_every_command_works(finder: Finder, tokens: Callable[[], tuple[Path, str]]) -> None:
    file, token = tokens()
    with listening(create_app(finder, Settings(token_file=file, workers=2))) as address:
        script = "".join(COMMANDS).replace("http://localhost:8000", address)
        printed = shell(script, TOKEN=token)
    assert printed.startswith('{"query": "query.jpg", "verdict": "origin"')
    assert json.loads(Path("evidence.json").read_text())["reference"] == "photos/0000.png"
    assert Path("evidence.png").read_bytes().startswith(b"\x89PNG")
    assert Path("evidence.html").read_text().startswith("<!doctype html>")
    assert Path("small.jpg").read_bytes()[:2] == Path("large.jpg").read_bytes()[:2] == b"\xff\xd8"
    assert json.loads(Path("added.json").read_text())["description"]["caption"] == "The old pier"
    assert 'originid_verdicts_total{verdict="origin"}' in printed
    assert len(finder.collection) == 6
    assert finder.collection.database.decisions() == []


def test_every_route_has_a_command(finder: Finder) -> None:
    commands = [
        line for code in COMMANDS for line in code.splitlines() if " $at" in line or '"$at' in line
    ]
    shown = set()
    for line in commands:
        before = next(code for code in COMMANDS if line in code).partition(line)[0]
        whole = before.rpartition("curl")[2] * line.startswith(" ") + line
        method = re.search(r"-X (\w+)", whole)
        route = re.search(r"\$at(/[\w/$]*)", whole)
        assert route
        path = re.sub(r"/(\d+|\$id)(?=/|$)", "/{id}", route[1])
        shown.add((method[1] if method else "POST" if " -F " in whole else "GET", path))
    paths = create_app(finder, Settings()).openapi()["paths"]
    ours = {path: methods for path, methods in paths.items() if not path.startswith(C2PA)}
    assert shown == {(method.upper(), path) for path in ours for method in ours[path]}


def test_the_client_prints_what_is_shown(
    finder: Finder, tokens: Callable[[], tuple[Path, str]]
) -> None:
    (number,) = (i for i, (language, _) in enumerate(BLOCKS) if language == "python")
    file, token = tokens()
    with listening(create_app(finder, Settings(token_file=file, workers=2))) as address:
        code = BLOCKS[number][1].replace("http://localhost:8000", address)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "docs/service.md", "exec"), {"token": token})
    assert printed.getvalue() == BLOCKS[number + 1][1]


def test_the_limits_are_those_of_the_code() -> None:
    described = re.search(r"Args:\n(.*?)\n\n", Settings.__doc__ or "", re.DOTALL)
    assert described
    parts = re.split(r"^ {8}(\w+): ", described[1], flags=re.MULTILINE)[1:]
    texts = dict(zip(parts[::2], (" ".join(text.split()) for text in parts[1::2]), strict=True))
    rows = [
        f"| `{field.name}` | {field.default:,} | {texts[field.name]} |"
        for field in fields(Settings)
        if field.name not in ON_COMMAND_LINE
    ]
    assert "\n".join(["|---|---|---|", *rows, "", ""]) in PAGE


def test_the_statuses_are_those_of_the_code() -> None:
    shown = re.findall(r"^\| (\d{3}) \| `(\w+)` \|", PAGE, re.MULTILINE)
    assert {int(status): code for status, code in shown} == CODES


@needs_shell
def test_a_copy_that_is_made_while_pictures_come_is_whole(finder: Finder) -> None:
    stop = threading.Event()
    sent = Path("collection/added")
    sent.mkdir()

    def add() -> None:
        for number in itertools.count(200):
            kept = sent / f"{number}.png"
            write_photos("more", 1, number)[0].rename(kept)
            store_images(finder.collection, [kept.absolute()], workers=1)
            if stop.is_set():
                break

    writer = threading.Thread(target=add)
    writer.start()
    copied = []
    for _ in range(2):  # the second time over the first
        before = len(finder.collection)
        shell(BACKUP)
        with open_collection(Path("backup")) as copy:
            copied.append(len(copy))
            assert before <= len(copy) <= len(finder.collection)
            assert list(copy.verify()) == []
            for row in copy.references():
                folder = "backup/added" if "added" in row.location else "photos"
                assert Path(folder, Path(row.location).name).exists()
    assert writer.is_alive()  # it was written to all the time
    stop.set()
    writer.join()
    assert copied[0] < copied[1]
    finder.collection.close()
    # Restored at its old path, it is found in.
    shutil.rmtree("collection")
    shutil.copytree("backup", "collection")
    with open_collection(Path("collection")) as restored:
        assert len(restored) == copied[1]
        assert list(restored.verify(content=True)) == []
        assert Finder(restored).find("query.jpg").matches[0].reference == "photos/0000.png"
