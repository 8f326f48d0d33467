"""What PostgreSQL's errors mean for the person who uses a collection."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors

from originid.errors import CollectionError, StorageError
from originid.system.server_url import ServerUrl

AGAIN = "run the command again when it answers: what was committed is kept"


@contextmanager
def postgres_errors(place: ServerUrl) -> Iterator[None]:
    """Turn errors of PostgreSQL inside of the ``with`` block into those of originid.

    Args:
        place: of the collection.

    Raises:
        CollectionError: the collection cannot be read.
        StorageError: the server does not answer, or refuses.
    """
    try:
        yield
    except psycopg.Error as error:
        raise explained(error, place) from error


def explained(error: psycopg.Error, place: ServerUrl) -> CollectionError | StorageError:
    """An error of PostgreSQL as one of originid.

    Args:
        error: what psycopg raised.
        place: of the collection.
    """
    text = " ".join(str(error).split("\n")[0].split())
    if isinstance(error, errors.LockNotAvailable):
        return StorageError(
            f"{place} is being written by another process",
            "expected it to be free within 60 seconds",
            "wait for the other process, then run the command again",
        )
    if isinstance(error, errors.InsufficientPrivilege):
        return StorageError(
            f"{place} refuses: {text}",
            "expected a user who may do this in the database",
            "name another user in the URL, or let the owner of the database grant it",
        )
    if isinstance(error, errors.DiskFull | errors.ReadOnlySqlTransaction):
        return StorageError(
            f"{place} cannot be written: {text}",
            "expected a server that can be written, with free space",
            "free some space there and run the command again; what was committed is kept",
        )
    if isinstance(error, errors.UndefinedTable | errors.UndefinedColumn | errors.DataException):
        return CollectionError(
            f"{place} cannot be read: {text}",
            "expected the tables of a collection",
            "restore it from a copy, or index the images again into a new collection",
        )
    if "password" in text or "authentication" in text or "pg_hba" in text:
        return StorageError(
            f"{place} lets nobody in: {text}",
            "expected a user and a password that it knows",
            "set PGPASSWORD, or write the password into ~/.pgpass; the URL names the user",
        )
    if "FATAL" in text and "does not exist" in text:  # the database, or the role
        return StorageError(
            f"{place} refuses: {text}",
            "expected a database and a user that the server knows",
            "correct the URL, or make what is missing with createdb or createuser",
        )
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        what = "refuses" if "FATAL" in text else "does not answer"
        return StorageError(
            f"{place} {what}: {text or type(error).__name__}",
            "expected a PostgreSQL server that runs, and the name of a database in it",
            f"start it, or correct the URL; {AGAIN}",
        )
    return StorageError(
        f"{place} refuses: {text}",
        "expected a PostgreSQL server with pgvector",
        f"see its log; {AGAIN}",
    )
