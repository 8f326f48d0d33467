"""originid decide: remember a person's judgement on a query and a reference."""

from pathlib import Path
from typing import Annotated

import typer

from originid.cli.output import JsonOption, print_json
from originid.errors import UsageError
from originid.system.text import counted, printable


def decide(
    collection: Annotated[
        str,
        typer.Option("--in", metavar="COLLECTION", help="Keep the decision in this collection."),
    ],
    query: Annotated[str | None, typer.Argument(help="Decide about this image, the query.")] = None,
    reference: Annotated[
        str | None,
        typer.Argument(
            help="Decide about this reference: its path as find prints it, or a file with the same "
            "content."
        ),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Remember that the query was made from the reference.")
    ] = False,
    no: Annotated[
        bool, typer.Option("--no", help="Remember that the query was not made from the reference.")
    ] = False,
    forget: Annotated[
        bool,
        typer.Option(
            "--forget",
            help="Remove the decision. If a file is gone, give its SHA-256, which show --decisions "
            "--json lists.",
        ),
    ] = False,
    note: Annotated[
        str, typer.Option(help="Show this remark whenever the decision is shown.")
    ] = "",
    listed: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="FILE.csv",
            help="Take the decisions of this list instead, which show --decisions-csv wrote for "
            "another collection.",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Remember whether a query was made from a reference.

    Give a query, a reference, and one of --yes, --no and --forget. From then on, a search for the
    same or nearly the same query puts a confirmed reference first, and does not propose a rejected
    one again. Files are known by their content, so a decision is kept when they move.
    """
    from originid.collection import deciding
    from originid.collection.collection import open_collection
    from originid.collection.decision_rows import decision_row

    if listed is not None:
        _refuse_beside_list([query, reference, yes, no, forget, note])
        _take(collection, listed, json)
        return
    if query is None or reference is None:
        raise UsageError(
            "missing: a query and a reference",
            "expected QUERY REFERENCE, or --from FILE.csv",
            "see originid decide --help",
        )
    _check_usage(yes, no, forget, note)
    with open_collection(collection) as opened:
        if forget:
            decision = deciding.forget(opened, query, reference)
        else:
            decision = deciding.decide(opened, query, reference, yes, note)
        row = decision_row(opened, decision)
    if json:
        print_json({**row, "decision": None} if forget else row)
    else:
        word = "forgotten" if forget else "remembered"
        made = "was made" if decision.confirmed else "was not made"
        shown = printable(row["reference"] or reference)
        print(f"{word}: {printable(query)} {made} from {shown}")


def _refuse_beside_list(others: list[object]) -> None:
    if any(others):
        raise UsageError(
            "a list with a query, a reference or another option",
            "expected --from FILE.csv and --in COLLECTION alone",
            "leave out what is beside the list",
        )


def _take(collection: str, listed: Path, json: bool) -> None:
    """Take the decisions of a list, and say how many."""
    from originid.collection.collection import open_collection
    from originid.collection.decision_list import take_decisions

    with open_collection(collection) as opened:
        taken = take_decisions(opened, listed)
    if json:
        print_json(vars(taken))
        return
    exact = f"; {taken.exact} for the same file only, as the query is not there"
    known = f"; {taken.known} known before" if taken.known else ""
    told = f"{counted(taken.added, 'decision')} taken{exact if taken.exact else ''}{known}"
    print(f"{printable(str(collection))}: {told}")


def _check_usage(yes: bool, no: bool, forget: bool, note: str) -> None:
    given = [name for name, on in (("--yes", yes), ("--no", no), ("--forget", forget)) if on]
    if len(given) != 1:
        raise UsageError(
            " and ".join(given) if given else "no decision",
            "expected one of --yes, --no and --forget",
            "give the one that you mean",
        )
    if forget and note:
        raise UsageError(
            "--note with --forget", "expected a note with --yes or --no only", "leave --note out"
        )
