"""originid index: add images to a collection."""

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from originid.cli.lists import NullOption, YesOption, with_lists
from originid.cli.output import (
    SHOWN,
    JsonOption,
    as_rows,
    print_failures,
    print_json,
    progress_bar,
)
from originid.system.text import counted, printable, shell_command

if TYPE_CHECKING:
    from originid.collection.added import Added
    from originid.collection.collection import Collection
    from originid.collection.describing import Described
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
OnlySuffixesOption = Annotated[
    bool,
    typer.Option(
        "--only-suffixes",
        help="Know the images in folders by their suffix alone, and do not look into files with "
        "another one or none.",
    ),
]
PruneOption = Annotated[
    bool,
    typer.Option(
        "--prune",
        help="Drop references in the given folders whose file is gone. References in a folder "
        "that is missing or has no file in it are kept: its disk may not be mounted.",
    ),
]
ThumbnailsOption = Annotated[
    bool,
    typer.Option(
        "--thumbnails",
        help="Store small pictures too, of these images and of all that are added later: 12 kB "
        "each. Pages and reports then show references whose files are not at hand.",
    ),
]
MetadataOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Then describe references as this CSV file says: its columns are file (or sha256) and "
        "some of caption, credit, licence, date and link.",
    ),
]
ImagesArgument = Annotated[
    list[str],
    typer.Argument(
        help="Add these images. Folders are searched with all folders in them. The name - "
        "reads a list of paths from standard input, one a line. A CSV file with the column "
        "fingerprint adds a partner's pictures by their fingerprints."
    ),
]
ModelOption = Annotated[
    str | None,
    typer.Option(
        help="Make vectors by this model, the name of a packaged model or a model folder. The "
        "default is the collection's own model, or for a new collection the model default."
    ),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Decode and encode in this many threads; at least 1. The default is one thread a "
        "core.",
    ),
]


def index(
    images: ImagesArgument,
    into: IntoOption,
    model: ModelOption = None,
    workers: WorkersOption = None,
    all_folders: AllFoldersOption = False,
    only_suffixes: OnlySuffixesOption = False,
    details: DetailsOption = False,
    prune: PruneOption = False,
    thumbnails: ThumbnailsOption = False,
    metadata: MetadataOption = None,
    null: NullOption = False,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Add images to a collection.

    The command may be given again at any time. Files that are already in the collection are not
    read again, and a run that was interrupted goes on where it stopped. Files that cannot be used
    are reported and left out. Recycle bins and folders of thumbnails are passed over and counted.

    What files say of themselves by XMP and IPTC (caption, credit, licence, date, link) is stored
    and shown with each match. --metadata replaces it, and adds to it.

    A file in a folder is an image by its suffix, or by how it begins. Images that originid does not
    read are counted and named. A path that leads to a file which is in the collection already,
    such as a link, becomes a further name of that reference.

    A list of fingerprints has the columns fingerprint, and link or name, and may have sha256. Each
    row becomes a reference without a picture, which find shows by its link; docs/fingerprints.md
    tells more.
    """
    from originid.collection.describing import describe_references, read_descriptions
    from originid.indexing import add_images

    start, paths = time.monotonic(), with_lists(images, null, yes)
    table = read_descriptions(metadata) if metadata else []
    with (
        _open(into, model, paths) as collection,
        progress_bar("indexing") as progress,
        progress_bar("calibrating") as calibrating,
    ):
        added = add_images(
            collection,
            paths,
            workers,
            progress,
            all_folders,
            calibrating,
            details,
            only_suffixes,
            prune,
            thumbnails,
        )
        described = describe_references(collection, table) if metadata else None
        references = len(collection)
    seconds = time.monotonic() - start
    if json:
        print_json({**_as_json(added, into, references, seconds), **_described(described)})
    else:
        print_failures(added.failures, shell_command("show", into, "--json"))
        _print(added, into, references, seconds)
        _print_described(described, metadata)
    _note_nothing(added, images)
    # If none of the files could be used, the command failed.
    left_out = added.failures or added.unread
    if left_out and added.seen == len(added.failures):
        raise typer.Exit(1)


def _described(described: "Described | None") -> dict[str, object]:
    """What a table of descriptions did, as ``--json`` shows it; nothing where there was none."""
    if described is None:
        return {}
    return {"described": described.described, "not_described": described.unknown}


def _print_described(described: "Described | None", table: Path | None) -> None:
    """Say how many references a table described, and which of its rows name none."""
    if described is None:
        return
    print(f"{printable(str(table))}: {counted(described.described, 'reference')} described")
    for name in described.unknown[:SHOWN]:
        print(f"not in the collection: {printable(name)}", file=sys.stderr)
    if len(described.unknown) > SHOWN:
        more = len(described.unknown) - SHOWN
        print(f"... and {more} more: --json lists them", file=sys.stderr)


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
        f"{', '.join(sorted(IMAGE_SUFFIXES))}, and for others that begin like an image"
    )


def _as_json(added: "Added", into: Path, references: int, seconds: float) -> dict[str, object]:
    return {
        "collection": str(into),
        "references": references,
        "added": added.added,
        "updated": added.updated,
        "moved": added.moved,
        "unchanged": added.unchanged,
        "further_names": added.names,
        "gone": added.gone,
        "pruned": added.pruned,
        "kept": [{"folder": folder, "references": count} for folder, count in added.kept.items()],
        "passed_over": added.passed_over,
        "skipped": [
            *as_rows(added.failures),
            *({"path": each.path, "reason": each.reason} for each in added.unread),
        ],
        "notes": [{"path": path, "note": note} for path, note in added.notes],
        "seconds": round(seconds, 3),
    }


def _print(added: "Added", into: Path, references: int, seconds: float) -> None:
    from originid.images.unread import summary

    parts = [f"{added.added} added"]
    for count, word in (
        (added.updated, "updated"),
        (added.moved, "moved"),
        (added.unchanged, "unchanged"),
        (added.names, "further name" if added.names == 1 else "further names"),
        (added.pruned, "pruned"),
        (len(added.failures), "skipped"),
    ):
        parts += [f"{count} {word}"] if count else []
    whole = counted(references, "reference")
    print(f"{printable(str(into))}: {', '.join(parts)} in {seconds:.1f} s; {whole}")
    if added.passed_over:
        folders = "1 folder" if added.passed_over == 1 else f"{added.passed_over} folders"
        print(f"{folders} passed over (recycle bins and thumbnails): --all-folders takes them")
    if added.unread:
        print(printable(summary(added.unread)))
    for path, note in added.notes[:SHOWN]:
        print(f"{printable(path)}: {note}")
    if len(added.notes) > SHOWN:
        print(f"... and {len(added.notes) - SHOWN} more files like these: --json lists them")
    _print_gone(added, into)


def _print_gone(added: "Added", into: Path) -> None:
    """Say how many references have no file any more, and what can be done about it."""
    gone = added.gone - sum(added.kept.values())
    if gone:
        print(f"{_references(gone)} gone: --prune drops {'it' if gone == 1 else 'them'}")
    for folder, count in list(added.kept.items())[:SHOWN]:
        command = shell_command("remove", Path(folder), "--from", into)
        print(
            f"{_references(count)} gone and kept: there is no file in {printable(folder)}, as if "
            f"its disk were not mounted. To drop {'it' if count == 1 else 'them'}: "
            f"{printable(command)}"
        )
    if len(added.kept) > SHOWN:
        print(f"... and so in {len(added.kept) - SHOWN} more folders: --json lists them")


def _references(count: int) -> str:
    return "1 reference is" if count == 1 else f"{count} references are"
