"""Checking a collection: its database, its encoder, its vectors, and the files it was made of."""

import hashlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from originid.collection.row import Row
from originid.collection.store import Store
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
            only its size, times and inode are compared, as far as they were noted. A file that may
            not be opened (see `originid.collection.trusted_folders`) is passed over.
    """
    database = collection.database
    for line in database.damage():
        yield Failure(database.name, line)
    try:
        _ = collection.model.encoder
    except OriginidError as error:
        yield Failure("model", f"its encoder cannot be used: {error.given}")
    for row in database.all_rows():
        reason = _state(database, row, content)
        if reason:
            yield Failure(row.shown, reason)
    for key, location in database.damaged_rows():
        if location is None:
            told = "it has no path, and is passed over: index the images into a new collection"
            yield Failure(f"reference {key}", told)
        else:
            yield Failure(location, "what is stored of it is damaged: remove it and index it again")
    torn = list(database.torn_vectors())
    for name in dict.fromkeys(row.shown for row in database.rows(torn).values()):
        yield Failure(name, "its stored vector is damaged: remove it and index it again")
    for followed in () if torn else collection.followers:
        if not followed.is_as_stored():
            told = "it does not agree with the database: delete it, and it is made again"
            yield Failure(followed.file.name, told)


def compared(database: Store, content: bool = False) -> str:
    """Say what `problems` compares of the files, and of how many.

    Args:
        database: of the collection.
        content: as for `problems`.
    """
    refused = _count_refused(database)
    files, with_times, with_inode = database.count_noted()
    unread = database.count_fingerprints()
    rest = [f"nothing of {counted(unread, 'picture')} known by fingerprint"] if unread else []
    elsewhere = database.count() - files - unread
    rest += [f"nothing of {counted(elsewhere, 'picture')} without a file here"] if elsewhere else []
    if refused:
        what = "content" if content else "size, times and inode, as far as they were noted,"
        others = f"{what} of {_files(files - refused)}; {_files(refused)} may not be opened"
        return ", ".join([others, *rest])
    if content:
        return ", ".join([f"content of {_files(files)}", *rest])
    counts = {
        "size, times and inode": with_inode,
        "size and times": with_times - with_inode,
        "size and time": files - with_times,  # stored by an earlier version
    }
    told = [f"{what} of {_files(count)}" for what, count in counts.items() if count]
    return ", ".join([*(told or [f"{next(iter(counts))} of {_files(0)}"]), *rest])


def _count_refused(database: Store) -> int:
    """How many references have a file that may not be opened, as far as any was asked for."""
    if database.refused is None:  # as for nearly all collections; counting asks of each file
        return 0
    places = (row.location for row in database.all_rows())
    return sum(not is_address(place) and not database.trusts(place) for place in places)


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def _state(database: Store, row: Row, content: bool) -> str | None:
    if not database.trusts(row.location):  # nor is an address
        return None
    try:
        status = os.stat(row.location)
    except OSError as error:
        for name in database.names([row.id]).get(row.id, []):
            if database.is_there(name.location):
                return f"missing; the same file is at {name.shown}"
        for other in database.with_content(row.sha256, read=True):
            if other.id != row.id and database.is_there(other.location):
                return f"missing; the same content is at {other.shown}"
        gone = isinstance(error, FileNotFoundError | NotADirectoryError)
        return f"{'missing' if gone else 'out of reach'}: {error.strerror}"
    if content:
        try:
            same = hashlib.sha256(read_bytes(row.location)).digest() == row.sha256
        except ImageError as error:
            return f"cannot be read: {error.reason}"
        return None if same else "its content is not the one that was indexed"
    if not row.status.agrees(FileStatus.of(status)):
        return "changed since it was indexed"
    return None
