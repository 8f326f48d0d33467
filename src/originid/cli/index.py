"""originid index: add images to a collection."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from originid.cli.output import JsonOption, as_rows, print_failures, print_json, progress_bar
from originid.system.text import printable

if TYPE_CHECKING:
    from originid.collection.added import Added
    from originid.collection.collection import Collection
DetailsOption = Annotated[
    bool,
    typer.Option(
        "--details",
        help="Store local features too, of these images and of all that are added later: 5 kB "
        "each. Edits in which things were moved are then found more often, and sooner.",
    ),
]
AllFoldersOption = Annotated[
    bool,
    typer.Option(
        "--all-folders",
        help="Take the images in recycle bins, folders of thumbnails and folders of older "
        "copies too, such as #recycle, @eaDir and .thumbnails.",
    ),
]


def index(
    images: Annotated[
        list[str],
        typer.Argument(
            help="Add these images. Folders are searched with all folders in them. The name - "
            "reads paths from standard input."
        ),
    ],
    into: Annotated[
        Path,
        typer.Option(
            "--into", help="Add to this collection, a folder. It is made if it does not exist."
        ),
    ],
    model: Annotated[
        str | None,
        typer.Option(
            help="Make vectors by this model, the name of a packaged model or a model folder. The "
            "default is the collection's own model, or for a new collection the model default."
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Decode and encode in this many threads; at least 1. The default is one thread a "
            "core.",
        ),
    ] = None,
    all_folders: AllFoldersOption = False,
    details: DetailsOption = False,
    json: JsonOption = False,
) -> None:
    """Add images to a collection.

    The command may be given again at any time. Files that are already in the collection are not
    read again, and a run that was interrupted goes on where it stopped. Files that cannot be used
    are reported and left out. Recycle bins and folders of thumbnails are passed over and counted.
    """
    from originid.indexing import add_images

    start, paths = time.monotonic(), stdin_paths(images)
    with (
        _open(into, model) as collection,
        progress_bar("indexing") as progress,
        progress_bar("calibrating") as calibrating,
    ):
        added = add_images(collection, paths, workers, progress, all_folders, calibrating, details)
        references = len(collection)
    seconds = time.monotonic() - start
    if json:
        print_json(_as_json(added, into, references, seconds))
    else:
        print_failures(added.failures, f"originid show {into} --json")
        _print(added, into, references, seconds)
    # If none of the files could be used, the command failed.
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
        if is_collection(into):  # another process made the collection first
            return open_collection(into, None if name is None else open_model(name))
        raise


def stdin_paths(images: list[str]) -> list[str]:
    """Return the arguments, with - replaced by the names that standard input has.

    The names are lines, or end with NUL if there is a NUL among them, as after ``find -print0``.

    Args:
        images: the arguments of the command line.

    Raises:
        typer.BadParameter: an argument is empty, as from a script with an unset variable.
    """
    import os
    import sys

    if "" in images:
        raise typer.BadParameter("an empty name: expected files or folders")
    paths = []
    for image in images:
        if image == "-":
            data = sys.stdin.buffer.read() if sys.stdin else b""
            # Names that end with NUL may contain line breaks.
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
        "passed_over": added.passed_over,
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
    if added.passed_over:
        folders = "1 folder" if added.passed_over == 1 else f"{added.passed_over} folders"
        print(f"{folders} passed over (recycle bins and thumbnails): --all-folders takes them")
