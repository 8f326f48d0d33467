"""originid index: add images to a collection."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from originid.cli.output import as_rows, print_failures, print_json, progress_bar
from originid.system.text import printable

if TYPE_CHECKING:
    from originid.collection.adding import Added
    from originid.collection.collection import Collection


def index(
    images: Annotated[
        list[str],
        typer.Argument(
            help="Images, and folders that are walked; - reads paths from standard input."
        ),
    ],
    into: Annotated[Path, typer.Option("--into", help="The collection; made when it is absent.")],
    model: Annotated[
        str | None,
        typer.Option(help="A packaged model or a model folder; by default the collection's own."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Threads that decode and encode; by default one per core."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Add images to a collection.

    Run it again at any time: files that are already there are not read again, and a run that was
    interrupted goes on where it stopped. Files that cannot be used are reported and passed over.
    """
    from originid.collection.adding import add_images

    start, paths = time.monotonic(), stdin_paths(images)
    with _open(into, model) as collection, progress_bar("indexing") as progress:
        added = add_images(collection, paths, workers, progress)
        references = len(collection)
    seconds = time.monotonic() - start
    if json:
        print_json(_as_json(added, into, references, seconds))
    else:
        print_failures(added.failures, f"originid show {into} --json")
        _print(added, into, references, seconds)
    if added.failures and added.seen == len(added.failures):
        raise typer.Exit(1)


def _open(into: Path, name: str | None) -> "Collection":
    from originid.collection.collection import create_collection, is_collection, open_collection
    from originid.errors import InputError, StorageError
    from originid.model import DEFAULT, open_model

    if is_collection(into):
        return open_collection(into, None if name is None else open_model(name))
    try:
        return create_collection(into, open_model(name or DEFAULT))
    except (InputError, StorageError):
        if is_collection(into):  # another process made it first
            return open_collection(into, None if name is None else open_model(name))
        raise


def stdin_paths(images: list[str]) -> list[str]:
    """The arguments, with - replaced by the lines (or NUL-ended names) of standard input."""
    import os
    import sys

    if "" in images:
        raise typer.BadParameter("an empty name: expected files or folders")
    paths = []
    for image in images:
        if image == "-":
            data = sys.stdin.buffer.read() if sys.stdin else b""
            separator = b"\0" if b"\0" in data else b"\n"
            paths += [
                os.fsdecode(line) for part in data.split(separator) if (line := part.rstrip(b"\r"))
            ]
        else:
            paths.append(image)
    return paths


def _as_json(added: "Added", into: Path, references: int, seconds: float) -> dict[str, object]:
    return {
        "collection": str(into),
        "references": references,
        "added": added.added,
        "updated": added.updated,
        "moved": added.moved,
        "unchanged": added.unchanged,
        "skipped": as_rows(added.failures),
        "seconds": round(seconds, 3),
    }


def _print(added: "Added", into: Path, references: int, seconds: float) -> None:
    parts = [f"{added.added} added"]
    for count, word in (
        (added.updated, "updated"),
        (added.moved, "moved"),
        (added.unchanged, "unchanged"),
        (len(added.failures), "skipped"),
    ):
        parts += [f"{count} {word}"] if count else []
    print(f"{printable(str(into))}: {', '.join(parts)} in {seconds:.1f} s; {references} references")
