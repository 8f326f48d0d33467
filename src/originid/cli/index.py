"""originid index: add images to a collection."""

import os
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from originid.cli.added_text import Told, note_nothing, tell_added
from originid.cli.lists import NullOption, YesOption, with_lists
from originid.cli.output import JsonOption, note_untrusted, progress_bar
from originid.cli.watching import refuse_unwatchable, watch_and_add
from originid.system.addresses import is_url
from originid.system.paths import as_paths

if TYPE_CHECKING:
    from originid.collection.collection import Collection
    from originid.scale.on_ray import OnRay

IntoOption = Annotated[
    str,
    typer.Option(
        "--into",
        metavar="COLLECTION",
        help="Add to this collection, a folder or the URL of a server (docs/engines.md). It is "
        "made if it does not exist.",
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
        help="Drop references in the given folders whose file is gone, and those of members that a "
        "given archive no longer has. References in a folder that is missing or has no file in it "
        "are kept: its disk may not be mounted.",
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
CompactOption = Annotated[
    bool,
    typer.Option(
        "--compact",
        help="Store nothing but the signs of most vectors in a new collection, which takes a "
        "fifth of the disk where it is large, and finds a little less (docs/collections.md).",
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
WatchOption = Annotated[
    bool,
    typer.Option(
        "--watch",
        help="Then wait, and add what comes or changes in the given folders, until Ctrl-C. A file "
        "is added when nobody has written to it for 2 seconds.",
    ),
]
ImagesArgument = Annotated[
    list[str],
    typer.Argument(
        help="Add these images, folders with all folders in them, tar shards, lists of addresses, "
        "parquet files, or objects of a store. The name - "
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
RayOption = Annotated[
    bool,
    typer.Option(
        "--ray",
        help="Encode on all cores or GPUs of a Ray cluster, or of this machine. This process alone "
        "writes the collection.",
    ),
]
FetchOption = Annotated[
    str,
    typer.Option(
        metavar="NAME=VALUE,...",
        help="Fetch pictures of the web so: seconds (for one picture, 30), megabytes (50), "
        "connections (to one host, 2), delay (seconds between fetches from one host, 0), robots "
        "(yes; no passes over robots.txt), contact (an address that hosts see), private (no; yes "
        "allows private networks).",
    ),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Decode and encode in this many processes, or threads where there are few images; at "
        "least 1. The default is one a core.",
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
    compact: CompactOption = False,
    metadata: MetadataOption = None,
    watch: WatchOption = False,
    fetch: FetchOption = "",
    ray: RayOption = False,
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

    Other inputs are tar shards (.tar), parquet files, lists of addresses (.txt, .csv with a column
    url), addresses such as https://..., and folders of object stores such as s3://...;
    docs/scale.md tells more. --ray needs the extra [ray]. It uses the cluster that RAY_ADDRESS or
    `ray start` names, or if there is none, the cores of this machine.

    A list of fingerprints has the columns fingerprint, and link or name, and may have sha256. Each
    row becomes a reference without a picture, which find shows by its link; docs/fingerprints.md
    tells more.
    """
    from originid.collection.describing import describe_references, read_descriptions
    from originid.indexing import add_images
    from originid.inputs.manners import read_manners

    manners, on_ray = read_manners(fetch), _on_ray() if ray else None
    start, paths = time.monotonic(), as_paths(with_lists(images, null, yes))
    if watch:
        refuse_unwatchable(paths, metadata)
    table = read_descriptions(metadata) if metadata else None
    adding = partial(
        add_images,
        workers=workers,
        all_folders=all_folders,
        details=details,
        only_suffixes=only_suffixes,
        prune=prune,
        thumbnails=thumbnails,
        encode=on_ray,
        manners=manners,
    )
    with _open(into, model, paths, compact) as collection:
        if watch:
            watch_and_add(collection, paths, adding, json, all_folders, only_suffixes, prune)
            return
        with progress_bar("indexing") as progress, progress_bar("calibrating") as calibrating:
            added = adding(collection, paths, progress=progress, calibrating=calibrating)
        described = describe_references(collection, table) if table else None
        references = len(collection)
        note_untrusted(collection)
    machines = on_ray.machines if on_ray else None
    told = Told(
        collection.place, references, time.monotonic() - start, described, metadata, machines
    )
    tell_added(added, told, json)
    note_nothing(added, images)
    # If none of the files could be used, the command failed.
    left_out = added.failures or added.unread
    if left_out and added.seen == len(added.failures):
        raise typer.Exit(1)


def _on_ray() -> "OnRay":
    from originid.scale.on_ray import OnRay  # imports ray: seconds

    return OnRay()


def _open(into: str, name: str | None, paths: list[str], compact: bool) -> "Collection":
    from originid.collection.collection import create_collection
    from originid.collection.places import refuse_among_photos
    from originid.collection.stores import is_collection, place_of, refuse_compact
    from originid.errors import InputError, StorageError
    from originid.model import DEFAULT, open_model

    if compact:
        refuse_compact(into)
    if is_collection(into):
        return _opened(into, name, compact)
    opened = open_model(name or DEFAULT)
    _refuse_all_missing(paths)
    place = place_of(into)
    if isinstance(place, Path):
        refuse_among_photos(place, paths)
    try:
        return create_collection(into, opened, compact=compact)
    except (InputError, StorageError):
        if is_collection(into):  # another process made the collection first
            return _opened(into, name, compact)
        raise


def _opened(into: str, name: str | None, compact: bool) -> "Collection":
    """Open a collection that is there, and refuse one that is not as it was asked for.

    Raises:
        InputError: it is not compact, though it should be.
    """
    from originid.collection.collection import open_collection
    from originid.errors import InputError
    from originid.model import open_model

    collection = open_collection(into, None if name is None else open_model(name))
    if compact and not collection.compact:
        collection.close()
        raise InputError(
            f"--compact for the collection {into}, which stores whole vectors",
            "expected a new collection, or one that was made with --compact",
            "leave the option out, or name a new folder with --into",
        )
    return collection


def _refuse_all_missing(paths: list[str]) -> None:
    """Refuse to make a collection of files and folders of which none exists.

    Raises:
        InputError: they are all missing.
    """
    from originid.errors import InputError

    if paths and not any(is_url(path) or os.path.lexists(path) for path in paths):
        others = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        raise InputError(
            f"no file or folder {paths[0]}{others}",
            "expected images, or folders with images in them",
            "check the names; no collection was made",
        )
