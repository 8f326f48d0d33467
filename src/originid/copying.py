"""A collection is copied to another place: from a folder to a server, or back.

Vectors and all that is stored beside them are carried over as they are: no picture is read.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np

from originid.collection.collection import (
    Collection,
    create_collection,
    open_collection,
    refuse_unopened,
)
from originid.collection.decision_list import newer_decisions, record_decisions
from originid.collection.form_table import Form
from originid.collection.row import Row
from originid.collection.stores import Place, is_collection
from originid.collection.switching import pour_second_looks
from originid.errors import InputError, StorageError
from originid.escalation.calibrating import calibrate_again
from originid.system.account_key import make_account_key
from originid.system.addresses import is_address, location_of
from originid.system.progress import Progress, silent
from originid.types import NOT_DESCRIBED, Failure

BATCH = 256  # references that are written in one transaction


@dataclass
class Copied:
    """What copying a collection did.

    Args:
        references: how many references the copy has now.
        copied: references that were written.
        already: references that the copy had before, with the same content.
        decisions: decisions that were written.
        left: references that were left out, since their stored vector is damaged.
    """

    references: int = 0
    copied: int = 0
    already: int = 0
    decisions: int = 0
    left: list[Failure] = field(default_factory=list)


def copy_collection(
    source: Collection,
    into: Place,
    progress: Progress = silent,
    calibrating: Progress = silent,
) -> Copied:
    """Copy all that a collection holds to another place, which then answers as it does.

    References, second forms, local features, small pictures, descriptions, further names, content
    credentials, decisions, failures and the right to open files are carried over. What was
    committed survives whatever ends the process, and the next run goes on from there: references
    that are there already, with the same content, are passed over.

    Args:
        source: an open collection that stores whole vectors.
        into: a folder or a URL, where nothing is yet, or a copy that was begun.
        progress: called with the references dealt with and the references in all.
        calibrating: called with the number of references looked at again and of all.

    Raises:
        InputError: the collection is compact, or ``into`` is the collection itself.
        CollectionError: what is there was made by another model.
        StorageError: the disk or the server refuses.
    """
    refuse_unopened(source)
    if source.compact:
        raise InputError(
            f"the compact collection {source.place}",
            "expected one that stores whole vectors: of most of these only the signs are known",
            "copy its folder as it is, or index the images into the new place",
        )
    own = source.model.own_encoder
    if is_collection(into):
        target = open_collection(into, source.model, own)
    else:
        target = create_collection(into, source.model)
    with target:
        _refuse_itself(source, target)
        return _copied(source, target, progress, calibrating)


def _refuse_itself(source: Collection, target: Collection) -> None:
    if target.database.meta("id") == source.database.meta("id"):
        raise InputError(
            f"{target.place}, which is the collection itself",
            "expected another place",
            "name a new folder, or the URL of a new collection on a server",
        )
    if target.compact:
        raise InputError(
            f"{target.place}, which is a compact collection",
            "expected one that stores whole vectors",
            "name a new folder, or the URL of a new collection on a server",
        )


def _copied(
    source: Collection, target: Collection, progress: Progress, calibrating: Progress
) -> Copied:
    done, total, seen = Copied(), len(source), 0
    target.database.sign_folders(_trusted(source), _key())
    rows = source.references()
    while some := list(islice(rows, BATCH)):
        _copy_rows(source, target, some, done)
        seen += len(some)
        progress(seen, max(total, seen))
    decided = newer_decisions(target.database, source.database.decisions())
    record_decisions(target.database, decided)
    done.decisions = len(decided)
    with target.database.writing():
        for failure in source.database.failures():
            target.database.fail(location_of(failure.path), failure)
    target.index()  # so that no search has to begin by making it
    target.calibrate()
    with target.database.writing():
        pour_second_looks(target.database, source)
    calibrate_again(target, calibrating)
    done.references = len(target)
    return done


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
                _form(source, row.id),
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


def _form(source: Collection, reference: int) -> Form | None:
    """The second form of a reference; None where it has none, or a damaged one."""
    form = source.database.form_of(reference)
    return form if form is not None and len(form.code) == source.codec.size else None


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


def _key() -> bytes | None:
    """The key of this account; None where none can be made."""
    try:
        return make_account_key()
    except StorageError:
        return None
