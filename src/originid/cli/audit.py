"""originid audit: the origins of many queries, as a report."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from originid.cli.lists import NullOption, YesOption
from originid.cli.output import JsonOption, note_missing_locks, print_json, progress_bar
from originid.cli.queries import (
    EffortOption,
    ListOption,
    QueriesArgument,
    RateOption,
    named_queries,
    note_empty,
    show_in_browser,
)
from originid.system.text import printable

if TYPE_CHECKING:
    from originid.report.audit import Audited

FAILED = 1  # the exit status if no query could be read


def audit(
    collection: Annotated[
        str, typer.Option("--in", metavar="COLLECTION", help="Search this collection.")
    ],
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            help="Write this report: a page (.html), with the same as .json and .csv beside it, or "
            "one of these two alone. A report that exists is replaced.",
        ),
    ],
    queries: QueriesArgument = None,
    listed: ListOption = None,
    top: Annotated[
        int, typer.Option(min=1, help="Keep this many matches of each query; at least 1.")
    ] = 5,
    false_matches: RateOption = "balanced",
    effort: EffortOption = "normal",
    open_: Annotated[
        bool, typer.Option("--open", help="Show the report when it is done, in the web browser.")
    ] = False,
    null: NullOption = False,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Find the origins of many images, and write a report.

    The page shows each query beside its best match, with the verdict, and on a click where both
    agree. It is one file that needs no network, so that it can be sent by mail.

    An audit that was interrupted goes on when the same command is run again. Until it is done,
    what it has found lies beside the report, in a file that ends in .unfinished.

    A query that cannot be read is a row of the report. The exit status is 1 if none can be read.
    """
    from originid.finder import Finder
    from originid.report.audit import audit as make
    from originid.report.forms import check_output
    from originid.report.recording import Asked
    from originid.verdict.presets import read_rate

    check_output(output)
    asked = Asked(top, read_rate(false_matches), effort)
    named = list(named_queries(queries, listed, null, yes))
    if not named:  # a report that is there is not replaced by one of nothing
        raise typer.Exit(FAILED)
    with Finder.open(collection) as finder, progress_bar("auditing", "queries") as progress:
        note_missing_locks(finder.collection)
        note_empty(finder)
        done = make(finder, named, output, asked, progress=progress, tell=_tell)
    _print(done, json)
    if open_:
        show_in_browser(output)
    if done.counts["unreadable"] == len(named):
        raise typer.Exit(FAILED)


def _tell(sentence: str) -> None:
    print(f"note: {printable(sentence)}", file=sys.stderr)


def _print(done: "Audited", json: bool) -> None:
    if json:
        files = [str(path) for path in done.files]
        print_json({"files": files, "counts": done.counts, "resumed": done.resumed})
        return
    resumed = f", {done.resumed:,} of them by an earlier run" if done.resumed else ""
    queries = sum(done.counts.values())
    told = ", ".join(f"{count:,} {verdict}" for verdict, count in done.counts.items())
    print(f"{queries:,} {'query' if queries == 1 else 'queries'}: {told}{resumed}")
    print(f"look at {printable(str(done.files[0]))}")
