"""Which way up a camera held an image, as the EXIF block of the file states it.

Pillow can read an EXIF block too, but it parses every field. That can take as long as decoding a
small photo, and it warns about every camera that writes a field wrongly. So only the one field
that matters here is read. Source: TIFF 6.0, section 2 (the layout of the block), and EXIF 2.3,
section 4.6.4 (the orientation).
"""

import re
import struct

from PIL.Image import Transpose

ORIENTATION = 0x0112  # the number of the field
UPRIGHT = 1
TURNS: dict[int, Transpose] = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
"""What makes an image of each orientation upright; 5 to 8 exchange width and height."""


def orientation(exif: bytes) -> int:
    """Read the orientation from an EXIF block.

    Args:
        exif: the bytes of the block, with or without its leading ``Exif``; may be empty or broken.

    Returns:
        A number from 1 to 8. It is 1, upright, if the block does not state another.
    """
    # The byte order and the number 42 begin the block; "Exif" and two zeros may precede them.
    start = re.search(rb"II\*\0|MM\0\*", exif[:64])
    if not start:
        return UPRIGHT
    block = exif[start.start() :]
    order = "<" if block.startswith(b"II") else ">"
    try:
        (first,) = struct.unpack_from(f"{order}I", block, 4)
        (count,) = struct.unpack_from(f"{order}H", block, first)
        for i in range(count):
            # A field has 12 bytes: its number, its type, how many values, and here the value.
            tag, value = struct.unpack_from(f"{order}H6xH", block, first + 2 + 12 * i)
            if tag == ORIENTATION:
                return int(value) if 1 <= value <= 8 else UPRIGHT
    except struct.error:  # the block ends early
        pass
    return UPRIGHT
