"""Where a picture is that is not a file of its own here: an address, which nothing here opens.

An address is a link to the web or to an object of a store (``https://...``, ``s3://...``), a member
of an archive (``/shards/000000.tar!/000000012.jpg``), or ``fingerprint:`` and a name. A path of a
file, as it is stored, is absolute, and is none of these.
"""

import os
import re

UNLINKED = "fingerprint:"
INSIDE = "!/"
"""What stands between the place of an archive and the name of a member."""
_LINK = re.compile(r"https?://[^/\s]", re.IGNORECASE)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://[^/\s]")
_MEMBER = re.compile(r"\.(?:tar|parquet)(?=!/)", re.IGNORECASE)


def is_address(location: str) -> bool:
    """Whether a location is an address, and no path of a file."""
    return is_url(location) or location.startswith(UNLINKED) or _archive(location) is not None


def is_link(text: str) -> bool:
    """Whether a text is a link to the web, by http or https."""
    return _LINK.match(text) is not None


def is_url(text: str) -> bool:
    """Whether a text is a link to the web, or to an object of a store such as ``s3://``."""
    return _URL.match(text) is not None


def member_of(archive: str, member: str) -> str:
    """Name a member of an archive.

    Args:
        archive: the path or the URL of the archive.
        member: the name that the member has in it.
    """
    return f"{archive}{INSIDE}{member}"


def location_of(name: str | os.PathLike[str]) -> str:
    """Where what a user calls by a name is: an address as it is, and a path as an absolute one."""
    text = os.fsdecode(name)
    archive = _archive(text)
    if archive is not None:
        return location_of(archive) + text[len(archive) :]
    return text if is_address(text) else os.path.abspath(text)


def whereabouts(address: str) -> str:
    """Say where the picture at an address is, as the end of a sentence."""
    if _archive(address) is not None:
        return "in an archive"
    return "in an object store" if is_url(address) and not is_link(address) else "with its owner"


def beginnings(location: str) -> tuple[str, ...]:
    """How the locations begin that lie in a place: in a folder, or in an archive.

    Args:
        location: of the folder, or of the archive.
    """
    return os.path.join(location, ""), location + INSIDE


def _archive(text: str) -> str | None:
    """The place of the archive that a text names a member of; None where it names none."""
    found = _MEMBER.search(text)
    return text[: found.end()] if found else None
