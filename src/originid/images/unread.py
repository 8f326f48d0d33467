"""Files of a folder whose name does not tell that they are images that are read.

They are known by how they begin: as an image of one of the `FORMATS`, or as an image that is not
read, which is then counted and named.
"""

import os
import re
import stat
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from originid.errors import ImageError
from originid.images.formats import FORMATS, HEAD, find_format

_RAW = (
    "3fr arw cr2 cr3 crw dcr dng erf fff iiq k25 kdc mef mos mrw nef nrw orf pef raf raw rw2 rwl"
    " sr2 srf srw x3f"
)
_KINDS: dict[str, tuple[str, bytes | None]] = {
    "RAW": (_RAW, None),  # one that begins like none of the `FORMATS`
    "Photoshop": ("psd psb", rb"8BPS\0[\1\2]"),
    "JPEG XL": ("jxl", rb"\xff\n|\0\0\0\x0cJXL \r\n\x87\n"),
    "JPEG 2000": (
        "jp2 j2k j2c jpc jpf jpx jpm",
        rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51\0",
    ),
    "JPEG XR": ("jxr wdp hdp", rb"II\xbc[\0\1]"),
    "OpenEXR": ("exr", rb"\x76\x2f\x31\x01"),
    "Radiance": ("hdr", rb"#\?(RADIANCE|RGBE)\n"),
    "DICOM": ("dcm dicom", None),
    "SVG": ("svg svgz", rb"\s*<svg[\s>]"),
    "GIMP": ("xcf", rb"gimp xcf "),
    "Targa": ("tga", None),
    "Netpbm": ("pbm pgm ppm pnm pam pfm", None),
    "DirectDraw": ("dds", rb"DDS \x7c\0\0\0"),
    "QOI": ("qoi", rb"qoif"),
    "icon": ("ico cur", rb"\0\0[\1\2]\0[\1-\x40]\0.{3}\0"),
}
"""Kinds of images that may not be read: their suffixes, and a pattern of their first bytes."""

UNREAD: dict[str, tuple[frozenset[str], bytes | None]] = {
    kind: (frozenset(suffixes.split()), pattern)
    for kind, (suffixes, pattern) in _KINDS.items()
    if kind not in FORMATS or pattern is None
}
"""The kinds of images that are not read. What begins like one of the `FORMATS` is none of them."""

# These stand beside nearly every photo of some programs and are never images, so that opening
# each of them would only take time.
SIDECARS = frozenset((".xmp", ".aae", ".dop", ".pp3"))
# Two letters are the beginning of many texts, so the size of the second header is looked at too.
_BMP = rb"BM.{12}[\x0c\x10\x28\x34\x38\x40\x6c\x7c]\0\0\0"
_DICOM = 128  # bytes before the name of the format


@dataclass(frozen=True)
class Unread:
    """An image that originid does not read.

    Args:
        path: the path of the file.
        kind: what it is, such as ``RAW``.
        suffix: how its name ends, in lower case and without the full stop; empty if that says
            nothing.
    """

    path: str
    kind: str
    suffix: str = ""

    @property
    def reason(self) -> str:
        """Why it was left out, in one line."""
        return f"an image that originid does not read: {self.kind}"


def look_at(path: str) -> Unread | bool:
    """Tell by the first bytes of a file, and by its suffix, whether it is an image.

    Args:
        path: of a file, or of something else that is in a folder. Pipes and devices are not opened.

    Returns:
        True for an image of one of the `FORMATS`, False for what is no image.

    Raises:
        OSError: if the file cannot be read.
    """
    suffix = os.path.splitext(path)[1].lower()
    if suffix in SIDECARS or not stat.S_ISREG(os.stat(path).st_mode):
        return False
    head = _head(path)
    by_suffix = next((kind for kind, (ends, _) in UNREAD.items() if suffix[1:] in ends), None)
    by_head = next(
        (
            kind
            for kind, (_, pattern) in UNREAD.items()
            if pattern is not None and re.match(pattern, head, re.DOTALL)
        ),
        "DICOM" if head[_DICOM:] == b"DICM" and "DICOM" in UNREAD else None,
    )
    if _is_read(head):
        return True
    kind = by_head or by_suffix
    return Unread(path, kind, suffix[1:] if kind == by_suffix else "") if kind else False


def summary(unread: Iterable[Unread]) -> str:
    """Say of how many images that are not read there are, and of which kinds.

    Args:
        unread: at least one.
    """
    unread = list(unread)
    kinds = Counter(each.kind for each in unread)
    parts = []
    for kind, count in kinds.most_common():
        raw = {each.suffix for each in unread if each.kind == kind == "RAW"} - {""}
        parts.append(f"{count} {kind}" + (f" ({', '.join(sorted(raw))})" if raw else ""))
    one = len(unread) == 1
    files = "1 file is an image" if one else f"{len(unread)} files are images"
    return f"{files} that originid does not read: {', '.join(parts)}"


def _head(path: str) -> bytes:
    """The first `HEAD` bytes of a file; of one that begins with zeros also the name of DICOM."""
    # A pipe that has just taken the place of the file must not make us wait.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags | getattr(os, "O_CLOEXEC", 0))
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return b""
        head = os.read(descriptor, HEAD)
        if len(head) == HEAD and not any(head):
            os.lseek(descriptor, _DICOM, os.SEEK_SET)
            head = bytes(_DICOM) + os.read(descriptor, 4)
        return head
    finally:
        os.close(descriptor)


def _is_read(head: bytes) -> bool:
    """Whether a file begins like one of the `FORMATS`, beyond doubt."""
    try:
        found = find_format(head)
    except ImageError:
        return False
    return found != "BMP" or re.match(_BMP, head, re.DOTALL) is not None
