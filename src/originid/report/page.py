"""A report as one HTML file, written from case to case.

The page holds its cases as inert JSON, each in a few script elements of its own: the row of the
list, the sheet behind it, its small pictures and its evidence. ``list.js`` and ``sheet.js`` make
elements of them when they are looked at. A policy in the page allows its own script and style, by
their hashes, and pictures that lie in the page; no request can leave it.
"""

import base64
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from html import escape
from importlib.resources import files
from string import Template

from originid.report.words import counts_in_words, facts, queries_in_words, rate_in_words
from originid.system.text import printable
from originid.types import Json

START = '<!doctype html>\n<html lang="en" data-report="originid">'
MOST_EVIDENCE = 250_000_000  # characters of large pictures; a browser still opens such a page
COPIES = 5  # names of copies of a match that are shown
_CASES = "<!-- cases -->"
_SMALL = ("query", "reference")


def write_page(about: Json, cases: Iterable[Json]) -> Iterator[str]:
    """Yield the parts of a page.

    Args:
        about: what was asked, as `Recording` says it.
        cases: each is only needed while it is written.
    """
    head, tail = _template(about).split(_CASES)
    yield head
    left = MOST_EVIDENCE
    for number, case in enumerate(cases, start=1):
        pictures = case["pictures"]
        large = {name: each for name, each in pictures.items() if name not in _SMALL}
        size = sum(map(len, large.values()))
        fits = size <= left
        left -= size if fits else 0
        yield _data("row", number, _row(number, case))
        yield _data("sheet", number, _sheet(case, bool(large), fits))
        yield _data("small", number, {k: v for k, v in pictures.items() if k in _SMALL})
        if large and fits:
            yield _data("large", number, large)
    yield tail


def _template(about: Json) -> str:
    folder = files("originid.report")
    html, style, sheet, listing = (
        folder.joinpath(name).read_text(encoding="utf-8")
        for name in ("report.html", "report.css", "sheet.js", "list.js")
    )
    script = f"{sheet}\n{listing}"
    policy = (
        "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
        f"style-src '{_hash(style)}'; script-src '{_hash(script)}'"
    )
    name = printable(os.path.basename(os.path.normpath(about["collection"])))
    rows = "".join(
        f"<div><dt>{escape(term)}</dt><dd>{escape(text)}</dd></div>" for term, text in facts(about)
    )
    filled = Template(html.removeprefix(_first_lines(html))).substitute(
        policy=policy,
        style=style,
        script=script,
        title=escape(f"{queries_in_words(about['queries'])} in {name}"),
        summary=escape(counts_in_words(about["counts"])),
        facts=rows,
        about=_inert(about["counts"] | {"started": about["started"]}),
    )
    return START + filled


def _first_lines(html: str) -> str:
    """What the file begins with so that editors take it for a page; `START` stands for it."""
    return html[: html.index("\n<head>")]


def _hash(text: str) -> str:
    """What a policy calls a script or a style: the hash of its text."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def _data(kind: str, number: int, value: Json) -> str:
    return f'<script type="application/json" id="{kind}{number}">{_inert(value)}</script>\n'


def _inert(value: Json) -> str:
    """A value as JSON in ASCII that can neither end its element nor begin another one."""
    text = json.dumps(value, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _row(number: int, case: Json) -> Json:
    """What the list shows of a case."""
    best = case["matches"][0] if case["matches"] else None
    verdict = case["verdict"] or "unreadable"
    sentence = case["reason"].removeprefix(f"{verdict}: ") or case["error"] or ""
    return {
        "number": number,
        "name": _name(case["query"]),
        "verdict": verdict,
        "sentence": printable(sentence),
        "reference": _name(best["reference"]) if best else "",
        "score": best["score"] if best else None,
        "rate": best["false_match_rate"] if best else None,
        "often": rate_in_words(case["verdict"], best) if best else "",
    }


def _sheet(case: Json, explained: bool, fits: bool) -> Json:
    """What is shown when a case is opened, but for its pictures."""
    evidence = case["evidence"]
    return {
        "matches": [
            {
                "reference": _name(match["reference"]),
                "score": match["score"],
                "often": rate_in_words(case["verdict"], match),
                "view": printable(match["view"]),
                "exists": match["exists"],
                "copies": [_name(copy) for copy in match["copies"][:COPIES]],
                "more": max(0, len(match["copies"]) - COPIES),
            }
            for match in case["matches"]
        ],
        "sha256": case["sha256"],
        "note": printable(case["note"]),
        "described": {printable(k): printable(v) for k, v in case["described"].items()},
        "credentials": _shown(case["credentials"]),
        "evidence": evidence and {**evidence, "sentence": printable(evidence["sentence"])},
        "pictures": "here" if explained and fits else "left out" if explained else "none",
    }


def _shown(credentials: Json) -> Json:
    """Content credentials as texts that are safe to show: they come from the file."""
    return {
        name: [printable(each) for each in value] if isinstance(value, list) else printable(value)
        for name, value in credentials.items()
    }


def _name(path: str) -> str:
    return "standard input" if path == "-" else printable(path)
