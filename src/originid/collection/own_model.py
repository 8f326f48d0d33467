"""The model of a collection: the copy that it keeps, the one that made its vectors."""

from dataclasses import replace

from originid.collection.store import Store
from originid.encoders.base import Encoder
from originid.errors import CollectionError, ModelError
from originid.model import Model, open_model
from originid.model_description import packaged_models


def own_model(database: Store, encoder: Encoder | None) -> Model:
    """Open the model of a collection.

    Args:
        database: of the collection.
        encoder: an encoder of the user's own, if it was made with one.

    Raises:
        ModelError: it is damaged, or another one.
        ModelChangedError: the collection gets another model just now.
    """
    name, fingerprint = database.meta("model"), database.meta("fingerprint")
    errors: list[ModelError] = []
    for folder in database.model_folders():
        try:
            own = replace(open_model(folder, encoder), name=name)
        except ModelError as error:
            errors.append(error)
            continue
        if own.fingerprint == fingerprint:
            return own
        errors.append(
            ModelError(
                f"the model in {database.kept} has fingerprint {own.fingerprint[:8]}",
                f"expected {fingerprint[:8]}, which made its vectors",
                "restore the collection's folder `model` from a copy",
            )
        )
    database.meta("fingerprint")  # raises if it is another one by now
    if name in packaged_models():  # its files were lost, and we have the same ones
        packaged = open_model(name)
        if packaged.fingerprint == fingerprint:
            return packaged
    raise errors[0]


def refuse_other_model(database: Store, model: Model) -> None:
    """Refuse a model that did not make the vectors of a collection.

    Raises:
        CollectionError: it is another one.
    """
    name, fingerprint = database.meta("model"), database.meta("fingerprint")
    if model.fingerprint != fingerprint:
        raise CollectionError(
            f"collection {database.place} was made by model {name!r} ({fingerprint[:8]}), "
            f"not by {model.name!r} ({model.fingerprint[:8]})",
            "expected one model per collection: vectors of two models cannot be compared",
            "leave --model out, or index into a new collection",
        )
