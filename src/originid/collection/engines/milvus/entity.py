"""What a collection stores on a Milvus server: entities of one Milvus collection.

A reference is one entity: its vector, its path, and what is said of it. So it is written as a
whole or not at all, though Milvus has no transactions. The key of an entity follows from what it is
about, such as the path of a reference: writing it twice, or in two processes, leaves one.
"""

import base64
import hashlib
import os
import re
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any
from urllib.parse import unquote_to_bytes

from originid.types import Json


class Kind(IntEnum):
    """What an entity is. The first two have vectors that a search compares."""

    REFERENCE = 1  # key: its path
    FORM = 2  # the second form of a reference; key: the path of that
    NAME = 3  # a further name of a reference; key: the path; id: of the reference
    FAILURE = 4  # a file that could not be used; key: its path
    DECISION = 5  # key: the query and the reference; id: when it was made, in ns
    REMOVED = 6  # key and id: a place in the list of removals
    FOLDER = 7  # a signed folder; key: the folder and the signature
    BLOB = 8  # a piece of what is too large for an entity; key: what it is, and its number
    META = 9  # key: the name of a value
    WRITER = 10  # a process that writes; id: the last one that it gave


VECTORS = (Kind.REFERENCE, Kind.FORM)
PARTITIONS = {True: "vectors", False: "others"}
"""The partitions of the Milvus collection: of what a search compares, and of all else."""
LONGEST_PLACE = 65_535  # bytes of text that Milvus takes
PIECE = 48_000  # bytes of a piece of a blob: 64,000 characters
LARGEST_CODE = 49_149  # bytes of a stored vector: 65,532 characters
_PLAIN = re.compile(rb"[^A-Za-z0-9/._~ ()@,+=:-]")


@dataclass(frozen=True)
class Entity:
    """A row of the Milvus collection.

    Args:
        kind: what it is.
        key: what it is known by, among all entities.
        id: of a reference, or what `Kind` says.
        place: a path, as `written` gives it.
        content: a SHA-256 in hexadecimal digits.
        label: of the content credentials that a reference carries.
        details: whether the local features of a reference are stored.
        thumbnail: whether a small picture of it is stored.
        described: whether it has a description.
        value: all else, as JSON of plain text and numbers.
        data: a stored vector, or a piece of a blob.
    """

    kind: Kind
    key: str
    id: int = 0
    place: str = ""
    content: str = ""
    label: str = ""
    details: bool = False
    thumbnail: bool = False
    described: bool = False
    value: Json = field(default_factory=dict)
    data: bytes = b""

    def row(self, signs: bytes) -> dict[str, Any]:
        """The entity as Milvus takes it, with the signs of its vector."""
        data = base64.b64encode(self.data).decode()
        return vars(self) | {"kind": int(self.kind), "data": data, "signs": signs}


FIELDS = tuple(Entity.__dataclass_fields__)
WITHOUT_DATA = tuple(name for name in FIELDS if name != "data")


def entity_of(row: dict[str, Any]) -> Entity:
    """The entity in what Milvus answered; what was not asked for is empty."""
    values = {name: row[name] for name in FIELDS if name in row}
    try:
        values["data"] = base64.b64decode(values.get("data", ""))
    except ValueError:  # the server may be somebody else's
        values["data"] = b""
    if not isinstance(values.get("value"), dict):
        values["value"] = {}
    return Entity(**values | {"kind": Kind(values["kind"])})


def meta_entity(name: str, text: str) -> Entity:
    """A value of `Store.meta`."""
    return Entity(Kind.META, key_of(Kind.META, name), place=name, value={"text": text})


def key_of(kind: Kind, *what: str | bytes) -> str:
    """The key of the entity of a kind that is about something: a path, or bytes."""
    parts = [each if isinstance(each, bytes) else os.fsencode(each) for each in what]
    digest = hashlib.sha256(b"".join(b"%d:%b" % (len(part), part) for part in parts))
    return f"{kind.name.lower()}:{digest.hexdigest()[:40]}"


def written(path: str) -> str:
    """A path as plain text that keeps every byte, and the order of prefixes.

    Milvus takes only sound UTF-8, and its expressions have quotes and escapes of their own.
    """
    return _PLAIN.sub(lambda found: b"%%%02X" % found[0][0], os.fsencode(path)).decode()


def read_text(text: object) -> str:
    """The text that `written` wrote; empty where there is none."""
    return os.fsdecode(unquote_to_bytes(text)) if isinstance(text, str) else ""


def read_path(text: object) -> str:
    """The path that `written` wrote; empty where there is none."""
    path = read_text(text)
    return "" if "\0" in path else path
