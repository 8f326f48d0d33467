"""What is stored of an image, whatever its file is called."""

from dataclasses import dataclass

import numpy as np

from originid.collection.collection import Collection
from originid.collection.form_table import Form
from originid.details.features import Features
from originid.types import NOT_DESCRIBED, Description, Manifest


@dataclass(frozen=True)
class StoredImage:
    """The fields are those of `Row`, `Store.insert` and `Encoded`."""

    width: int
    height: int
    code: bytes
    information: float | None
    form: Form | None
    features: Features | None
    description: Description
    thumbnail: bytes | None
    manifest: Manifest | None


def stored_image(collection: Collection, sha256: bytes) -> StoredImage | None:
    """What a collection holds of an image with a content; None if its vector is damaged.

    Args:
        collection: what is asked.
        sha256: of the file, 32 bytes.
    """
    database = collection.database
    twins = database.with_content(sha256, limit=1, read=True)
    codes = database.codes(np.array([row.id for row in twins], np.int64))[1]
    if not len(codes):
        return None
    row = twins[0]
    return StoredImage(
        row.width,
        row.height,
        codes[0].tobytes(),
        row.information,
        whole_form(collection, row.id),
        database.details([row.id]).get(row.id),
        database.descriptions([row.id]).get(row.id, NOT_DESCRIBED),
        database.thumbnail(row.id),
        database.manifest_of(row.id),
    )


def whole_form(collection: Collection, reference: int) -> Form | None:
    """The second form of a reference; None where it has none, or a damaged one: none is copied."""
    form = collection.database.form_of(reference)
    return form if form is not None and len(form.code) == collection.codec.size else None
