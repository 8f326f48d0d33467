"""originid find: which reference was each query made from?"""

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, count, tee
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from originid.cli.lists import (
    STDIN,
    NullOption,
    YesOption,
    looks_like_list,
    read_list,
    refuse_empty,
)
from originid.cli.output import note_missing_locks, print_json
from originid.system.addresses import is_address
from originid.system.text import printable, shell_command

if TYPE_CHECKING:
    from originid.answer import Answer
    from originid.finder import Finder
    from originid.latents.sources import Source
    from originid.types import Description, Failure

# As in `originid.views.looks`, which would load numpy only to print the help.
Effort = Literal["quick", "normal", "thorough"]
NO_ORIGIN = 3  # the exit status if no query has an origin
EffortOption = Annotated[
    Effort,
    typer.Option(
        help="Search so hard for a query that has no origin as it is. quick: do not look again. "
        "normal: look again at it mirrored, turned by quarters, without its frame and as a part of "
        "a reference, and compare local features with the best candidates. thorough: also turn it "
        "by 5 degrees, and compare local features with many more candidates."
    ),
]
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
QueriesArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="QUERY",
        help="Find the origins of these images. Folders are searched with all folders in them. "
        "The name - reads one image from standard input. A text that begins with "
        "io.originid.signs.1: is a fingerprint, and stands for its image.",
    ),
]
ListOption = Annotated[
    str | None,
    typer.Option(
        "--list",
        metavar="FILE",
        help="Find the origins of the images on this list too, a file with a path a line. The "
        "name - reads the list from standard input.",
    ),
]
RateOption = Annotated[
    str,
    typer.Option(
        help="Allow this share of queries without an origin here to get the verdict origin: "
        "strict (1 in 10,000), balanced (1 in 1,000), wide (1 in 100), or a number up to 0.1."
    ),
]


def find(
    collection: Annotated[Path, typer.Option("--in", help="Search this collection.")],
    queries: QueriesArgument = None,
    listed: ListOption = None,
    top: TopOption = 10,
    false_matches: RateOption = "balanced",
    effort: EffortOption = "normal",
    evidence: EvidenceOption = None,
    null: NullOption = False,
    yes: YesOption = False,
    json: JsonLinesOption = False,
) -> None:
    """Find the origin of images in a collection.

    The verdict is origin, uncertain (a person should look) or none, with the reason in one
    sentence. A collection knows from its own photos how high a picture scores there by chance.

    A query without an origin is looked at again: mirrored, turned, without its frame, and as a part
    of the references. If that finds more, the reason says what was done to the query. See --effort.

    The exit status is 0 if an origin was found, and 3 if no query has an origin. It is 1 if a query
    could not be read and no other has an origin.

    With --json, "false_match_rate" is how often the best stranger scores as high, and "confidence"
    is 1 less that. Under the verdict none they say how ordinary the score is, and not how likely
    the reference is the origin.

    With --evidence, each picture gets the name of its query, and a number behind the name if such a
    file exists. With --json, "evidence" is the path of the picture, or null.
    """
    from originid.finder import Finder
    from originid.verdict.presets import read_rate

    if not queries and listed is None:
        raise typer.BadParameter("no query: expected images, folders, or --list FILE")
    if null and listed is None:
        raise typer.BadParameter("-0 says how a list is written: name one by --list FILE")
    refuse_empty(queries or [])
    paths = [] if listed is None else read_list(listed, null, yes)
    if listed is not None and not paths:
        print(f"{printable(listed)}: there are no paths on this list", file=sys.stderr)
    found, searched, failed, stated = 0, 0, 0, read_rate(false_matches)
    with Finder.open(collection) as finder:
        note_missing_locks(finder.collection)
        _note_empty(finder, collection)
        # Each answer is printed as soon as it is there, so that a pipe can work on it.
        asked, sources = tee(chain(_sources(queries or []), files_of(paths)))
        answers = finder.find(sources, top, stated, effort)
        for query, found_for in zip(asked, answers, strict=True):
            answer = _told_of_lists(query, found_for)
            picture = _write_evidence(finder, query, answer, evidence) if evidence else None
            if json and evidence:
                print_json({**answer.to_json(), "evidence": picture and str(picture)})
            else:
                print_json(answer.to_json()) if json else _print(answer, picture)
            searched += answer.error is None
            failed += answer.error is not None
            found += answer.verdict == "origin"
    if not found:
        raise typer.Exit(NO_ORIGIN if searched and not failed else 1)


def _note_empty(finder: "Finder", collection: Path) -> None:
    """Say on standard error that a collection is empty, if it is."""
    if not len(finder.collection):
        todo = shell_command("index", "PHOTOS", "--into", collection)
        print(f"{printable(str(collection))} is empty; add photos: {todo}", file=sys.stderr)


def _sources(queries: list[str]) -> "Iterator[str | Source]":
    """Yield the images to search for: paths, or the bytes of standard input."""
    from originid.latents.sources import Source

    for query in queries:
        if query == STDIN:
            yield Source(STDIN, sys.stdin.buffer.read() if sys.stdin else b"")
        else:
            yield from files_of([query])


def files_of(paths: list[str]) -> Iterator[str]:
    """Yield files, and the images in folders."""
    from originid.cli.index import nothing_found
    from originid.images.find_files import find_images
    from originid.images.unread import Unread, summary

    for path in paths:
        if not os.path.isdir(path):
            yield path
            continue
        unreadable: list[Failure] = []
        unread: list[Unread] = []
        empty = True
        for image in find_images([path], unreadable.append, on_unread=unread.append):
            empty = False
            yield image
        # These are passed on too: when they are read, the answer says why they cannot be.
        yield from (failure.path for failure in unreadable)
        if unread:
            print(f"{printable(path)}: {printable(summary(unread))}", file=sys.stderr)
        if empty and not unreadable:
            print(nothing_found([path]), file=sys.stderr)


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
    return "the picture is with its owner" if is_address(reference) else "the file is gone"


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
            print(f"      and {count} {'copy' if count == 1 else 'copies'}, such as "
                  f"{printable(match.copies[0])}")  # fmt: skip
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
