"""The page of a report: what it holds, and that nothing of a stranger's file becomes markup."""

import base64
import hashlib
import json
import re
import tracemalloc
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, strategies

from originid.report import page
from originid.report.page import write_page
from report_cases import about, made_up, match


class Reader(HTMLParser):
    """The elements of a page with their attributes, and the texts of its scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.texts.append("")
        self.inside = True

    def handle_endtag(self, tag: str) -> None:
        self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.texts[-1] += data

    def of(self, tag: str) -> list[tuple[dict[str, str | None], str]]:
        return [
            (attributes, text)
            for (name, attributes), text in zip(self.elements, self.texts, strict=True)
            if name == tag
        ]


def written(cases: list[dict[str, Any]], **changed: Any) -> str:
    return "".join(write_page(about(len(cases), **changed), iter(cases)))


def held(text: str, name: str) -> Any:
    """What a script element of a page holds."""
    data = re.findall(rf'<script type="application/json" id="{name}">(.*?)</script>', text)
    return json.loads(data[0]) if data else None


def test_a_row_says_what_the_list_shows() -> None:
    text = written([made_up(1), made_up(2), made_up(3), made_up(4)])
    assert held(text, "row1") == {
        "number": 1,
        "name": "queries/00001.jpg",
        "verdict": "origin",
        "sentence": "certain: 1 in 20,000 strangers in this collection scores as high",
        "reference": "photos/01.jpg",
        "score": 0.8999,
        "rate": 5e-5,
        "often": "1 in 20,000",
    }
    assert held(text, "row2")["often"] == "1 in 40"
    assert held(text, "row3")["often"] == ""
    third = "the best of 39 strangers would score as high 4 times in 10"
    assert held(text, "row3")["sentence"] == third
    assert held(text, "row4")["verdict"] == "unreadable"
    assert held(text, "row4")["sentence"] == "no image; expected a picture"
    assert set(held(text, "large1")) == {"query_large", "reference_large", "aligned", "heat"}
    assert held(text, "large3") is None
    assert set(held(text, "small3")) == {"query", "reference"}
    assert held(text, "small4") == {}


def test_the_summary_stands_on_top() -> None:
    text = written([made_up(number) for number in range(1, 9)])
    assert "<h1>8 queries in archive</h1>" in text
    assert "2 have an origin in this collection, 2 need a person to look, 2 have none. " in text
    assert "2 could not be read." in text
    for shown in ("d88b4a16f233ba369ea56ec4e9bd756a", "ab" * 32, "2026-11-26 09:30:00 UTC",
                  "1 in 1,000 queries without an origin may get the verdict origin (balanced)",
                  "originid 0.1.0"):  # fmt: skip
        assert shown in text


def test_the_policy_allows_this_script_and_this_style_and_nothing_else() -> None:
    reader = Reader(written([made_up(1)]))
    policy = next(
        str(attributes["content"])
        for attributes, _ in reader.of("meta")
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    scripts = [text for attributes, text in reader.of("script") if "type" not in attributes]
    styles = [text for _, text in reader.of("style")]
    assert rules == {
        "default-src": "'none'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "script-src": f"'{hash_of(*scripts)}'",
        "style-src": f"'{hash_of(*styles)}'",
    }


def hash_of(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def test_the_page_names_nothing_outside_of_it() -> None:
    reader = Reader(written([made_up(1), made_up(2)]))
    for tag, attributes in reader.elements:
        assert not {"src", "srcset", "action", "style"} & set(attributes), tag
        assert not any(name.startswith("on") for name in attributes), tag
        assert attributes.get("href", "#list") in ("#list", "data:,"), tag
    (style,) = (text for _, text in reader.of("style"))
    assert "url(" not in style
    assert "@import" not in style


HOSTILE = [
    "</script><script>alert(1)</script>.jpg",
    "<img src=x onerror=alert(1)>",
    '"><b>',
    "<!--<script>",
    "a\u202egpj.exe",
    "line\nbreak\x1b[31m\x00",
    "\udcff.jpg",
    "a\u2028b",
    "&lt;b&gt;&amp;",
    "$policy ${title}",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_a_text(name: str) -> None:
    case = made_up(
        1,
        query=name,
        reason=name,
        note=name,
        matches=[match(1, 1e-5, reference=name, view=name, copies=[name])],
        described={name: name},
        credentials={"state": "valid", "sentence": name, "title": name, "actions": [name]},
        evidence={"sentence": name, "outline": None, "part": None},
    )
    text = written([case], collection=f"photos/{name}", model=name)
    plain = written([made_up(1)])
    assert [tag for tag, _ in Reader(text).elements] == [tag for tag, _ in Reader(plain).elements]
    row, sheet = held(text, "row1"), held(text, "sheet1")
    for shown in (row["name"], row["reference"], sheet["matches"][0]["view"], sheet["note"],
                  sheet["credentials"]["title"], sheet["credentials"]["actions"][0],
                  *sheet["described"]):  # fmt: skip
        assert shown.isprintable()
    assert row["name"] == name or not name.isprintable()
    text.encode("utf-8")


@given(strategies.text())
def test_any_name_stays_a_text(name: str) -> None:
    case = made_up(4, query=name, error=name)
    text = "".join(write_page(about(1, collection=name), iter([case])))
    assert held(text, "row1")["name"].isprintable()
    assert len(Reader(text).of("script")) == 5


def test_large_pictures_beyond_the_limit_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    size = sum(map(len, made_up(1)["pictures"].values()))
    monkeypatch.setattr(page, "MOST_EVIDENCE", size)
    text = written([made_up(1), made_up(2), made_up(3)])
    assert [held(text, f"sheet{n}")["pictures"] for n in (1, 2, 3)] == ["here", "left out", "none"]
    assert held(text, "large2") is None
    assert set(held(text, "small2")) == {"query", "reference"}


def test_only_a_few_copies_are_named() -> None:
    copies = [f"copy{number}.jpg" for number in range(10_000)]
    text = written([made_up(1, matches=[match(1, 1e-5, copies=copies)])])
    shown = held(text, "sheet1")["matches"][0]
    assert shown["copies"] == copies[:5]
    assert shown["more"] == 9_995


def test_a_page_of_thousands_of_cases_takes_no_memory() -> None:
    written([made_up(1), made_up(2)])  # what is kept once is not counted

    def cases(count: int) -> Iterator[dict[str, Any]]:
        for number in range(1, count + 1):
            yield made_up(number)

    size = 0
    tracemalloc.start()
    for part in write_page(about(4_000), cases(4_000)):
        size += len(part)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 20_000_000
    assert peak < 1_000_000
