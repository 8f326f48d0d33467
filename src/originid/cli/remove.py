"""originid remove: take references out of a collection."""

from pathlib import Path
from typing import Annotated

import typer

from originid.cli.output import print_json
from originid.system.text import printable


def remove(
    references: Annotated[
        list[str],
        typer.Argument(
            metavar="REFERENCE...", help="Files or folders; - reads paths from standard input."
        ),
    ],
    collection: Annotated[Path, typer.Option("--from", help="The collection.")],
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Remove references from a collection; the image files stay.

    Exit status: 1 when a name is not in the collection; the others are removed.
    """
    from originid.cli.index import stdin_paths
    from originid.collection.collection import open_collection

    with open_collection(collection) as opened:
        before = len(opened)
        unknown = opened.remove(stdin_paths(references))
        left = len(opened)
    if json:
        print_json({"removed": before - left, "references": left, "unknown": unknown})
    else:
        for name in unknown:
            print(f"not in the collection: {printable(name)}")
        print(f"{printable(str(collection))}: {before - left} removed; {left} references")
    if unknown:
        raise typer.Exit(1)
