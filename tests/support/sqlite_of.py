"""The SQLite file of a collection in a folder, for tests that damage it."""

from originid.collection.collection import Collection
from originid.collection.database import Database


def sqlite_of(collection: Collection) -> Database:
    """The file of a collection that is stored in a folder."""
    assert isinstance(collection.database, Database)
    return collection.database
