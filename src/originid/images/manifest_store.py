"""The manifest store of an image file (C2PA): found, bounded, and cut to its active manifest.

A store is one box of JUMBF (ISO 19566-5) that holds manifests; the last of them is the active one.
In a JPEG it is spread over segments, which are put together here. In other formats it lies in one
piece, and is looked for by its first bytes, not by the structure of the file. What is found is not
trusted: see `originid.images.credentials`, whose library checks these very bytes.
"""

from collections.abc import Iterator

MOST_BYTES = 1_000_000  # of a store; with its thumbnails one rarely has more than 300 kB
# The content type of a box of JUMBF that is a store: its description box begins so.
STORE = b"c2pa\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71"
_JUMBF, _DESCRIPTION = b"jumb", b"jumd"
_HEADER = 8  # bytes: the size of a box, and its type
_LARGE = 8  # bytes of the size of a box, where the first size is 1
_JPEG, _APP11, _SCAN = b"\xff\xd8", 0xEB, 0xDA
_IN_SEGMENT = 8  # bytes of a segment in front of its part of a box: "JP", which box, which part


def manifest_store(data: bytes) -> bytes | None:
    """The manifest store of an image file.

    Args:
        data: the bytes of the file.

    Returns:
        The box of JUMBF; None if the file has none, or one of more than `MOST_BYTES`.
    """
    if STORE not in data:  # the cheap look at files that have none, which are nearly all
        return None
    if not data.startswith(_JPEG):
        return _store_at(data, data.find(STORE) - 2 * _HEADER)
    for box in _boxes_of_jpeg(data):
        if (store := _store_at(box, 0)) is not None:
            return store
    return None


def active_part(store: bytes) -> bytes | None:
    """A store that holds nothing but the active manifest of another one.

    Args:
        store: what `manifest_store` gave.

    Returns:
        The store; None if the boxes inside do not fit.
    """
    found = list(_boxes(store, _HEADER, len(store)))
    if len(found) < 2 or sum(map(len, found)) != len(store) - _HEADER:
        return None
    body = found[0] + found[-1]
    return (len(body) + _HEADER).to_bytes(4, "big") + _JUMBF + body


def _store_at(data: bytes, begin: int) -> bytes | None:
    if begin < 0:
        return None
    size = int.from_bytes(data[begin : begin + 4], "big")
    described = data[begin + _HEADER + 4 : begin + 2 * _HEADER + len(STORE)]
    is_store = data[begin + 4 : begin + _HEADER] == _JUMBF and described == _DESCRIPTION + STORE
    whole = size <= min(MOST_BYTES, len(data) - begin)
    return data[begin : begin + size] if is_store and whole else None


def _boxes(data: bytes, begin: int, end: int) -> Iterator[bytes]:
    """The boxes of JUMBF that lie one behind the other; those with a large size are left out."""
    while begin + _HEADER <= end:
        size = int.from_bytes(data[begin : begin + 4], "big")
        if size < _HEADER or begin + size > end:
            return
        yield data[begin : begin + size]
        begin += size


def _boxes_of_jpeg(data: bytes) -> Iterator[bytes]:
    """The boxes of JUMBF in a JPEG, each put together from its segments."""
    boxes: dict[bytes, bytearray] = {}
    for segment in _segments(data):
        if segment[:2] != b"JP":
            continue
        # Each part but the first repeats the header of the box.
        large = segment[_IN_SEGMENT : _IN_SEGMENT + 4] == b"\0\0\0\1"
        header = _HEADER + (_LARGE if large else 0)
        known = boxes.get(segment[2:4])
        if known is None:
            boxes[segment[2:4]] = bytearray(segment[_IN_SEGMENT:])
        elif len(known) <= MOST_BYTES:
            known += segment[_IN_SEGMENT + header :]
    yield from map(bytes, boxes.values())


def _segments(data: bytes) -> Iterator[bytes]:
    """What the APP11 segments of a JPEG hold."""
    place = 2
    while place + 4 <= len(data) and data[place] == 0xFF and data[place + 1] != _SCAN:
        size = int.from_bytes(data[place + 2 : place + 4], "big")
        if data[place + 1] == _APP11:
            yield data[place + 4 : place + 2 + size]
        place += 2 + max(size, 2)
