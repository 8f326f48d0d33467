"""originid index: add images to a collection."""

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from originid.cli.output import JsonOption, as_rows, print_failures, print_json, progress_bar
from originid.system.text import printable, shell_command

if TYPE_CHECKING:
    from originid.collection.adding import Added
    from originid.collection.collection import Collection
NAMED = 3  # of the files and folders in which nothing was found
IntoOption = Annotated[
    Path,
    typer.Option(
        "--into",
        metavar="COLLECTION",
        help="Add to this collection, a folder. It is made if it does not exist.",
    ),
]
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
    into: IntoOption,
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
        _open(into, model, paths) as collection,
        progress_bar("indexing") as progress,
        progress_bar("calibrating") as calibrating,
    ):
        added = add_images(collection, paths, workers, progress, all_folders, calibrating, details)
        references = len(collection)
    seconds = time.monotonic() - start
    if json:
        print_json(_as_json(added, into, references, seconds))
    else:
        print_failures(added.failures, shell_command("show", into, "--json"))
        _print(added, into, references, seconds)
    _note_nothing(added, images)
    # If none of the files could be used, the command failed.
    if added.failures and added.seen == len(added.failures):
        raise typer.Exit(1)


def _note_nothing(added: "Added", images: list[str]) -> None:
    """Say on standard error that there was nothing to add, if so."""
    if not added.seen:
        print(nothing_found(images), file=sys.stderr)


def _open(into: Path, name: str | None, paths: list[str]) -> "Collection":
    from originid.collection.collection import create_collection, open_collection
    from originid.collection.places import is_collection, refuse_among_photos
    from originid.errors import InputError, StorageError
    from originid.model import DEFAULT, open_model

    if is_collection(into):
        return open_collection(into, None if name is None else open_model(name))
    opened = open_model(name or DEFAULT)
    _refuse_all_missing(paths)
    refuse_among_photos(into, paths)
    try:
        return create_collection(into, opened)
    except (InputError, StorageError):
        if is_collection(into):  # another process made the collection first
            return open_collection(into, None if name is None else open_model(name))
        raise


def _refuse_all_missing(paths: list[str]) -> None:
    """Refuse to make a collection of files and folders of which none exists.

    Raises:
        InputError: they are all missing.
    """
    from originid.errors import InputError

    if paths and not any(map(os.path.lexists, paths)):
        others = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        raise InputError(
            f"no file or folder {paths[0]}{others}",
            "expected images, or folders with images in them",
            "check the names; no collection was made",
        )


def nothing_found(where: list[str]) -> str:
    """Say that there is no image in some folders, and what was looked for.

    Args:
        where: the files and folders of the command line.
    """
    from originid.images.find_files import IMAGE_SUFFIXES

    names = ", ".join(where[:NAMED]) + (f" and {len(where) - NAMED} more" if where[NAMED:] else "")
    return (
        f"no images found in {printable(names)}; looked for files whose names end in "
        f"{', '.join(sorted(IMAGE_SUFFIXES))}"
    )


def stdin_paths(images: list[str]) -> list[str]:
    """Return the arguments, with - replaced by the names that standard input has.

    The names are lines, or end with NUL if there is a NUL among them, as after ``find -print0``.

    Args:
        images: the arguments of the command line.

    Raises:
        typer.BadParameter: an argument is empty, as from a script with an unset variable.
    """
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
