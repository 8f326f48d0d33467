"""originid show: what a collection holds, and whether it is sound."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from originid.cli.output import JsonOption, as_rows, print_failures, print_json
from originid.system.text import printable

if TYPE_CHECKING:
    from originid.collection.collection import Collection


def show(
    collection: Annotated[Path, typer.Argument(help="Show this collection.")],
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Check the database, every vector and every image file too."),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Show what a collection holds.

    The exit status is 1 if --verify finds a problem.
    """
    from originid.collection.collection import open_collection

    with open_collection(collection) as opened:
        facts = _facts(opened)
        problems = list(opened.verify()) if verify else None
        failures = opened.failures()
    if json:
        facts["skipped"] = as_rows(failures)
        if problems is not None:
            facts["problems"] = as_rows(problems)
        print_json(facts)
    else:
        for name, value in facts.items():
            print(f"{name:12} {printable(str(value))}")
        print_failures(failures, "originid show --json")
        for problem in problems or []:
            print(f"problem: {printable(problem.path)}: {printable(problem.reason)}")
        if problems == []:
            print("verified     no problems")
    if problems:
        raise typer.Exit(1)


def _facts(collection: "Collection") -> dict[str, object]:
    """Return what is shown, by its names; the size is that of all files of the collection."""
    model = collection.model
    return {
        "collection": str(collection.path),
        "references": len(collection),
        "model": model.name,
        "fingerprint": model.fingerprint,
        "encoder": model.spec,
        "dim": model.dim,
        "megabytes": round(sum(map(_size, collection.path.rglob("*"))) / 1e6, 3),
    }


def _size(path: Path) -> int:
    """Return the bytes of a file; 0 for a folder, or a file that another process just removed."""
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0
