"""JPEG: what costs time left out of Pillow's decoder, and files that lack their last bytes."""

import io
from contextlib import suppress

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import JpegImagePlugin

from originid.errors import ImageError

START, SCAN, END = b"\xff\xd8", b"\xff\xda", b"\xff\xd9"  # markers: of the file, of its pixels
MOST_SCANS = 100  # progressive files of all common programs have 3 to 20; each is a pass over all
NOTES = frozenset((0xFE, *range(0xE1, 0xEE), 0xEF))  # markers of comments, profiles, EXIF
ONE_PASS = (0xC0, 0xC1)  # markers of the header of a sequential JPEG
MOST_SEGMENTS = 64  # of notes before the pixels: a profile of 4 MB, or what a camera writes
HEADER = 1 << 16  # bytes in which nearly every header ends
EXIF, XMP = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
AT_ONCE = 400_000_000  # pixels times scans that are decoded in one call: some 4 seconds
GREY = 128  # what the decoder fills in for missing blocks, in every channel


class Jpeg(JpegImagePlugin.JpegImageFile):
    """Pillow's JPEG decoder, which leaves the EXIF block unread, and reads the header quickly."""

    def _open(self) -> None:
        # Pillow parses the EXIF block to find the density, unless the density is known. Parsing
        # can take as long as decoding a small photo, and warns about every camera that writes the
        # block wrongly. Nothing here uses the density, so 72 stands for any.
        self.info["dpi"] = (72.0, 72.0)
        # Pillow reads a header byte by byte, which takes a while where each reading is counted.
        # Few bytes need no counting: whatever they are, they are read within 60 ms.
        whole = self.fp
        assert whole
        self.fp = io.BytesIO(whole.read(HEADER))
        with suppress(Exception):  # raised again below, if it is not that the header is longer
            super()._open()
        self.fp = whole
        if not self.tile:
            whole.seek(0)
            super()._open()


def decode_at_once(data: bytes, opened: Jpeg) -> NDArray[np.uint8] | None:
    """Decode a sound JPEG in one call: the pixels of Pillow, in three quarters of the time.

    Both use libjpeg-turbo. Pillow feeds it with pieces of the file, and copies each row.

    Args:
        data: the bytes of the file.
        opened: the file, of which only the header is read. It may be set to be decoded at a
            reduced size.

    Returns:
        RGB (h, w, 3) or grey (h, w), read-only. None leaves it to Pillow: colours of another kind,
        work beyond `AT_ONCE`, which could take longer than is allowed, and any damage.
    """
    colours, (width, height) = {"L": "GRAY", "RGB": "RGB"}.get(opened.mode), opened.size
    if colours is None or width * height * data.count(SCAN) > AT_ONCE:
        return None
    try:
        decoded = simplejpeg.decode_jpeg(data, colours, min_height=height, min_width=width)
    except ValueError:
        return None
    pixels: NDArray[np.uint8] = decoded[:, :, 0] if colours == "GRAY" else decoded
    pixels.flags.writeable = False
    return pixels if pixels.shape[:2] == (height, width) else None


def needed_segments(data: bytes) -> bytes:
    """Leave out the notes before the pixels of a JPEG, if there are very many of them.

    Pillow copies what it has read of a block of EXIF for each further segment of it.

    Args:
        data: the bytes of a JPEG file.

    Returns:
        The bytes of a JPEG file; ``data`` itself if it has at most `MOST_SEGMENTS` notes.

    Raises:
        ImageError: if the file has more than `MOST_SCANS` scans.
    """
    place, notes, components = len(START), 0, 0
    while place + 4 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker == SCAN[1]:
            # A sequential JPEG whose first scan has all its colours ends with that scan.
            if data[place + 4 : place + 5] != bytes([components]):
                refuse_many_scans(data)
            break
        if marker in ONE_PASS:
            components = data[place + 9] if place + 9 < len(data) else 0
        notes += marker in NOTES
        place += 2 + (data[place + 2] << 8 | data[place + 3])
    return _without_notes(data) if notes > MOST_SEGMENTS else data


def _without_notes(data: bytes) -> bytes:
    """Leave out the notes of a JPEG but the first of each kind that may state the orientation."""
    view, kept, place, start = memoryview(data), [], len(START), 0
    seen = set()
    while place + 4 <= len(data) and data[place] == 0xFF and data[place + 1] != SCAN[1]:
        end = place + 2 + (data[place + 2] << 8 | data[place + 3])
        if data[place + 1] in NOTES:
            body = data[place + 4 : place + 40]
            kind = next((kind for kind in (EXIF, XMP) if body.startswith(kind)), None)
            if kind is None or kind in seen:
                kept += [view[start:place]] if start < place else []
                start = end
            seen.add(kind)
        place = end
    return b"".join([*kept, view[start:]])


def refuse_many_scans(data: bytes, images: int = 1) -> None:
    """Refuse JPEGs of very many scans, of which each is a pass over all pixels.

    Args:
        data: the bytes of a file with JPEGs in it.
        images: the number of these; at least 1.

    Raises:
        ImageError: if there are more than `MOST_SCANS` scans for each image.
    """
    scans = data.count(SCAN)
    if scans > MOST_SCANS * images:
        given = f"a JPEG of {scans // images:,} scans"
        raise ImageError(given, f"expected at most {MOST_SCANS}", "save it anew")


def missing_rows(image: Pillow.Image) -> float:
    """Return the share, in [0, 1], of the rows of a JPEG that were not in the file.

    Args:
        image: a loaded image whose file lacked its last bytes. The decoder made what is missing
            grey, and it decodes from the top to the bottom.
    """
    values = np.asarray(image).reshape(image.height, -1)
    there = np.flatnonzero((np.abs(values.astype(np.int16) - GREY) > 1).any(axis=1))
    return 1 - (int(there[-1]) + 1) / image.height if there.size else 1.0
