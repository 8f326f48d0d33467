"""Where a collection can be stored, for the tests that hold for every store."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from originid.collection.collection import Collection
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


def _postgres(request: pytest.FixtureRequest, folder: Path) -> str:
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.url(f"test_{next(_numbers)}")


STORES = {
    "folder": Kind(lambda _, folder: str(folder / "collection"), _damage_row),
    "postgres": Kind(_postgres, _damage_row),
}
