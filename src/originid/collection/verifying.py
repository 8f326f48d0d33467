"""Checking a collection: its database, its encoder, its vectors, and the files it was made of."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from originid.collection.database import Database, Row, modified
from originid.errors import OriginidError
from originid.types import Failure

if TYPE_CHECKING:
    from originid.collection.collection import Collection


def problems(collection: "Collection") -> Iterator[Failure]:
    """What is wrong with a collection; a file whose size or time differ is not read again."""
    database = collection.database
    for line in database.damage():
        yield Failure(database.path.name, line)
    try:
        _ = collection.model.encoder
    except OriginidError as error:
        yield Failure("model", f"its encoder cannot be used: {error.given}")
    for row in database.all_rows():
        reason = _state(database, row)
        if reason:
            yield Failure(row.shown, reason)
    torn = database.rows(list(database.torn_vectors())).values()
    for name in dict.fromkeys(row.shown for row in torn):
        yield Failure(name, "its stored vector is damaged: remove it and index it again")


def _state(database: Database, row: Row) -> str | None:
    try:
        status = os.stat(row.location)
    except OSError as error:
        for other in database.with_content(row.sha256):
            if other.id != row.id and os.path.exists(other.location):
                return f"missing; the same content is at {other.shown}"
        return f"missing: {error.strerror}"
    if (status.st_size, modified(status)) != (row.bytes, row.mtime_ns):
        return "changed since it was indexed"
    return None
