"""Making and opening what a collection is stored in: a folder, or a server by its URL."""

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from originid.collection.database import Database
from originid.collection.engines import engine
from originid.collection.kept_codes import META, SIGNS
from originid.collection.places import (
    DATABASE,
    UPGRADE,
    is_collection_folder,
    no_collection,
    refuse_other_folder,
)
from originid.collection.store import Store
from originid.errors import CollectionError, InputError
from originid.model import Model
from originid.model_description import copy_files
from originid.system.server_url import ServerUrl, is_server_url
from originid.system.storage import new_directory
from originid.system.text import shell_command

NOTHING: Mapping[str, str] = MappingProxyType({})
Place = str | os.PathLike[str] | ServerUrl
"""What names a collection: the path of a folder, or a URL."""


def place_of(name: Place) -> Path | ServerUrl:
    """The folder or the URL that a name stands for.

    Raises:
        InputError: it is no name.
    """
    if isinstance(name, ServerUrl):
        return name
    if not isinstance(name, str | os.PathLike):
        raise InputError(
            f"an object of the type {type(name).__name__} in the place of a collection",
            "expected a folder, or the URL of a server",
            "give its name",
        )
    if name == "":
        raise InputError(
            "an empty name for a collection",
            "expected a folder, or the URL of a server",
            "give the name of one",
        )
    return ServerUrl(name) if isinstance(name, str) and is_server_url(name) else Path(name)


def is_collection(name: Place) -> bool:
    """Whether there is a collection in a folder, or at a URL.

    Raises:
        InputError: the URL is of no engine.
        ExtraError: the engine's extra is not installed.
        StorageError: the server does not answer.
    """
    place = place_of(name)
    if isinstance(place, ServerUrl):
        return engine(place).exists(place)
    return is_collection_folder(place)


def is_upgrade_begun(place: Path | ServerUrl) -> bool:
    """Whether another model's vectors are being made for a collection, or were left unfinished."""
    return isinstance(place, Path) and is_collection_folder(place / UPGRADE)


def create_store(
    name: Place, model: Model, compact: bool = False, meta: Mapping[str, str] = NOTHING
) -> None:
    """Make a place for a new collection, all of it or nothing.

    Args:
        name: a folder that does not exist or is empty, or a URL where no collection is.
        model: what its vectors are made by; the place keeps a copy of it.
        compact: whether nothing but the signs of most vectors is stored.
        meta: what `Store.meta` says besides.

    Raises:
        InputError: something is there already, or it is a server, and compact.
        StorageError: the disk or the server refuses.
    """
    place = place_of(name)
    if compact:
        refuse_compact(place)
    said = {**meta, "model": model.name, "fingerprint": model.fingerprint}
    said |= {META: SIGNS} if compact else {}
    if isinstance(place, ServerUrl):
        engine(place).create(place, said | {"dim": str(model.dim)}, model.files)
        return
    refuse_other_folder(place)
    with new_directory(place) as folder:
        (folder / "model").mkdir()
        copy_files(model.files, folder / "model")
        Database.create(folder / DATABASE, said)


def refuse_compact(place: Place) -> None:
    """Refuse a place where no compact collection can be.

    Raises:
        InputError: it is a server.
    """
    if isinstance(place_of(place), ServerUrl):
        raise InputError(
            f"a compact collection at {place}",
            "expected one in a folder: a server stores whole vectors",
            "leave out --compact, or name a folder",
        )


def open_store(name: Place) -> Store:
    """Open what a collection is stored in.

    Raises:
        CollectionError: there is none, or it is damaged.
        StorageError: the disk or the server refuses.
    """
    place = place_of(name)
    if not isinstance(place, ServerUrl):
        if not is_collection_folder(place):
            raise no_collection(place)
        return Database(place / DATABASE)
    at = engine(place)
    if not at.exists(place):
        raise CollectionError(
            f"no collection at {place}",
            "expected a collection that index made there",
            f"make one of photos: {shell_command('index', 'PHOTOS', '--into', place)}",
        )
    return at.open_store(place)
