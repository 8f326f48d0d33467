"""A reference as an entity of Milvus, and back."""

import zlib
from collections.abc import Callable
from typing import Any

from originid.collection.engines.milvus.entity import Entity, Kind, key_of, read_path, written
from originid.collection.row import Row
from originid.system.addresses import is_address

_SIDE = 2**31 - 1  # pixels


def reference_of(row: Row, key: int, added_at: str, code: bytes) -> Entity:
    """The entity of a reference without what else is said of it."""
    value = {
        "name": written(row.name),
        "bytes": row.bytes,
        "mtime_ns": row.mtime_ns,
        "width": row.width,
        "height": row.height,
        "information": row.information,
        "ctime_ns": row.ctime_ns,
        "inode": row.inode,
        "with_file": row.width > 0 and not is_address(row.location),
        "with_ctime": row.ctime_ns is not None,
        "with_inode": row.inode is not None,
        "added_at": added_at,
        "crc32": zlib.crc32(code),
    }
    return Entity(
        Kind.REFERENCE,
        key_of(Kind.REFERENCE, row.location),
        key,
        written(row.location),
        row.sha256.hex(),
        value=value,
        data=code,
    )


def row_of(entity: Entity) -> Row | None:
    """The row of a reference; None where it has no path.

    The server may be somebody else's: a value that cannot be is read as one that says nothing, so
    that a damaged row stops nothing else, as in `originid.collection.sound_rows`.
    """
    location, value = read_path(entity.place), entity.value
    if not location or entity.key != key_of(Kind.REFERENCE, location):
        return None
    sound = {name: value[name] if name in value and is_one(value[name]) else otherwise
             for name, (is_one, otherwise) in _SOUND.items()}  # fmt: skip
    content = bytes.fromhex(entity.content) if _is_digest(entity.content) else b"%d" % entity.id
    return Row(
        location,
        read_path(value.get("name")) or location,
        content,
        id=entity.id,
        **sound,
    )


def is_sound(entity: Entity) -> bool:
    """Whether every value of a reference can be one."""
    value = entity.value
    read = all(name in value and is_one(value[name]) for name, (is_one, _) in _SOUND.items())
    return read and _is_digest(entity.content) and bool(read_path(value.get("name")))


def _is_digest(text: str) -> bool:
    return len(text) == 64 and set(text) <= set("0123456789abcdef")


def _whole(least: int, most: int = 2**63 - 1) -> Callable[[object], bool]:
    return lambda value: type(value) is int and least <= value <= most


def _or_none(is_one: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: value is None or is_one(value)


# For each value, what it must be, and what is read otherwise.
_SOUND: dict[str, tuple[Callable[[object], bool], Any]] = {
    "bytes": (_whole(0), -1),
    "mtime_ns": (_whole(-(2**63)), -1),
    "width": (_whole(0, _SIDE), 0),
    "height": (_whole(0, _SIDE), 0),
    "added_at": (lambda value: isinstance(value, str), ""),
    "information": (_or_none(lambda value: isinstance(value, (int, float))), None),
    "ctime_ns": (_or_none(_whole(-(2**63))), None),
    "inode": (_or_none(_whole(0)), None),
}
