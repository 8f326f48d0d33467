"""Where a picture is that is not in a file here: an address, which nothing here opens.

An address is a link to the web, or ``fingerprint:`` and a name. A path of a file, as it is stored,
is absolute, and never begins so.
"""

import os
import re

UNLINKED = "fingerprint:"
_ADDRESS = re.compile(r"https?://[^/\s]|" + UNLINKED)


def is_address(location: str) -> bool:
    """Whether a location is an address, and no path of a file."""
    return _ADDRESS.match(location) is not None


def location_of(name: str | os.PathLike[str]) -> str:
    """Where what a user calls by a name is: an address as it is, and a path as an absolute one."""
    text = os.fsdecode(name)
    return text if is_address(text) else os.path.abspath(text)
