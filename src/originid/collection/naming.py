"""What stands for a reference: its path, a file with the same content, or the SHA-256 of that."""

import hashlib
import string

from originid.collection.collection import Collection
from originid.collection.row import Row
from originid.collection.store import Store
from originid.errors import ImageError, InputError
from originid.images.decode import read_bytes
from originid.system.addresses import is_address, location_of
from originid.system.text import as_it_was, shell_command


def find_reference(collection: Collection, name: str) -> Row:
    """The reference that a name stands for.

    Args:
        collection: what it belongs to.
        name: its path or address, as it is or as `printable` prints it, or the path of a file with
            the same content, or the SHA-256 of its content as 64 hexadecimal digits.

    Raises:
        InputError: the collection has no such reference, or the name is no text.
    """
    if not isinstance(name, str):
        raise InputError(
            f"an object of the type {type(name).__name__} in the place of a reference",
            "expected its path or address as a text",
            "give the reference of a match",
        )
    database = collection.database
    row = _named(database, name)
    if row is not None:
        return row
    content = content_of_file(name)
    same = database.with_content(content, limit=1) if content else []
    if not same:
        raise InputError(
            f"{name} is not in the collection {collection.place}",
            "expected the path of a reference, or a file with the content of one",
            "give its path as find prints it: "
            f"{shell_command('find', 'QUERY', '--in', collection.place)}",
        )
    return same[0]


def content_of(database: Store, name: str) -> bytes | None:
    """The SHA-256 of what a name stands for, which need not be in the collection any more.

    Args:
        database: of the collection.
        name: as for `find_reference`.
    """
    row = _named(database, name)
    return content_of_file(name) if row is None else row.sha256


def _named(database: Store, name: str) -> Row | None:
    row = database.reached_by(location_of(name))
    if row is None and (unescaped := as_it_was(name)) != name:
        row = database.reached_by(location_of(unescaped))
    return row


def content_of_file(name: str) -> bytes | None:
    """The SHA-256 of the file at a path, or that which the name itself is in 64 digits."""
    if is_address(name):
        return None
    try:
        return hashlib.sha256(read_bytes(name)).digest()
    except ImageError:
        return content_of_digits(name)


def content_of_digits(name: str) -> bytes | None:
    """The SHA-256 that a name is in 64 hexadecimal digits; None if it is something else."""
    is_digest = len(name) == 64 and set(name) <= set(string.hexdigits)
    return bytes.fromhex(name) if is_digest else None
