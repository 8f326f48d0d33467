"""Checking a collection: its database, its encoder, its vectors, and the files it was made of."""

import hashlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from originid.collection.database import Database
from originid.collection.row import Row
from originid.errors import ImageError, OriginidError
from originid.images.decode import read_bytes
from originid.system.addresses import is_address
from originid.system.file_status import FileStatus
from originid.system.text import counted
from originid.types import Failure

if TYPE_CHECKING:
    from originid.collection.collection import Collection


def problems(collection: "Collection", content: bool = False) -> Iterator[Failure]:
    """What is wrong with a collection.

    Args:
        collection: what is checked.
        content: whether every file is read, and its SHA-256 compared with the stored one. Otherwise
            only its size, times and inode are compared, as far as they were noted.
    """
    database = collection.database
    for line in database.damage():
        yield Failure(database.path.name, line)
    try:
        _ = collection.model.encoder
    except OriginidError as error:
        yield Failure("model", f"its encoder cannot be used: {error.given}")
    for row in database.all_rows():
        reason = _state(database, row, content)
        if reason:
            yield Failure(row.shown, reason)
    torn = database.rows(list(database.torn_vectors())).values()
    for name in dict.fromkeys(row.shown for row in torn):
        yield Failure(name, "its stored vector is damaged: remove it and index it again")


def compared(database: Database, content: bool = False) -> str:
    """Say what `problems` compares of the files, and of how many.

    Args:
        database: of the collection.
        content: as for `problems`.
    """
    files, with_times, with_inode = database.count_noted()
    others = database.count_fingerprints()
    rest = [f"nothing of {counted(others, 'picture')} known by fingerprint"] if others else []
    if content:
        return ", ".join([f"content of {_files(files)}", *rest])
    counts = {
        "size, times and inode": with_inode,
        "size and times": with_times - with_inode,
        "size and time": files - with_times,  # stored by an earlier version
    }
    told = [f"{what} of {_files(count)}" for what, count in counts.items() if count]
    return ", ".join([*(told or [f"{next(iter(counts))} of {_files(0)}"]), *rest])


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def _state(database: Database, row: Row, content: bool) -> str | None:
    if is_address(row.location):
        return None
    try:
        status = os.stat(row.location)
    except OSError as error:
        for name in database.names([row.id]).get(row.id, []):
            if os.path.exists(name.location):
                return f"missing; the same file is at {name.shown}"
        for other in database.with_content(row.sha256, read=True):
            if other.id != row.id and os.path.exists(other.location):
                return f"missing; the same content is at {other.shown}"
        return f"missing: {error.strerror}"
    if content:
        try:
            same = hashlib.sha256(read_bytes(row.location)).digest() == row.sha256
        except ImageError as error:
            return f"cannot be read: {error.reason}"
        return None if same else "its content is not the one that was indexed"
    if not row.status.agrees(FileStatus.of(status)):
        return "changed since it was indexed"
    return None
