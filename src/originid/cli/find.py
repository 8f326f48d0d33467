"""originid find: which reference was each query made from?"""

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain, count, tee
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Annotated

import typer

from originid.cli.lists import NullOption, YesOption, looks_like_list
from originid.cli.output import note_damaged, note_missing_locks, note_untrusted, print_json
from originid.cli.queries import (
    EffortOption,
    ListOption,
    QueriesArgument,
    RateOption,
    named_queries,
    note_empty,
    show_in_browser,
)
from originid.system.addresses import is_address, whereabouts
from originid.system.text import printable

if TYPE_CHECKING:
    from originid.answer import Answer
    from originid.finder import Finder
    from originid.latents.sources import Source
    from originid.report.recording import Asked, Recording
    from originid.types import Description

NO_ORIGIN = 3  # the exit status if no query has an origin
TopOption = Annotated[
    int, typer.Option(min=1, help="Show this many matches of each query; at least 1.")
]
JsonLinesOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON object a line, for each query.")
]
EvidenceOption = Annotated[
    Path | None,
    typer.Option(
        help="Write a picture into this folder for each query with the verdict origin or "
        "uncertain, which shows where it and its best match agree."
    ),
]


def find(
    collection: Annotated[
        str, typer.Option("--in", metavar="COLLECTION", help="Search this collection.")
    ],
    queries: QueriesArgument = None,
    listed: ListOption = None,
    top: TopOption = 10,
    false_matches: RateOption = "balanced",
    effort: EffortOption = "normal",
    evidence: EvidenceOption = None,
    open_: Annotated[
        bool,
        typer.Option(
            "--open", help="Show a report of these queries in the web browser, as audit makes it."
        ),
    ] = False,
    null: NullOption = False,
    yes: YesOption = False,
    json: JsonLinesOption = False,
) -> None:
    """Find the origin of images in a collection.

    The verdict is origin, uncertain (a person should look) or none, with the reason in one
    sentence. A collection knows from its own photos how high a picture scores there by chance.

    A query without an origin is looked at again: mirrored, turned, without its frame, and as a part
    of the references. If that finds more, the reason says what was done to the query. See --effort.
    The matches of a second look come in the order of all that was compared, local features among
    it, and the score is one part of that.

    The exit status is 0 if an origin was found, and 3 if no query has an origin. It is 1 if a query
    could not be read and no other has an origin.

    With --json, "false_match_rate" is how often the best stranger scores as high, and "confidence"
    is 1 less that. Under the verdict none they say how ordinary the score is, and not how likely
    the reference is the origin.

    The files of references are opened only in folders that this account indexed, or that the
    environment variable ORIGINID_TRUSTED_FOLDERS names. With --json, "trusted" is false elsewhere.

    With --evidence, each picture gets the name of its query, and a number behind the name if such a
    file exists. With --json, "evidence" is the path of the picture, or null.
    """
    from originid.finder import Finder
    from originid.report.recording import Asked
    from originid.types import Verdict
    from originid.verdict.presets import read_rate

    named = named_queries(queries, listed, null, yes)
    searched = Asked(top, read_rate(false_matches), effort)
    with Finder.open(collection) as finder, _report(finder, searched, open_) as report:
        note_missing_locks(finder.collection)
        note_empty(finder)
        # Each answer is printed as soon as it is there, so that a pipe can work on it.
        asked, sources = tee(report.missing(named) if report else named)
        verdicts: Counter[Verdict | None] = Counter()
        answers = finder.find(sources, top, searched.false_matches, effort)
        for query, found_for in zip(asked, answers, strict=True):
            answer = _told_of_lists(query, found_for)
            picture = _write_evidence(finder, query, answer, evidence) if evidence else None
            shown = answer.to_json() | _evidence_json(evidence, picture)
            print_json(shown) if json else _print(answer, picture)
            verdicts[answer.verdict] += 1
            if report is not None:
                report.add(answer)
        note_damaged(finder.collection)
        note_untrusted(finder.collection)
    if not verdicts[Verdict.ORIGIN]:
        raise typer.Exit(NO_ORIGIN if verdicts and not verdicts[None] else 1)


