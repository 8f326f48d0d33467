"""A reference as it is stored: a row of the database's main table."""

import os
from dataclasses import dataclass

from originid.system.file_status import FileStatus
from originid.types import Box


@dataclass(frozen=True)
class Row:
    """A reference as stored; ``location`` is its absolute path, ``name`` as the user gave it.

    Of a reference that is known by its fingerprint only, the location is an address (see
    `originid.system.addresses`), and the numbers of the file are 0.

    ``box`` is where its second form lies, in a row that was asked for by the id of that form.
    """

    location: str
    name: str
    sha256: bytes
    bytes: int
    mtime_ns: int
    width: int
    height: int
    id: int = 0
    added_at: str = ""
    information: float | None = None
    ctime_ns: int | None = None
    inode: int | None = None
    box: Box | None = None

    @property
    def status(self) -> FileStatus:
        """The state that its file had when it was read."""
        return FileStatus(self.bytes, self.mtime_ns, self.ctime_ns, self.inode)

    @property
    def shown(self) -> str:
        """The name, where it still leads to the file from the current folder."""
        return self.name if os.path.abspath(self.name) == self.location else self.location


INSERT = (
    "INSERT INTO reference"
    " (location, name, sha256, bytes, mtime_ns, width, height, information, ctime_ns, inode)"
    " VALUES (CAST(? AS TEXT), CAST(? AS TEXT), ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (location) DO NOTHING"
)
"""A row whose location is taken is left out."""
