"""originid remove: take references out of a collection."""

from pathlib import Path
from typing import Annotated

import typer

from originid.cli.output import JsonOption, print_json
from originid.system.text import printable


def remove(
    references: Annotated[
        list[str],
        typer.Argument(
            metavar="REFERENCE...",
            help="Take out these files, or all files of these folders. The name - reads paths from "
            "standard input.",
        ),
    ],
    collection: Annotated[Path, typer.Option("--from", help="Take them out of this collection.")],
    json: JsonOption = False,
) -> None:
    """Remove references from a collection. The image files stay.

    The exit status is 1 if a name is not in the collection. The other references are removed.
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
