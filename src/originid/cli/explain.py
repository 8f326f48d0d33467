"""originid explain: where a query and a reference agree, as a picture."""

from pathlib import Path
from typing import Annotated

import typer

from originid.cli.output import JsonOption, note_untrusted, print_json
from originid.cli.queries import Effort
from originid.system.text import printable

NO_MATCH = 3  # the exit status if nothing was found that could be explained


def explain(
    query: Annotated[str, typer.Argument(help="Explain the match of this image, the query.")],
    collection: Annotated[
        str, typer.Option("--in", metavar="COLLECTION", help="Search this collection.")
    ],
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            help="Write this file: a picture (.png or .jpg), a page (.html) or all numbers "
            "(.json). An explanation that exists is replaced.",
        ),
    ],
    reference: Annotated[
        str | None,
        typer.Argument(
            help="Explain this reference: its path as find prints it, or a file with the same "
            "content. Without it, the best match is searched for.",
        ),
    ] = None,
    effort: Annotated[
        Effort, typer.Option(help="Search with this effort, as find does.")
    ] = "normal",
    json: JsonOption = False,
) -> None:
    """Show where a query and a reference agree.

    The file shows both side by side, the place of the query in the reference, both as a
    checkerboard, and a map of where they agree. One sentence says what the numbers say.

    The exit status is 3 if the search finds no reference at all.
    """
    from originid.errors import ImageError
    from originid.explain.writing import check_output, write_evidence
    from originid.finder import Finder

    check_output(output)
    with Finder.open(collection) as finder:
        if reference is None:
            answer = finder.find(query, top=1, effort=effort)
            if answer.error is not None:
                expected, todo = "expected an image that can be read", "name another file"
                raise ImageError(f"{query}: {answer.error}", expected, todo)
            if not answer.matches:
                if json:
                    print_json({"query": query, "reference": None, "file": None})
                else:
                    print(f"{printable(query)}: no reference was found, so none is explained")
                raise typer.Exit(NO_MATCH)
            evidence = finder.explain(query, answer)
        else:
            evidence = finder.explain(query, reference)
        note_untrusted(finder.collection)
    write_evidence(output, evidence)
    if json:
        print_json({**evidence.to_json(), "file": str(output)})
    else:
        print(f"{printable(query)} and {printable(evidence.match.reference)}: {evidence.sentence}")
        print(f"look at {printable(str(output))}")
