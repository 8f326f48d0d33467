"""What of the files and inputs that a user names is to be read: what is stored as it is, is not."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice

from originid.collection.image_writer import ImageWriter
from originid.collection.row import Row
from originid.collection.store import Store
from originid.errors import ImageError
from originid.inputs.kinds import Archive, Listing, OnFailure
from originid.inputs.pieces import PIECE, Piece
from originid.latents.sources import Source
from originid.system.addresses import is_address, location_of
from originid.system.file_status import NOT_LOOKED_AT, FileStatus

LOOKED_UP = 256  # images whose places are looked up together


def new_files(files: Iterable[str], writer: ImageWriter) -> Iterator[Piece]:
    """Files that are not as they are stored, or which lack something; the others are counted.

    Args:
        files: paths as the user gave them.
        writer: of the collection.
    """
    return _pieces(_new(map(_looked_at, files), writer))


def new_listed(listing: Listing, writer: ImageWriter, on_failure: OnFailure) -> Iterator[Piece]:
    """Images of a listing that are not stored; the others are counted.

    An address of the web does not tell whether something else lies there meanwhile.

    Args:
        listing: what names them.
        writer: of the collection.
        on_failure: called with each row that names no image.
    """
    return _pieces(_new(listing.listed(on_failure), writer))


def new_members(archive: Archive, writer: ImageWriter) -> Iterator[Piece]:
    """An archive, without its members that are stored as they are; these are counted.

    Args:
        archive: what is read.
        writer: of the collection.
    """
    try:
        state = archive.state()
    except ImageError:
        yield Piece(archive=archive)  # reading it tells the reason
        return
    database = writer.database
    location, skip, outdated = location_of(archive.name), set(), []
    for some in looked_up(database.under(location)):
        for place, row in database.all_reached_by(some).items():
            if place == location:
                continue
            if not is_of(state, row):
                outdated.append(place)
            elif not writer.lacks(row.id):
                skip.add(place)
    writer.added.unchanged += len(skip)
    if outdated:
        writer.outdated[location] = state, outdated
    yield Piece(archive=archive, skip=frozenset(skip))


def is_of(state: FileStatus, member: Row) -> bool:
    """Whether a member was stored from an archive in this state."""
    return member.status.agrees(replace(state, bytes=member.bytes))


def _pieces(sources: Iterator[Source]) -> Iterator[Piece]:
    while some := tuple(islice(sources, PIECE)):
        yield Piece(listed=some)


def looked_up(names: Iterable[str]) -> Iterator[list[str]]:
    """Places, as many at a time as are looked up together."""
    rest = iter(names)
    while some := list(islice(rest, LOOKED_UP)):
        yield some


def _looked_at(path: str) -> Source:
    try:
        return Source(path, status=FileStatus.of(os.stat(path)))
    except OSError:
        return Source(path)  # reading it tells the reason


def _new(sources: Iterator[Source], writer: ImageWriter) -> Iterator[Source]:
    while some := list(islice(sources, LOOKED_UP)):
        places = [location_of(source.name) for source in some]
        reached = writer.database.all_reached_by(places)
        for place, source in zip(places, some, strict=True):
            stored = reached.get(place)
            known = stored is not None and _is_as_stored(writer.database, stored, place, source)
            if stored is None or not known or writer.lacks(stored.id):
                yield source
                continue
            writer.added.unchanged += 1
            if stored.ctime_ns is None and source.status.ctime_ns is not None:
                writer.note(stored.id, source.status)  # stored by an earlier version


def _is_as_stored(database: Store, stored: Row, location: str, source: Source) -> bool:
    """Whether an image is unchanged; a reference whose own place is empty gets this one."""
    if is_address(location):
        same = source.status == NOT_LOOKED_AT or stored.status.agrees(source.status)
        return stored.location == location and stored.width > 0 and same
    here = stored.location == location or database.is_there(stored.location) is not False
    return source.status != NOT_LOOKED_AT and here and stored.status.agrees(source.status)
