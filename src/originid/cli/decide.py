"""originid decide: remember a person's judgement on a query and a reference."""

from typing import Annotated

import typer

from originid.cli.output import JsonOption, print_json
from originid.errors import UsageError
from originid.system.text import printable


def decide(
    query: Annotated[str, typer.Argument(help="Decide about this image, the query.")],
    reference: Annotated[
        str,
        typer.Argument(
            help="Decide about this reference: its path as find prints it, or a file with the same "
            "content."
        ),
    ],
    collection: Annotated[
        str,
        typer.Option("--in", metavar="COLLECTION", help="Keep the decision in this collection."),
    ],
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
    json: JsonOption = False,
) -> None:
    """Remember whether a query was made from a reference.

    Give one of --yes, --no and --forget. From then on, a search for the same or nearly the same
    query puts a confirmed reference first, and does not propose a rejected one again. Files are
    known by their content, so a decision is kept when they move.
    """
    from originid.collection import deciding
    from originid.collection.collection import open_collection
    from originid.collection.decision_rows import decision_row

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
