"""originid remove: take references out of a collection."""

from typing import Annotated

import typer

from originid.cli.lists import NullOption, YesOption, too_many, with_lists
from originid.cli.output import JsonOption, print_json
from originid.system.addresses import location_of
from originid.system.text import counted, printable


def remove(
    references: Annotated[
        list[str],
        typer.Argument(
            metavar="REFERENCE...",
            help="Take out these files, or all files of these folders. The name - reads a list of "
            "paths from standard input, one a line.",
        ),
    ],
    collection: Annotated[
        str, typer.Option("--from", metavar="COLLECTION", help="Take them out of this collection.")
    ],
    null: NullOption = False,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Remove references from a collection. The image files stay.

    A reference that has further names, such as links to its file, is removed with the last of them.

    The exit status is 1 if a name is not in the collection. The other references are removed.
    """
    from originid.collection.collection import open_collection

    with open_collection(collection) as opened:

        def size(path: str) -> str | None:
            """How many references lie under a path on a list, where they are many."""
            return too_many(len(opened.database.under(location_of(path))), "references")

        names = with_lists(references, null, yes, size)
        before, named = len(opened), opened.database.count_names()
        unknown = opened.remove(names)
        left, removed_names = len(opened), named - opened.database.count_names()
    if json:
        print_json(
            {
                "removed": before - left,
                "further_names": removed_names,
                "references": left,
                "unknown": unknown,
            }
        )
    else:
        for name in unknown:
            print(f"not in the collection: {printable(name)}")
        word = "further name" if removed_names == 1 else "further names"
        names_too = f", {removed_names} {word} removed" if removed_names else ""
        print(
            f"{printable(str(opened.place))}: {before - left} removed{names_too}; "
            f"{counted(left, 'reference')}"
        )
    if unknown:
        raise typer.Exit(1)
