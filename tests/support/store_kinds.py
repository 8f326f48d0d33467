"""Where a collection can be stored, for the tests that hold for every store."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from milvus_server import MilvusServer
from originid.collection.collection import Collection
from originid.collection.engines.milvus.store import MilvusStore
from originid.collection.tables import Tables
from postgres_server import PostgresServer

_numbers = itertools.count()


@dataclass(frozen=True)
class Kind:
    """What tests must know of a store.

    Args:
        place: names a collection that does not exist yet.
        damage: damages the stored vector of a reference, given its id.
    """

    place: Callable[[pytest.FixtureRequest, Path], str]
    damage: Callable[[Collection, int], None]


def _damage_row(collection: Collection, key: int) -> None:
    database = collection.database
    assert isinstance(database, Tables)
    with database.writing():
        database._execute("UPDATE vector SET crc32 = crc32 + 1 WHERE id = ?", (key,))


def _damage_entity(collection: Collection, key: int) -> None:
    store = collection.database
    assert isinstance(store, MilvusStore)
    with store.writing():
        entity = store._reference(key)
        assert entity is not None
        store._in_batch().put(replace(entity, value=entity.value | {"crc32": 0}))


def _milvus(request: pytest.FixtureRequest, _: Path) -> str:
    server: MilvusServer = request.getfixturevalue("milvus")
    return server.url(f"test_{next(_numbers)}")


def _postgres(request: pytest.FixtureRequest, folder: Path) -> str:
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.url(f"test_{next(_numbers)}")


STORES = {
    "folder": Kind(lambda _, folder: str(folder / "collection"), _damage_row),
    "postgres": Kind(_postgres, _damage_row),
    "milvus": Kind(_milvus, _damage_entity),
}
