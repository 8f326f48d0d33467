"""A collection is copied to another place: from a folder to a server, or back.

Vectors and all that is stored beside them are carried over as they are: no picture is read. A copy
is made once. Until it is complete it says so, and only the same source may be copied into it.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np

from originid.collection.collection import Collection, open_collection, refuse_unopened
from originid.collection.copies import BEGUN, COMPLETE, COPY
from originid.collection.decision_list import record_decisions
from originid.collection.row import Row
from originid.collection.stored_image import whole_form
from originid.collection.stores import Place, create_store, is_collection
from originid.collection.switching import pour_second_looks
from originid.errors import InputError, StorageError
from originid.system.account_key import key_or_reason
from originid.system.addresses import is_address, location_of
from originid.system.progress import Progress, silent
from originid.types import NOT_DESCRIBED, Failure

BATCH = 256  # references that are written in one transaction


@dataclass
class Copied:
    """What copying a collection did.

    Args:
        references: how many references the copy has.
        copied: references that were written.
        already: references that an interrupted run had written.
        decisions: decisions that the copy has.
        left: references that were left out, since their stored vector is damaged.
        unsigned: as of `Added`.
    """

    references: int = 0
    copied: int = 0
    already: int = 0
    decisions: int = 0
    left: list[Failure] = field(default_factory=list)
    unsigned: str = ""


def copy_collection(source: Collection, into: Place, progress: Progress = silent) -> Copied:
    """Copy all that a collection holds to another place, which then answers as it does.

    References, second forms, local features, small pictures, descriptions, further names, content
    credentials, decisions, failures, second leads and the right to open files are carried over.
    What was committed survives whatever ends the process, and the next run goes on from there.

    Args:
        source: an open collection that stores whole vectors.
        into: a folder or a URL where nothing is, or a copy of this collection that was begun.
        progress: called with the references dealt with and the references in all.

    Raises:
        InputError: the collection is compact, or there is something else at the place.
        StorageError: the disk or the server refuses.

    Example:
        >>> import originid
        >>> from originid.testing import write_photos
        >>> with originid.create_collection("here", originid.open_model()) as collection:
        ...     added = originid.add_images(collection, write_photos("carried", 2))
        ...     done = originid.copy_collection(collection, "there")
        >>> done.references
        2
    """
    refuse_unopened(source)
    if source.compact:
        raise InputError(
            f"the compact collection {source.place}",
            "expected one that stores whole vectors: of most of these only the signs are known",
            "copy its folder as it is, or index the images into the new place",
        )
    source.model.encoder  # noqa: B018 - what cannot be used is refused before anything is made
    is_new = not is_collection(into)
    if is_new:
        try:
            create_store(into, source.model, meta={COPY: _says(BEGUN, source)})
        except (InputError, StorageError):
            if not is_collection(into):  # else another process made it first
                raise
    with open_collection(into, encoder=source.model.own_encoder) as target:
        if is_new and target.database.meta(COPY) == _says(COMPLETE, source):
            # Another process was quicker.
            return Copied(len(target), already=len(target))
        _refuse_other(source, target)
        return _copied(source, target, progress)


def _refuse_other(source: Collection, target: Collection) -> None:
    """Refuse what is no begun copy of a collection as it is now."""
    says = target.database.meta(COPY)
    if says == _says(COMPLETE, source):
        raise InputError(
            f"{target.place}, where a complete copy of it is already",
            "expected a place where nothing is, or a copy that was begun",
            "index into it what came later, or name another place",
        )
    if says != _says(BEGUN, source):
        raise InputError(
            f"{target.place}, where a collection is already",
            "expected a place where nothing is, or a copy that was begun",
            "name another place, or remove the collection there first",
        )
    if target.model.fingerprint != source.model.fingerprint:
        raise InputError(
            f"{target.place}, a copy that was begun with model {target.model.name}",
            f"expected one with model {source.model.name}, which the collection has now",
            "name another place",
        )


def _says(word: str, source: Collection) -> str:
    """What a copy says of itself, with the id of what it is a copy of."""
    known = source.database.meta("id")
    return f"{word} {known if known != 'None' else source.place}"


def _copied(source: Collection, target: Collection, progress: Progress) -> Copied:
    done, total, seen = Copied(), len(source), 0
    key, done.unsigned = key_or_reason()
    target.database.sign_folders(_trusted(source), key)
    rows, kept = source.references(), set[str]()
    while some := list(islice(rows, BATCH)):
        _copy_rows(source, target, some, done)
        kept.update(row.location for row in some)
        seen += len(some)
        progress(seen, max(total, seen))
    _drop_others(source, target, kept)
    with target.database.writing():
        for failure in source.database.failures():
            target.database.fail(location_of(failure.path), failure)
    target.index()  # so that no search has to begin by making it
    target.calibrate()
    with target.database.writing():
        pour_second_looks(target.database, source)
        target.database.set_meta(COPY, _says(COMPLETE, source))
    done.references, done.decisions = len(target), len(target.database.decisions())
    return done


def _drop_others(source: Collection, target: Collection, kept: set[str]) -> None:
    """Bring decisions over, and drop what the source no longer has since a run was interrupted.

    Args:
        source: what is copied.
        target: the copy.
        kept: the locations of the source's references.
    """
    gone = [row.location for row in target.references() if row.location not in kept]
    decisions = source.database.decisions()
    wanted = {(each.query, each.reference) for each in decisions}
    with target.database.writing():
        for location in gone:
            target.database.remove(location)
        for each in target.database.decisions():
            if (each.query, each.reference) not in wanted:
                target.database.forget_decision(each.query, each.reference)
    record_decisions(target.database, decisions)


def _copy_rows(source: Collection, target: Collection, rows: Sequence[Row], done: Copied) -> None:
    """Write those of some references that the copy lacks, in one transaction."""
    there = target.database.all_reached_by([row.location for row in rows])
    fresh = [row for row in rows if not _is_there(row, there.get(row.location))]
    done.already += len(rows) - len(fresh)
    if not fresh:
        return
    database, ids = source.database, sorted(row.id for row in fresh)
    codes = {
        int(key): code.tobytes()
        for key, code in zip(*database.codes(np.array(ids, np.int64)), strict=True)
    }
    features, said = database.details(ids), database.descriptions(ids)
    names = database.names(ids)
    whole = [row for row in fresh if row.id in codes]
    with target.database.writing():
        locations, contents = [row.location for row in whole], [row.sha256 for row in whole]
        target.database.prepare(locations, contents)
        for row in whole:
            target.database.insert(
                replace(row, id=0),
                codes[row.id],
                whole_form(source, row.id),
                features.get(row.id),
                names.get(row.id, []),
                said.get(row.id, NOT_DESCRIBED),
                database.thumbnail(row.id),
                database.manifest_of(row.id),
            )
    done.copied += len(whole)
    done.left += [
        Failure(row.shown, "its stored vector is damaged") for row in fresh if row.id not in codes
    ]


def _is_there(row: Row, there: Row | None) -> bool:
    """Whether a reference was copied already."""
    return there is not None and (there.location, there.sha256) == (row.location, row.sha256)


def _trusted(source: Collection) -> list[str]:
    """The folders whose files may be opened, the outermost of each, and single files besides."""
    found: dict[str, None] = {}
    tops: dict[str, str | None] = {}
    for row in source.references():
        if is_address(row.location):
            continue
        folder = os.path.dirname(row.location)
        if folder not in tops:
            tops[folder] = _outermost(source, folder)
        top = tops[folder]
        if top is not None:
            found[top] = None
        elif source.database.trusts(row.location):
            found[row.location] = None
    return list(found)


def _outermost(source: Collection, folder: str) -> str | None:
    """The outermost folder with this one in it whose files may be opened; None for no such one."""
    top = None
    while source.database.trusts(os.path.join(folder, "any")):
        top, folder = folder, os.path.dirname(folder)
        if folder == top:
            break
    return top
