"""What this machine keeps of a collection on a server: its model, and what follows its vectors.

All of it can be fetched or made again, so it lies in the user's cache folder.
"""

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from originid.errors import CollectionError, InputError, StorageError
from originid.system.server_url import ServerUrl
from originid.system.storage import new_directory, storage_errors
from originid.system.user_folders import VARIABLE, cache_folder

_ID = re.compile("[0-9a-f]{32,128}")
_NAME = re.compile("[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


def kept_folder(place: ServerUrl, collection: str) -> Path:
    """The folder for what follows a collection's vectors; it is made if it is not there.

    Args:
        place: of the collection.
        collection: its id, 32 hexadecimal digits.

    Raises:
        CollectionError: the server gives no id.
        StorageError: the folder cannot be made.
    """
    folder = _cache() / "collections" / _checked(place, collection)
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def model_folder(
    place: ServerUrl, fingerprint: str, fetch: Callable[[], Iterable[tuple[str, bytes]]]
) -> Path:
    """The folder of a collection's model, which is fetched where it is not here.

    Args:
        place: of the collection.
        fingerprint: of the model.
        fetch: gives the names and the bytes of its files.

    Raises:
        CollectionError: the server gives no model.
        StorageError: the folder cannot be made.
    """
    folder = _cache() / "models" / _checked(place, fingerprint)
    if not folder.exists():
        files = list(fetch())
        if not files or not all(_NAME.fullmatch(name) for name, _ in files):
            raise _unusable(place)
        try:
            with new_directory(folder) as made:
                for name, content in files:
                    (made / name).write_bytes(content)
        except (InputError, StorageError):
            if not folder.exists():  # else another process fetched it at the same moment
                raise
    return folder


def _cache() -> Path:
    try:
        return cache_folder()
    except RuntimeError as error:
        raise StorageError(
            f"there is no folder for what is kept of a collection on a server: {error}",
            "expected an account with a home folder",
            f"name a folder by the environment variable {VARIABLE}",
        ) from error


def _checked(place: ServerUrl, name: str) -> str:
    """The name, if it can be that of a folder: the server may be a stranger's."""
    if not _ID.fullmatch(name):
        raise _unusable(place)
    return name


def _unusable(place: ServerUrl) -> CollectionError:
    return CollectionError(
        f"{place} cannot be used: it lacks its id or its model",
        "expected a collection that originid made",
        "do not use a collection of unknown origin; if it is yours, restore it from a copy",
    )
