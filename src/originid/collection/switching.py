"""The end of an upgrade: a collection goes over to vectors that were made beside it, all at once.

The vectors, the calibration and the name of the model change in one transaction. What then lies in
`UPGRADE` as the model gets the name ``model``; whoever opens the collection between the two finds
it in either place (`Database.model_folders`).
"""

import os
import shutil
from collections.abc import Collection as Container
from contextlib import suppress
from pathlib import Path

from originid.collection.calibrating import fresh_cohort
from originid.collection.collection import Collection
from originid.collection.database import Database
from originid.collection.detail_words import FILE as WORDS
from originid.collection.low_frequencies import FILE as SHORTLIST
from originid.collection.places import DATABASE, UPGRADE
from originid.collection.store import Store
from originid.collection.stored_image import stored_image
from originid.errors import ModelError
from originid.index.scan_index import FILE as INDEX
from originid.model import open_model
from originid.system.storage import flush, storage_errors


class _MoreCameError(Exception):
    """A reference of which nothing was made yet: another process stored it just now."""


def switch(folder: Path, new: Collection, left_out: Container[int]) -> bool:
    """Give the references of a collection the vectors of another one, by their content.

    Args:
        folder: of the collection.
        new: made by another model, with the pictures of this one.
        left_out: ids of references that are dropped, as nothing could be made of them.

    Returns:
        Whether it is done; False if a reference came meanwhile, and then nothing has changed.

    Raises:
        StorageError: the disk refuses, or another process is writing; nothing has changed.
    """
    database = Database(folder / DATABASE)
    try:
        with database.writing():
            _pour(database, new, left_out)
    except _MoreCameError:
        return False
    finally:
        database.close()
    return True


def settle(folder: Path) -> None:
    """Take the last steps of an upgrade that was committed, and clear away what is left of it.

    Args:
        folder: of the collection; nobody else is upgrading it.

    Raises:
        StorageError: the disk refuses.
    """
    database = Database(folder / DATABASE)
    fingerprint = database.meta("fingerprint")
    database.close()
    model, beside = folder / "model", folder / UPGRADE
    with storage_errors(beside):
        if _fingerprint(beside / "model") == fingerprint and _fingerprint(model) != fingerprint:
            if model.exists():
                # A folder that is not empty cannot be replaced in one step.
                shutil.rmtree(beside / "model-before", ignore_errors=True)
                os.replace(model, beside / "model-before")
            os.replace(beside / "model", model)
            flush(folder)
            # They would be made again in any case, as they are of other vectors.
            for name in (INDEX, SHORTLIST, WORDS):
                (folder / name).unlink(missing_ok=True)


def clear(folder: Path) -> None:
    """Remove what an upgrade made beside a collection; `settle` must have come before.

    Raises:
        StorageError: the disk refuses.
    """
    beside = folder / UPGRADE
    with storage_errors(beside), suppress(FileNotFoundError):
        for unfinished in folder.glob(f".{UPGRADE}.*.tmp"):  # of a run that died as it began
            shutil.rmtree(unfinished)
        # Without its database it is no collection any more, whenever the rest stops.
        (beside / DATABASE).unlink(missing_ok=True)
        shutil.rmtree(beside)


def _pour(database: Database, new: Collection, left_out: Container[int]) -> None:
    model = new.model
    database.begin_with_model(model.name, model.fingerprint, new.kept_codes)
    for row in database.all_rows():
        image = stored_image(new, row.sha256)
        if image is not None:
            form, features = image.form, image.features
            database.give_vector(row.id, image.code, image.information, form, features)
        elif row.id in left_out:
            database.delete(row.id)
        else:
            raise _MoreCameError
    database.put_cohort(fresh_cohort(database, new.codec))
    pour_second_looks(database, new)


def pour_second_looks(database: Store, new: Collection) -> None:
    """Take over what another collection learned of strangers, within a transaction.

    Args:
        database: of the collection that takes it over.
        new: the other collection, with references at the same locations.
    """
    looks = new.database.second_looks()
    leads: dict[int, float] = {}
    for key, there in new.database.rows(sorted(looks)).items():
        here = database.reached_by(there.location)
        if here is not None:
            leads[here.id] = looks[key][0]
    if leads:
        database.put_second_looks(leads, max(among for _, among in looks.values()))


def _fingerprint(folder: Path) -> str | None:
    """The fingerprint of the model in a folder; None where there is none that can be used."""
    try:
        return open_model(folder).fingerprint
    except ModelError:
        return None
