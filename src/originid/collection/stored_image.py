"""What is stored of an image, whatever its file is called."""

from dataclasses import dataclass

from originid.collection.form_table import Form
from originid.details.features import Features
from originid.types import Description


@dataclass(frozen=True)
class StoredImage:
    """What is stored of an image, whatever its file is called."""

    width: int
    height: int
    code: bytes
    information: float | None
    form: Form | None
    features: Features | None
    description: Description
    thumbnail: bytes | None
