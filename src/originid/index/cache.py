"""The file that keeps the parts of an exact index between runs.

Magic, format, length and CRC-32 of a JSON header; the header; then for each part its ids (int64)
and its bits, the packed first ones and then the rest, all little-endian; then a tail: arrays that
are too large to be read as a whole, one after the other. The header says what the file was made for
and holds each part's rows and CRC-32, and the bytes of the tail. The file is never changed in
place: a new one replaces it.
"""

import json
import os
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from originid.errors import OriginidError
from originid.index.growing import GrowingRows, in_file
from originid.index.scan import Part, memory_size
from originid.system.storage import ON_WINDOWS, new_file
from originid.system.strict_json import parse_json
from originid.types import Json

FORMAT = 2
MAGIC = b"originid"
PREFIX = struct.Struct("<8sIII")

Tail = NDArray[np.uint8]


class CacheError(OriginidError):
    """An index file that cannot be used; the index can be made again from what is stored."""


def save_parts(
    path: Path, header: Json, parts: Sequence[Part], tail: Sequence[GrowingRows] = ()
) -> None:
    """Write a file, all of it or nothing; what is there is replaced.

    Raises:
        OSError: the disk refuses.
    """
    with new_file(path) as temporary, open(temporary, "xb") as file:
        _write(file, header, parts, tail)


def load_parts(
    path: Path, header: Json, new_part: Callable[[], Part]
) -> tuple[Json, list[Part], Tail]:
    """Read a file: its whole header, its parts, and its tail.

    The tail is checked by whoever reads it. It stays in the file, which must not be written to; but
    on Windows, where a file that is used in this way cannot be replaced, it is read into memory.

    Args:
        path: what `save_parts` wrote.
        header: what the file's header must say.
        new_part: makes an empty part.

    Raises:
        CacheError: there is none, it is damaged, or its header says otherwise.
    """
    with unusable(path), open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        found = _read_header(file, size)
        for name, expected in header.items():
            if found[name] != expected:
                raise ValueError(f"its {name} is {found[name]}, expected {expected}")
        rows = [part["rows"] for part in found["parts"]]
        bits, length = new_part().bits, int(found.get("tail", 0))
        start = file.tell() + sum(8 * n + memory_size(n, bits) for n in rows)
        if length < 0 or size != start + length:
            raise ValueError(f"it has {size} bytes, expected {start + length}")
        parts = [_read_part(file, new_part(), **part) for part in found["parts"]]
        _refuse_other_ids(found["last_id"], parts)
        return found, parts, _read_tail(file, start, length)


@contextmanager
def unusable(path: Path) -> Iterator[None]:
    """Turn what is found wrong with a file inside the ``with`` block into a `CacheError`."""
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CacheError(
            f"index file {path} cannot be used: {error}",
            "expected one that this version wrote for this collection",
            "make the index again from the stored vectors",
        ) from error


def _write(
    file: BinaryIO, header: Json, parts: Sequence[Part], tail: Sequence[GrowingRows]
) -> None:
    described = [{"rows": len(part.ids), "checksum": _checksum(part)} for part in parts]
    length = sum(each.rows.nbytes for each in tail)
    text = json.dumps(header | {"parts": described, "tail": length}).encode()
    file.write(PREFIX.pack(MAGIC, FORMAT, len(text), zlib.crc32(text)) + text)
    for part in parts:
        file.write(part.ids.astype("<i8", copy=False).data)
        for each in part.memory():
            file.write(each.data)
    for rows in tail:
        file.write(rows.rows.data)
        rows.give_back()  # all of them may be more than the memory


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


def _read_tail(file: BinaryIO, start: int, length: int) -> Tail:
    if ON_WINDOWS:
        file.seek(start)
        return np.frombuffer(file.read(length), np.uint8)
    return in_file(file, start, length) if length else np.empty(0, np.uint8)


def _read_part(file: BinaryIO, part: Part, rows: int, checksum: int) -> Part:
    part.resize(np.frombuffer(file.read(8 * rows), "<i8").astype(np.int64))
    for each in part.memory():
        file.readinto(each.data)  # type: ignore[attr-defined]
    if _checksum(part) != checksum:
        raise ValueError("its checksum is wrong")
    return part


def _refuse_other_ids(last_id: object, parts: Sequence[Part]) -> None:
    largest = max((int(part.ids.max()) for part in parts if len(part.ids)), default=-1)
    if not isinstance(last_id, int) or not largest <= last_id < 2**63:
        raise ValueError(f"its last_id is {last_id}, and its largest id {largest}")


def _checksum(part: Part) -> int:
    checksum = zlib.crc32(part.ids.astype("<i8", copy=False).data)
    for each in part.memory():
        checksum = zlib.crc32(each.data, checksum)
    return checksum
