"""References whose files are gone: they are counted, dropped on demand, or kept with a reason."""

import errno
import os
from collections.abc import Collection, Iterator, Mapping, Sequence

from originid.collection.added import Added
from originid.collection.name_table import Name
from originid.collection.new_pieces import is_of, looked_up
from originid.collection.row import Row
from originid.collection.store import Store
from originid.system.addresses import beginnings, location_of
from originid.system.file_status import FileStatus


def settle_vanished(
    database: Store,
    paths: Sequence[str | os.PathLike[str]],
    seen: Collection[str],
    added: Added,
    prune: bool,
) -> None:
    """Look for references whose file is gone, and drop them if that is asked for.

    Looked for are those under the given folders. One that has a further name which still leads to
    a file gets that name as its location, and counts as moved. Never dropped are references under
    a given folder that is missing or has no file in it, and those whose next folder that still
    exists has no file in it: so it looks when a disk is not mounted.

    Args:
        database: of the collection.
        paths: the files and folders that were given.
        seen: absolute paths of files that exist.
        added: gets the numbers.
        prune: whether references are dropped.
    """
    gone: dict[str, str | None] = {}  # location: the folder without a file that it is kept for
    for path in paths:
        top = os.path.abspath(os.fsdecode(path))
        if top in seen:
            continue
        if os.path.isdir(top) or not os.path.lexists(top):
            folders = _Folders(top)
            # Not those that only a forged collection has, such as one that leads out of the folder.
            locations = (e for e in database.under(top) if e not in seen and database.trusts(e))
            gone |= {each: folders.without_file(each) for each in locations if _is_gone(each)}
            _forget_names(database, top, seen)
    rows = [row for location in gone if (row := database.at(location)) is not None]
    living = {row.id: name for row in rows if (name := _living_name(database, row)) is not None}
    dropped = [row for row in rows if row.id not in living and gone[row.location] is None]
    with database.writing():
        for row in rows:
            if row.id in living:
                database.relocate(row, living[row.id], row.status)
        for row in dropped if prune else ():
            database.delete(row.id)
    for row in rows:
        folder = gone[row.location]
        if row.id not in living and folder is not None:
            added.kept[folder] = added.kept.get(folder, 0) + 1
    added.moved += len(living)
    added.pruned += len(dropped) if prune else 0
    added.gone += len(rows) - len(living) - (len(dropped) if prune else 0)


def settle_members(
    database: Store,
    outdated: Mapping[str, tuple[FileStatus, Sequence[str]]],
    added: Added,
    prune: bool,
) -> None:
    """Look for members that archives no longer have, and drop them if that is asked for.

    An archive that was read to its end has given its state to all members that it has.

    Args:
        database: of the collection.
        outdated: by the location of an archive its state, and the locations of members that were
            stored in another state of it, before it was read.
        added: what could not be used of the archives; it gets the numbers.
        prune: whether references are dropped.
    """
    failed = {location_of(failure.path) for failure in added.failures}
    lost: list[Row] = []
    # Those that were read to their end.
    whole = {archive: known for archive, known in outdated.items() if archive not in failed}
    _forget_failed(database, whole, failed)
    for state, places in whole.values():
        for some in looked_up(place for place in places if place not in failed):
            found = database.all_reached_by(some).items()
            lost += [row for place, row in found if row.location == place and not is_of(state, row)]
    if not prune:
        added.gone += len(lost)
    elif lost:
        with database.writing():
            for row in lost:
                database.delete(row.id)
        added.pruned += len(lost)


def _forget_failed(database: Store, archives: Collection[str], failed: Collection[str]) -> None:
    """Drop the notes on archives and members that could not be used before, and did not fail now.

    Args:
        database: of the collection.
        archives: the locations of archives that were read to their end.
        failed: the locations of what could not be used now.
    """
    within = tuple(start for archive in archives for start in beginnings(archive))
    known = [location_of(failure.path) for failure in database.failures()] if within else []
    places = [each for each in known if each in archives or each.startswith(within)]
    mended = [each for each in places if each not in failed]
    if mended:
        with database.writing():
            for place in mended:
                database.forget_failures(place)


def unseen_links(
    database: Store, paths: Sequence[str | os.PathLike[str]], seen: Collection[str]
) -> Iterator[str]:
    """Stored paths under the given folders that are links and were not seen: they may have changed.

    A walk takes a link for its target, if that lies in the same folder.

    Args:
        database: of the collection.
        paths: the files and folders that were given.
        seen: absolute paths of files that were found.
    """
    for top in map(os.path.abspath, map(os.fsdecode, paths)):
        if top not in seen and os.path.isdir(top):
            for location in (*database.under(top), *database.names_under(top)):
                unseen = location not in seen and database.trusts(location)
                if unseen and os.path.islink(location) and os.path.exists(location):
                    yield location


class _Folders:
    """The folders under a given one: which of them have a file in them.

    Args:
        top: the absolute path of the given folder.
    """

    def __init__(self, top: str) -> None:
        self._top = top
        self._whole = _holds_a_file(top)
        self._known: dict[str, str | None] = {}

    def without_file(self, location: str) -> str | None:
        """The folder without a file in it that explains why the file at a location is missing."""
        if not self._whole:
            return self._top
        folder = os.path.dirname(location)
        if folder not in self._known:
            existing = folder
            while not os.path.isdir(existing):
                existing = os.path.dirname(existing)
            self._known[folder] = None if _holds_a_file(existing) else existing
        return self._known[folder]


def _holds_a_file(folder: str) -> bool:
    return any(files for _, _, files in os.walk(folder))


def _is_gone(location: str) -> bool:
    """Whether there is certainly no file; one that may not be looked at can be there."""
    try:
        os.stat(location)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError as error:
        return error.errno == errno.ELOOP  # links that lead to each other
    except ValueError:
        return False
    return False


def _living_name(database: Store, row: Row) -> Name | None:
    names = database.names([row.id]).get(row.id, [])
    return next((name for name in names if database.is_there(name.location)), None)


def _forget_names(database: Store, top: str, seen: Collection[str]) -> None:
    """Drop the further names under a folder that lead to no file any more."""
    names = [each for each in database.names_under(top) if each not in seen]
    names = [each for each in names if database.trusts(each) and _is_gone(each)]
    if names:
        with database.writing():
            for name in names:
                database.forget_name(name)
