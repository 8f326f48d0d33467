"""Making a collection on a Milvus server, and finding out whether there is one."""

import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from originid.collection.engines.milvus.address import Address
from originid.collection.engines.milvus.connection import Connection
from originid.collection.engines.milvus.entity import LARGEST_CODE, Kind, meta_entity
from originid.collection.engines.milvus.model_files import model_entities
from originid.collection.engines.milvus.tables import NEWEST
from originid.errors import CollectionError, InputError, StorageError
from originid.index import Codec

FORMAT = "format"  # the name of the value that is written last
MADE = "_being_made_"  # stands behind the name, until the collection is complete


def is_there(address: Address) -> bool:
    """Whether a collection that is complete is at an address.

    Raises:
        StorageError: the server cannot be reached.
    """
    connection = Connection(address)
    try:
        return connection.exists() and connection.is_ours() and _is_complete(connection)
    finally:
        connection.close()


def create(address: Address, meta: Mapping[str, str], model: Sequence[Path]) -> None:
    """Make an empty collection, all of it or nothing.

    It is made under a name of its own and gets its name at the end, so that of several processes
    that make it at the same moment one succeeds. What an earlier version did not make to its end is
    made anew.

    Args:
        address: where.
        meta: what `Store.meta` is to say.
        model: the files of the model.

    Raises:
        InputError: there is one, or something else has its name, or its vectors are too long.
        StorageError: the server cannot be reached, or refuses.
    """
    codec = Codec(int(meta["dim"]))
    if codec.size > LARGEST_CODE:
        raise InputError(
            f"a model with vectors of {codec.dim} numbers",
            "expected at most 32,766, for a collection on a Milvus server",
            "keep the collection in a folder",
        )
    connection = Connection(address)
    try:
        if connection.exists():
            if not connection.is_ours() or _is_complete(connection):
                raise _taken(address)
            connection.drop()
    finally:
        connection.close()
    made = Connection(replace(address, name=f"{address.name}{MADE}{uuid.uuid4().hex}"))
    try:
        made.create(codec.dim)
        said = dict(meta) | {"id": uuid.uuid4().hex}
        entities = [meta_entity(name, text) for name, text in said.items()]
        made.upsert([*model_entities(model), *entities], codec)
        made.upsert([meta_entity(FORMAT, NEWEST)], codec)
        try:
            made.rename(address)
        except StorageError as error:
            if is_there(address):  # another process was faster
                raise _taken(address) from error
            raise
    except BaseException:
        with suppress(StorageError, CollectionError):
            made.drop()
        raise
    finally:
        made.close()


def _is_complete(connection: Connection) -> bool:
    """Whether the collection was made to its end."""
    connection.load()
    where = f'place == "{FORMAT}"'
    return any(connection.query(where, (Kind.META,), strong=strong) for strong in (False, True))


def _taken(address: Address) -> InputError:
    return InputError(
        f"the Milvus server already has something at {address.shown}",
        "expected the name of a new collection",
        "choose another name",
    )
