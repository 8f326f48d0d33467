"""The file that keeps the parts of an exact index between runs.

Magic, format, length and CRC-32 of a JSON header; the header; then for each part its ids (int64)
and packed bits, all little-endian. The header says what the file was made for and holds each
part's rows and CRC-32. The file is never changed in place: a new one replaces it.
"""

import json
import os
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from originid.errors import OriginidError
from originid.index.scan import Part, memory_size
from originid.system.storage import new_file
from originid.system.strict_json import parse_json
from originid.types import Json

FORMAT = 1
MAGIC = b"originid"
PREFIX = struct.Struct("<8sIII")


class CacheError(OriginidError):
    """An index file that cannot be used; the index can be made again from what is stored."""


def save_parts(path: Path, header: Json, parts: Sequence[Part]) -> None:
    """Write a file, all of it or nothing; what is there is replaced.

    Raises:
        OSError: the disk refuses.
    """
    with new_file(path) as temporary, open(temporary, "xb") as file:
        _write(file, header, parts)


def load_parts(path: Path, header: Json, bits: int) -> tuple[Json, list[Part]]:
    """Read a file: its whole header, and its parts.

    Args:
        path: what `save_parts` wrote.
        header: what the file's header must say.
        bits: of each reference.

    Raises:
        CacheError: there is none, it is damaged, or its header says otherwise.
    """
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            found = _read_header(file, size)
            for name, expected in header.items():
                if found[name] != expected:
                    raise ValueError(f"its {name} is {found[name]}, expected {expected}")
            rows = [part["rows"] for part in found["parts"]]
            expected = file.tell() + sum(8 * n + memory_size(n, bits) for n in rows)
            if size != expected:
                raise ValueError(f"it has {size} bytes, expected {expected}")
            parts = [_read_part(file, bits, **part) for part in found["parts"]]
            _refuse_other_ids(found["last_id"], parts)
            return found, parts
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CacheError(
            f"index file {path} cannot be used: {error}",
            "expected one that this version wrote for this collection",
            "make the index again from the stored vectors",
        ) from error


def _write(file: BinaryIO, header: Json, parts: Sequence[Part]) -> None:
    described = [{"rows": len(part.ids), "checksum": _checksum(part)} for part in parts]
    text = json.dumps(header | {"parts": described}).encode()
    file.write(PREFIX.pack(MAGIC, FORMAT, len(text), zlib.crc32(text)) + text)
    for part in parts:
        file.write(part.ids.astype("<i8", copy=False).data)
        file.write(part.memory().data)


def _read_header(file: BinaryIO, size: int) -> Json:
    prefix = file.read(PREFIX.size)
    if len(prefix) < PREFIX.size:
        raise ValueError(f"it has {size} bytes")
    magic, version, length, checksum = PREFIX.unpack(prefix)
    if (magic, version) != (MAGIC, FORMAT):
        raise ValueError(f"it starts with {magic!r} and format {version}")
    text = file.read(min(length, size))
    if zlib.crc32(text) != checksum:
        raise ValueError("its header is damaged")
    return parse_json(text)


def _read_part(file: BinaryIO, bits: int, rows: int, checksum: int) -> Part:
    part = Part(bits)
    part.resize(np.frombuffer(file.read(8 * rows), "<i8").astype(np.int64))
    file.readinto(part.memory())  # type: ignore[attr-defined]
    if _checksum(part) != checksum:
        raise ValueError("its checksum is wrong")
    return part


def _refuse_other_ids(last_id: object, parts: Sequence[Part]) -> None:
    largest = max((int(part.ids.max()) for part in parts if len(part.ids)), default=-1)
    if not isinstance(last_id, int) or not largest <= last_id < 2**63:
        raise ValueError(f"its last_id is {last_id}, and its largest id {largest}")


def _checksum(part: Part) -> int:
    return zlib.crc32(part.memory().data, zlib.crc32(part.ids.astype("<i8", copy=False).data))
