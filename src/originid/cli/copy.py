"""originid copy: carry a collection to another place."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from originid.cli.output import (
    JsonOption,
    as_rows,
    note_unsigned,
    print_first,
    print_json,
    progress_bar,
)
from originid.system.text import counted, printable

if TYPE_CHECKING:
    from originid.copying import Copied


def copy(
    collection: Annotated[str, typer.Argument(metavar="COLLECTION", help="Copy this collection.")],
    into: Annotated[
        str,
        typer.Option(
            "--into",
            metavar="PLACE",
            help="Copy it to this folder, or to this URL of a server, where nothing is yet.",
        ),
    ],
    json: JsonOption = False,
) -> None:
    """Copy a collection to another place: from a folder to a server, or back.

    Vectors and all that is stored beside them are carried over, with decisions; no picture is read.
    The copy answers as the collection does. If the command is interrupted, give it again, and it
    goes on where it stopped. A complete copy stays as it is: index what comes later into it.

    The exit status is 1 if references were left out because their stored vector is damaged.
    """
    from originid.collection.collection import open_collection
    from originid.collection.stores import place_of
    from originid.copying import copy_collection

    start, place = time.monotonic(), place_of(into)
    with (
        open_collection(collection) as source,
        progress_bar("copying", "references") as progress,
    ):
        done = copy_collection(source, into, progress)
    seconds = time.monotonic() - start
    if json:
        print_json(
            {
                "collection": str(place_of(collection)),
                "into": str(place),
                "references": done.references,
                "copied": done.copied,
                "already": done.already,
                "decisions": done.decisions,
                "left_out": as_rows(done.left),
                "seconds": seconds,
            }
        )
    else:
        _print(str(place), done, seconds)
    note_unsigned(done.unsigned)
    if done.left:
        raise typer.Exit(1)


def _print(place: str, done: "Copied", seconds: float) -> None:
    print_first(done.left, "left out")
    already = f", {done.already:,} there already" if done.already else ""
    decided = f", {counted(done.decisions, 'decision')}" if done.decisions else ""
    print(
        f"{printable(place)}: {done.copied:,} copied{already}{decided} in {seconds:.1f} s; "
        f"{counted(done.references, 'reference')}"
    )
