"""Where a collection may lie, and what is said of a place where none does."""

import os
from collections.abc import Iterable
from itertools import chain, count
from pathlib import Path

from originid.errors import CollectionError, InputError
from originid.system.addresses import is_url
from originid.system.storage import storage_errors
from originid.system.text import shell_command

DATABASE = "collection.sqlite"
UPGRADE = "upgrade"  # the folder, in that of the collection, where another model's vectors are made


def is_collection_folder(path: Path) -> bool:
    """Whether a collection lies in a folder."""
    return os.path.isfile(path / DATABASE)


def no_collection(folder: Path) -> CollectionError:
    """Make the error for a place that should hold a collection, and does not.

    Args:
        folder: the place; a folder with other things in it is taken for one of photos.
    """
    others = False
    try:
        others = folder.is_dir() and any(folder.iterdir())
        os.stat(folder / DATABASE)
    except PermissionError:
        return CollectionError(
            f"{folder} may not be read by this account",
            "expected a folder that this account may read",
            "ask whoever owns it, or give the command as that account",
        )
    except OSError:  # mostly as nothing is there
        pass
    if os.path.isfile(folder):
        return CollectionError(
            f"{folder} is a file",
            "expected the folder of a collection",
            f"name the folder that {shell_command('index')} made",
        )
    photos, into = (folder, free_name(folder)) if others else (Path("PHOTOS"), folder)
    what = "" if others else " from a folder of photos"
    return CollectionError(
        f"no collection at {folder}",
        f"expected a folder with {DATABASE}",
        f"make one{what}: {shell_command('index', photos, '--into', into)}",
    )


def refuse_other_folder(folder: Path) -> None:
    """Refuse to make a collection in a folder that holds other things, such as photos.

    Raises:
        InputError: there is a file, or a folder that is not empty.
        StorageError: the operating system does not let us look.
    """
    with storage_errors(folder):
        free = not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
    if not free and is_collection_folder(folder):
        raise InputError(
            f"{folder} is a collection already",
            "expected the name of a new or empty folder",
            f"open it, add to it, or choose another name, such as {free_name(folder)}",
        )
    if not free:
        raise _not_here(folder, f"{folder} exists and is no collection")


def refuse_among_photos(folder: Path, photos: Iterable[str]) -> None:
    """Refuse to make a collection in a folder whose photos it is to hold.

    Args:
        folder: where the collection is to be made.
        photos: the files and folders that it is to hold.

    Raises:
        InputError: the folder is one of those, whether it is empty or not.
    """
    place = os.path.realpath(folder)
    if any(os.path.realpath(path) == place for path in photos if not is_url(path)):
        raise _not_here(folder, f"{folder} is the folder of the photos")


def free_name(folder: Path) -> Path:
    """Return the name of a folder beside another one that does not exist yet.

    Args:
        folder: a folder, such as ``photos``; the answer is then ``photos-collection``.
    """
    if folder.name in ("", os.pardir):  # such as the folder . itself
        folder = Path(os.path.abspath(folder))
    stem = folder.name or "photos"
    names = chain([f"{stem}-collection"], (f"{stem}-collection-{n}" for n in count(2)))
    return next(path for path in (folder.parent / name for name in names) if not path.exists())


def _not_here(folder: Path, given: str) -> InputError:
    return InputError(
        given,
        "expected a collection, or the name of a new or empty folder",
        f"choose another name for the collection, such as {free_name(folder)}",
    )