@contextmanager
def _report(finder: "Finder", asked: "Asked", wanted: bool) -> "Iterator[Recording | None]":
    """Record answers, if a report is wanted, and show it when all are there."""
    from originid.report.recording import Recording

    if not wanted:
        yield None
        return
    page = Path(mkdtemp(prefix="originid-")) / "report.html"
    with Recording(finder, page, asked) as report:
        yield report
        show_in_browser(report.write()[0])


def _told_of_lists(query: "str | Source", answer: "Answer") -> "Answer":
    """Say of what came by standard input that it is a list, if it looks like one."""
    if isinstance(query, str) or answer.error is None or not looks_like_list(query.data or b""):
        return answer
    error = "a list of paths, and expected the bytes of one image; read a list by --list -"
    return replace(answer, error=error)


def _write_evidence(
    finder: "Finder", query: "str | Source", answer: "Answer", folder: Path
) -> Path | None:
    """Write the picture of a query's best match, under a name that is free; return its path."""
    from originid.errors import InputError
    from originid.explain.writing import write_evidence
    from originid.system.storage import storage_errors

    if answer.verdict is None or answer.verdict == "none" or not answer.matches:
        return None
    try:
        evidence = finder.explain(query, answer)
    except InputError as error:  # the file of the reference is gone, say: the answer stays
        print(f"no evidence for {_shown(answer.query)}: {printable(error.reason)}",
              file=sys.stderr)  # fmt: skip
        return None
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    stem = "standard-input" if answer.query == "-" else Path(answer.query).stem
    names = chain([f"{stem}.png"], (f"{stem}-{number}.png" for number in count(2)))
    path = next(folder / name for name in names if not (folder / name).exists())
    write_evidence(path, evidence)
    return path


def _shown(query: str) -> str:
    """The name of a query as it is printed: of a fingerprint only how it begins."""
    from originid.index.fingerprint import is_fingerprint, shortened

    return printable(shortened(query) if is_fingerprint(query) else query)


def _whereabouts(reference: str) -> str:
    """Say of a reference that has no file here where its picture is."""
    address = is_address(reference)
    return f"the picture is {whereabouts(reference)}" if address else "the file is gone"


def _evidence_json(folder: Path | None, picture: Path | None) -> dict[str, str | None]:
    """What ``--json`` says of the evidence, if it was asked for."""
    return {} if folder is None else {"evidence": None if picture is None else str(picture)}


def _print(answer: "Answer", picture: Path | None = None) -> None:
    query = _shown(answer.query)
    if answer.verdict is None:
        print(f"{query}: error: {printable(answer.error or '')}", file=sys.stderr)
        return
    verdict = answer.verdict.value
    print(f"{query}: {verdict}: {printable(answer.reason.removeprefix(f'{verdict}: '))}")
    if answer.note:
        print(f"      note: {answer.note}")
    for match in answer.matches:
        where = "" if match.exists else f"  ({_whereabouts(match.reference)})"
        print(f"  {match.rank:2}  score {match.score:.3f}  {printable(match.reference)}{where}")
        for line in told(match.description):
            print(f"      {line}")
        if match.copies:
            count = len(match.copies)
            of = "a copy:" if count == 1 else f"{count:,} copies, such as"
            print(f"      and {of} {printable(match.copies[0])}")
    if picture is not None:
        print(f"      see {printable(str(picture))}")


def told(description: "Description | None") -> Iterator[str]:
    """The lines that say what the holder says of a reference."""
    if description is None:
        return
    facts = (description.credit, description.date, description.licence)
    for line in (description.caption, ", ".join(filter(None, facts)), description.link):
        if line:
            yield printable(line)
