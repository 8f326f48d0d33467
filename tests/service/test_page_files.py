"""The files of the page: texts in each language, and nothing that its policy would refuse."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

import originid.service.app
from originid.service.app import PAGE
from served import Serve

TEXTS = sorted((PAGE / "texts").glob("*.json"))
SCRIPTS = sorted(PAGE.rglob("*.js"))
FORMS = r"\.(zero|one|two|few|many|other)$"


def script() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in SCRIPTS)


def texts(path: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return found


def filled(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


def as_one(found: dict[str, str]) -> dict[str, set[str]]:
    """What is filled into each text; the forms of a number are one."""
    return {re.sub(FORMS, "", key): filled(text) for key, text in found.items()}


def test_there_are_texts_in_english_and_german() -> None:
    assert {"en", "de"} <= {path.stem for path in TEXTS}


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_each_language_has_the_texts_of_the_english_one(path: Path) -> None:
    found, english = texts(path), texts(PAGE / "texts" / "en.json")
    assert as_one(found) == as_one(english)
    assert all(text.strip() for text in found.values())
    # A language without a form for a number shows that for many.
    for key in english:
        if re.search(FORMS, key):
            assert re.sub(FORMS, ".other", key) in found


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_each_language_can_be_chosen(path: Path) -> None:
    line = re.search(r"LANGUAGES = \{(.*?)\}", script())
    assert line is not None
    assert re.search(rf"\b{path.stem}: ", line[1])


def test_each_text_that_is_asked_for_is_there() -> None:
    keys = as_one(texts(PAGE / "texts" / "en.json"))
    asked = set(re.findall(r"""\bt\(\s*["']([^"'`]+)["']""", script()))
    assert asked
    assert asked <= set(keys)


def test_each_text_is_used() -> None:
    """Its whole name is in a script, or its beginning, before what a script puts in."""
    source = script()
    started = tuple(re.findall(r"`([a-z_]+\.(?:[a-z_]+\.)?)\$\{", source))
    named = [f'"{key}"' for key in as_one(texts(PAGE / "texts" / "en.json"))]
    for name in named:
        view = name.strip('"')
        assert name in source or view.startswith(started) or view.endswith((".name", ".todo")), name


def test_each_error_says_what_to_do() -> None:
    found = texts(PAGE / "texts" / "en.json")
    errors = [key for key in found if key.startswith("error.") and not key.endswith(".todo")]
    assert [key for key in errors if f"{key}.todo" not in found] == ["error.said"]


def test_the_page_has_no_script_style_or_address_that_its_policy_refuses() -> None:
    page = (PAGE / "index.html").read_text(encoding="utf-8")
    assert re.findall(r"<script(?![^>]*\bsrc=)", page) == []
    assert "<style" not in page
    assert re.findall(r'\s(?:style|on\w+)="', page) == []
    assert (
        re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", script()) == []
    )
    assert re.findall(r"""setAttribute\(["']style""", script()) == []
    for path in (*SCRIPTS, *PAGE.glob("*.css"), PAGE / "index.html"):
        addresses = re.findall(r"https?://[\w.]+", path.read_text(encoding="utf-8"))
        assert set(addresses) <= {"http://www.w3.org"}, path


def test_no_file_is_long() -> None:
    files = [*SCRIPTS, *PAGE.glob("*.css"), *PAGE.glob("*.html")]
    assert max(len(path.read_text(encoding="utf-8").splitlines()) for path in files) < 300


def test_all_files_are_served_under_the_policy(client: TestClient) -> None:
    start: Any = client.get("/")
    assert start.status_code == 200
    assert start.headers["content-type"].startswith("text/html")
    for path in PAGE.rglob("*.*"):
        answer = client.get(f"/static/{path.relative_to(PAGE).as_posix()}")
        assert answer.status_code == 200
        assert answer.headers["content-security-policy"] == originid.service.app.POLICY
    assert "script-src 'self'" in start.headers["content-security-policy"]
    assert client.get("/static/../app.py").status_code == 404
    assert client.get("/static/%2e%2e/app.py").status_code == 404


def test_the_page_is_there_without_a_token(serve: Serve, tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.touch(mode=0o600)
    tokens.write_text(f"find {'f' * 24}\n")
    client = serve(token_file=tokens)
    assert client.get("/").status_code == 200
    assert client.get("/static/app.js").status_code == 200
    assert client.get("/v1/stats").status_code == 401
