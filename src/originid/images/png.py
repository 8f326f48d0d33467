"""PNG: only the chunks that pixels need, so that no text, profile or damage beside them matters."""

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
PIXELS = frozenset((b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"acTL", b"fcTL", b"fdAT"))
"""The chunks of pixels, and of the frames of an animation."""
TEXTS = frozenset((b"iTXt", b"zTXt", b"tEXt"))
KEYWORDS = (b"XML:com.adobe.xmp\0", b"Raw profile type exif\0")
"""The texts that may state the orientation."""
LONGEST = 1 << 20  # bytes of a chunk that may state the orientation, also when it is unpacked


def needed_chunks(data: bytes) -> bytes:
    """Leave out all chunks of a PNG that neither its pixels nor its orientation need.

    Generators of images store whole workflows in it, and some programs store colour profiles of
    megabytes, which Pillow refuses to unpack.

    Args:
        data: the bytes of a PNG file. From where they are no chunks any more they stay as they are.

    Returns:
        The bytes of a PNG file; ``data`` itself if it has no other chunks.
    """
    kept: list[memoryview] = []
    view, place, start = memoryview(data), len(SIGNATURE), 0
    while place + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        end = place + 12 + length  # the length, the name, the body, the checksum
        if end > len(data):
            break
        if not _is_needed(data[place + 4 : place + 8], view[place + 8 : end - 4]):
            kept += [view[start:place]] if start < place else []
            start = end
        place = end
    return b"".join([*kept, view[start:]]) if start else data


def _is_needed(name: bytes, body: memoryview) -> bool:
    if name in PIXELS:
        return True
    if len(body) > LONGEST:
        return False
    return name == b"eXIf" or (name in TEXTS and _states_orientation(name, bytes(body)))


def _states_orientation(name: bytes, text: bytes) -> bool:
    keyword = next((word for word in KEYWORDS if text.startswith(word)), None)
    if keyword is None:
        return False
    packed = text[len(keyword) :]
    if name == b"zTXt":
        packed = packed[1:]
    elif name == b"iTXt":  # flag, method, language, translated keyword, text
        packed = packed[2:].split(b"\0", 2)[-1] if packed[:1] == b"\1" else b""
    else:
        packed = b""
    return not packed or _unpacks(packed)


def _unpacks(packed: bytes) -> bool:
    try:
        return len(zlib.decompressobj().decompress(packed, LONGEST)) < LONGEST
    except zlib.error:
        return False
