"""The content credentials of an image file as they are kept: whole, and only where they are sound.

A manifest store that was copied into another picture, or whose picture was changed, does not speak
of that picture. So a store is kept only if its signature fits the file that carries it.
"""

from dataclasses import dataclass

from originid.images.credentials import read_credentials
from originid.images.manifest_store import MOST_BYTES, STORE, manifest_store
from originid.types import Manifest

NOT_KEPT = "its content credentials are not kept: "
UNFOUND = f"they have more than {MOST_BYTES:,} bytes, or lie in the file in an unknown way"
REASONS = {
    "invalid": "their signature does not fit the file",
    "elsewhere": "the file only names a place on the network where they lie",
}
DAMAGED = "they are damaged"


@dataclass(frozen=True)
class Carried:
    """What a file carries.

    Args:
        manifest: its content credentials, if they are sound.
        note: why they are not kept, if it has some that are not.
    """

    manifest: Manifest | None = None
    note: str = ""


NO_MANIFEST = Carried()


def read_manifest(data: bytes) -> Carried:
    """Read the content credentials of an image file, to keep them.

    Args:
        data: the bytes of the file.

    Raises:
        ExtraError: the extra is not installed.
    """
    if STORE not in data:
        return NO_MANIFEST
    store, found = manifest_store(data), read_credentials(data)
    if found is None:
        return NO_MANIFEST
    if found.state != "valid":
        return Carried(note=NOT_KEPT + REASONS.get(found.state, DAMAGED))
    if store is None or not found.label:
        return Carried(note=NOT_KEPT + UNFOUND)
    return Carried(Manifest(found.label, store))
