"""The forms of a report: a page, JSON and CSV, each written from case to case."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from originid.report.page import START as PAGE
from originid.report.page import write_page
from originid.system.csv_rows import write_rows
from originid.system.outputs import refuse_other_output, refuse_to_replace
from originid.system.storage import new_file, storage_errors
from originid.types import Json

PAGE_SUFFIX = ".html"
SUFFIXES = (PAGE_SUFFIX, ".json", ".csv")
COLUMNS = (
    "query",
    "verdict",
    "reason",
    "score",
    "false_match_rate",
    "reference",
    "view",
    "evidence",
    "credentials",
    "sha256",
    "note",
    "error",
)
STARTS = {
    PAGE_SUFFIX: PAGE,
    ".json": '{"report": "originid audit"',
    ".csv": ",".join(COLUMNS),
}
"""How our own files begin: others are not replaced."""

Cases = Callable[[], Iterator[Json]]
"""All cases in their order, as often as they are asked for."""


def files_of(output: Path) -> tuple[Path, ...]:
    """The files that a report consists of: beside a page also its JSON and its CSV."""
    if not has_pictures(output):
        return (output,)
    return (output, output.with_suffix(".json"), output.with_suffix(".csv"))


def has_pictures(output: Path) -> bool:
    """Whether a report is a page."""
    return output.suffix.lower() == PAGE_SUFFIX


def check_output(output: Path) -> None:
    """Refuse a report that does not end in one of `SUFFIXES`, or whose place is taken.

    Raises:
        UsageError: it ends otherwise, in small or capital letters, or has no folder.
        InputError: what lies there, or where a file beside the page would, is no report.
    """
    todo = "give it its ending, such as report.html, which also writes report.json and report.csv"
    refuse_other_output(output, "the report", SUFFIXES, todo)
    for path in files_of(output):
        refuse_to_replace(path, STARTS[path.suffix.lower()], "report")


def write_report(output: Path, about: Json, cases: Cases) -> None:
    """Write a report; its size in memory does not depend on the number of cases.

    Args:
        output: the file, which `check_output` has passed; files beside it are written too.
        about: what was asked, as `Recording` says it.
        cases: its cases, as `make_case` makes them.

    Raises:
        StorageError: the disk is full or cannot be written.
    """
    # The page comes last: whoever sees it finds the others beside it.
    for path in reversed(files_of(output)):
        suffix = path.suffix.lower()
        if suffix == ".csv":
            write_rows(path, _rows(cases))
            continue
        with (
            storage_errors(path),
            new_file(path) as temporary,
            temporary.open("w", encoding="utf-8", newline="\n") as file,
        ):
            for part in _json(about, cases) if suffix == ".json" else write_page(about, cases()):
                file.write(part)


def _json(about: Json, cases: Cases) -> Iterator[str]:
    yield f'{STARTS[".json"]}, "about": {json.dumps(about, allow_nan=False)}, "cases": ['
    for number, case in enumerate(cases()):
        told = {name: value for name, value in case.items() if name != "pictures"}
        yield f"{',' if number else ''}\n{json.dumps(told, allow_nan=False)}"
    yield "\n]}\n"


def _rows(cases: Cases) -> Iterator[list[str]]:
    yield list(COLUMNS)
    for case in cases():
        best = case["matches"][0] if case["matches"] else {}
        evidence = case["evidence"] or {}
        yield [
            case["query"],
            case["verdict"] or "",
            case["reason"],
            str(best.get("score", "")),
            str(best.get("false_match_rate", "")),
            best.get("reference", ""),
            best.get("view", ""),
            evidence.get("sentence", ""),
            case["credentials"]["sentence"],
            case["sha256"] or "",
            case["note"],
            case["error"] or "",
        ]
