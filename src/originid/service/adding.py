"""Adding a picture that was sent: its file is kept, and then it is indexed as any other."""

import hashlib
from contextlib import suppress
from pathlib import Path

from originid.collection.adding import store_images
from originid.collection.row import Row
from originid.latents.sources import Source
from originid.service.errors import ApiError
from originid.service.state import State
from originid.system.account_key import key_or_reason
from originid.system.storage import flush, new_file, storage_errors
from originid.types import Description


def keep_picture(shared: State, source: Source, description: Description) -> tuple[Row, bool]:
    """Keep a picture in the folder of the collection, and add it.

    Args:
        shared: what the routes share.
        source: the picture, with its bytes.
        description: what is said of it.

    Returns:
        The reference, and whether it was added; it may have been there already.

    Raises:
        ApiError: it cannot be read, or its reference was removed meanwhile.
        StorageError: the disk refuses.
    """
    collection = shared.finder.collection
    database, data = collection.database, source.data or b""
    content = hashlib.sha256(data).digest()
    known = database.with_content(content, limit=1, read=True)
    added = False
    if not known:
        database.refuse_moved()  # before its file is made where the collection was
        path = _kept(shared.added_folder / content.hex(), source.name, data)
        _sign(shared)
        found = store_images(collection, [path], workers=1, manners=None)
        if found.failures:
            path.unlink(missing_ok=True)
            with suppress(OSError):  # others may send the same picture just now
                path.parent.rmdir()
            raise ApiError(
                422, found.failures[0].reason, "expected a picture", "choose another file"
            )
        added = found.added > 0  # of those who send one picture at once, one is told so
        known = database.with_content(content, limit=1, read=True)
    if not known:
        raise ApiError(503, "the reference was removed", "expected it to stay", "add it again")
    if description:
        with database.writing():
            database.describe(known[0].id, description)
    return known[0], added


def _sign(shared: State) -> None:
    """Let the files in the folder of added pictures be looked at, also by later processes."""
    key, _ = key_or_reason()  # without one, the next process is told how it may
    shared.finder.collection.database.sign_folders([shared.added_folder], key)


def _kept(folder: Path, name: str, data: bytes) -> Path:
    """Write the bytes of a picture into a folder of its own, and flush them to the disk."""
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        flush(folder.parent)
        path = folder / name
        with new_file(path) as file:
            file.write_bytes(data)
    return path
