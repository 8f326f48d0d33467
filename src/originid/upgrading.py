"""A collection gets the vectors of another model, made again from the files of its references.

They are made in a collection beside it, in its folder `UPGRADE`, by the same code that indexes.
Meanwhile the collection is used and added to as ever. At the end `collection.switching` takes all
over at once. What was made stays when a run ends early, and the next one goes on from there.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from originid.collection.added import Added
from originid.collection.adding import store_pieces
from originid.collection.collection import Collection, create_collection, open_collection
from originid.collection.database import Database
from originid.collection.encoding import EncodePieces
from originid.collection.image_writer import ImageWriter
from originid.collection.new_pieces import new_files
from originid.collection.places import UPGRADE, is_collection_folder, no_collection
from originid.collection.stores import Place, place_of
from originid.collection.switching import clear, settle, switch
from originid.errors import CollectionError, InputError, ModelError, OriginidError, StorageError
from originid.escalation.calibrating import calibrate_again
from originid.model import Model
from originid.scale.in_processes import InProcesses
from originid.system.addresses import is_address
from originid.system.file_locks import locked_folder
from originid.system.progress import Progress, silent
from originid.system.server_url import ServerUrl
from originid.system.text import shell_command
from originid.types import Failure

CHANGING = 3  # rounds after which a file that changes all the time is given up
ROUNDS = 100  # in which what others store meanwhile is made up for, each much shorter than before


@dataclass
class Upgraded:
    """What an upgrade did.

    Args:
        references: how many references the collection has now.
        finished: whether the collection has the other model now.
        already: whether it had that model before, so that nothing was done.
        left: references of which no vector could be made, with the reasons. If it is finished, they
            were dropped.
        kinds: how many of these there are of each kind, in words.
        given_up: whether an upgrade to yet another model had been begun; what it made is gone.
        refused: the path of a file that may not be opened, if there was one (see
            `originid.collection.trusted_folders`).
    """

    references: int
    finished: bool = False
    already: bool = False
    given_up: bool = False
    left: list[Failure] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    refused: str | None = None


def upgrade_collection(
    place: Place,
    model: Model,
    leave_out: bool = False,
    workers: int | None = None,
    progress: Progress = silent,
    calibrating: Progress = silent,
) -> Upgraded:
    """Give a collection the vectors of another model, made again from the references' files.

    References, their names, descriptions, small pictures, manifests, and decisions stay. A file
    that changed since it was indexed is read again, as indexing it would do.

    Args:
        place: the folder of the collection.
        model: the other model; the collection gets a copy of it.
        leave_out: whether references whose picture cannot be read are dropped. Otherwise nothing
            changes as long as there are any; what was made of the others is kept for the next run.
        workers: processes that decode and encode, or threads where there are few references; by
            default one per core.
        progress: called with the files dealt with and the files in all.
        calibrating: called with the number of references looked at again and of all.

    Raises:
        InputError: the collection is on a server.
        CollectionError: there is none, or it is damaged.
        ModelError: the model's encoder cannot be used.
        StorageError: the disk refuses, or another process writes or upgrades.
    """
    folder = place_of(place)
    if isinstance(folder, ServerUrl):
        raise InputError(
            f"the collection {folder}, which is on a server",
            "expected the folder of a collection: vectors on a server are not exchanged in place",
            "index the images with the other model into a new collection on the server; or copy it "
            "into a folder, upgrade that, and copy it to a new place on the server",
        )
    if not is_collection_folder(folder):
        raise no_collection(folder)
    with locked_folder(folder) as held:
        if not held:
            raise StorageError(
                f"{folder} is being upgraded by another process",
                "expected one upgrade at a time",
                f"wait until it is done, and look: {shell_command('show', folder)}",
            )
        done = _upgraded(folder, model, leave_out, InProcesses(workers), (progress, calibrating))
        if done.finished:
            settle(folder)
            clear(folder)
            with open_collection(folder, encoder=model.own_encoder) as whole:
                if not done.already:
                    whole.index()  # so that no search has to begin by making it
                done.references = len(whole)
    return done


def begun_model(folder: Path) -> Model | None:
    """The model of an upgrade that was begun and has not come to its end; None without one.

    Args:
        folder: of the collection.
    """
    try:
        with open_collection(folder / UPGRADE) as begun:
            return begun.model
    except (CollectionError, ModelError):
        return None


def _upgraded(
    folder: Path,
    model: Model,
    leave_out: bool,
    encode: EncodePieces,
    progress: tuple[Progress, Progress],
) -> Upgraded:
    """Bring a collection over, but for the last steps."""
    with open_collection(folder) as old:
        with old.database.writing():
            pass  # what cannot be written is said before the work begins
        settle(folder)
        begun = begun_model(folder)
        done = Upgraded(
            len(old), given_up=begun is not None and begun.fingerprint != model.fingerprint
        )
        if old.model.fingerprint == model.fingerprint:
            done.already = done.finished = True
            return done
        model.encoder  # noqa: B018 - what cannot be used is refused before anything is made
        with _beside(folder, model, old.compact) as new:
            _go_over(old, new, leave_out, encode, progress, done)
        done.refused = old.database.refused
    return done


def _beside(folder: Path, model: Model, compact: bool) -> Collection:
    """The collection in which vectors are made: what an earlier run made of it, or a new one."""
    beside = folder / UPGRADE
    try:
        begun = open_collection(beside, encoder=model.own_encoder)
        if begun.model.fingerprint == model.fingerprint:
            return begun
        begun.close()
    except (CollectionError, ModelError):
        pass  # there is none, or it is damaged
    clear(folder)
    return create_collection(beside, model, compact=compact)


def _go_over(
    old: Collection,
    new: Collection,
    leave_out: bool,
    encode: EncodePieces,
    progress: tuple[Progress, Progress],
    done: Upgraded,
) -> None:
    """Make vectors until all references have one, and then give them to the collection."""
    for number in range(ROUNDS):
        asked = _filled(old, new, encode, progress[0])
        new.calibrate()
        calibrate_again(new, progress[1])
        left = list(_left(old, new, asked))
        if number < CHANGING and any(each.changing for each in left):
            continue
        done.left = [each.failure for each in left]
        done.kinds = Counter(each.kind for each in left)
        if left and not leave_out:
            return
        if switch(old.path, new, {each.reference for each in left}):
            done.finished = True
            return
    raise StorageError(
        f"other processes add to {old.place} as quickly as vectors are made",
        "expected some seconds in which nothing is added",
        "stop what adds to the collection, and give the command again: it goes on from here",
    )


@dataclass(frozen=True)
class _Asked:
    """The references of which vectors were asked for in a round; others came after it began.

    Args:
        paths: by id a path at which the file lies and may be opened, or None.
        refused: for files that could not be read, by their absolute paths, why.
    """

    paths: dict[int, str | None]
    refused: dict[str, str]


@dataclass(frozen=True)
class _Left:
    """A reference of which nothing could be made.

    Args:
        reference: its id.
        kind: of the reason, in words.
        failure: its path and the reason.
        changing: whether its file changed while it was read, so that it can be tried again.
    """

    reference: int
    kind: str
    failure: Failure
    changing: bool = False


def _filled(old: Collection, new: Collection, encode: EncodePieces, progress: Progress) -> _Asked:
    """Read the files of all references into the new collection, and changed ones into the old."""
    assert isinstance(old.database, Database)
    assert isinstance(new.database, Database)
    new.database.trust_like(old.database)
    details = old.database.count_details() > 0
    thumbnails = old.database.count_thumbnails() > 0
    before = _paths(old).values()
    refused = {}
    if _can_encode(old):
        refused = _read(ImageWriter(old, Added(), details, thumbnails), before, old, encode, silent)
    paths = _paths(old)  # what changed has another id
    writer = ImageWriter(new, Added(), details, thumbnails=False)
    refused |= _read(writer, paths.values(), new, encode, progress)
    return _Asked(paths, refused)


def _paths(collection: Collection) -> dict[int, str | None]:
    """For each reference a path at which its file lies and may be opened, or None."""
    database, found = collection.database, {}
    for row in collection.references():
        path = row.shown if database.is_there(row.location) else None
        if path is None:
            names = database.names([row.id]).get(row.id, [])
            path = next((e.shown for e in names if database.is_there(e.location)), None)
        found[row.id] = path
    return found


def _read(
    writer: ImageWriter,
    paths: Iterable[str | None],
    collection: Collection,
    encode: EncodePieces,
    progress: Progress,
) -> dict[str, str]:
    """Store what changed or is not stored; return why files could not be read, by their paths."""
    files = [path for path in paths if path is not None]
    writer.added.total = len(files)
    store_pieces(collection, new_files(files, writer), writer, encode, progress)
    return {os.path.abspath(each.path): each.reason for each in writer.added.failures}


def _can_encode(collection: Collection) -> bool:
    """Whether the encoder of a collection is still there; without it changed files are left out."""
    try:
        collection.model.encoder  # noqa: B018 - opens it
    except OriginidError:
        return False
    return True


def _left(old: Collection, new: Collection, asked: _Asked) -> Iterator[_Left]:
    """The references of which nothing could be made."""
    for row in old.references():
        if row.id not in asked.paths or new.database.has_content(row.sha256):
            continue
        path, reason, changing = asked.paths[row.id], "", False
        if row.width == 0:
            kind = "known by fingerprint only"
        elif is_address(row.location):
            kind = "without a file here (members of archives, pictures of the web)"
        elif path is not None:
            kind = "with a file that cannot be read as it was indexed"
            changing = os.path.abspath(path) not in asked.refused
            reason = asked.refused.get(os.path.abspath(path), "its content changed")
        elif old.database.is_there(row.location) is None:
            kind = "with a file that may not be opened"
        else:
            kind = "without their file"
        yield _Left(row.id, kind, Failure(row.shown, reason or kind), changing)
