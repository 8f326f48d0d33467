"""The folders that were indexed, signed, as a table of the collection's database."""

from collections.abc import Iterable
from typing import Any

from originid.collection.sql import SqlTables
from originid.collection.trusted_folders import TrustedFolders

FIRST_FORMAT = 5  # of the database: before it no folder was signed
SCHEMA_FOLDERS = """
CREATE TABLE folder (
    location TEXT NOT NULL,      -- absolute path of a folder or file that was named to index
    signature BLOB NOT NULL,     -- by the key of the account that did (system/account_key.py)
    PRIMARY KEY (location, signature)
) WITHOUT ROWID
"""
SCHEMA_ID = "INSERT OR IGNORE INTO meta VALUES ('id', lower(hex(randomblob(16))))"


class FolderTable(SqlTables, TrustedFolders):
    """The part of a collection's database that says which files may be looked at."""

    def __init__(self, *opened: Any) -> None:
        super().__init__(*opened)
        TrustedFolders.__init__(self)

    def trust_like(self, other: "FolderTable") -> None:
        """Let those files be looked at that may be looked at for another collection.

        Args:
            other: the other one; its id is taken over, which is a part of what was signed.

        Raises:
            StorageError: the disk refuses.
        """
        query = "SELECT CAST(location AS BLOB), signature FROM folder"
        signed = other._all(query) if other.format >= FIRST_FORMAT else []
        with self.writing():
            self.set_meta("id", other.meta("id"))
            self._keep_signed(signed)

    def _keep_signed(self, folders: Iterable[tuple[bytes, bytes]]) -> None:
        self._execute_each(
            "INSERT INTO folder VALUES (CAST(? AS TEXT), ?) ON CONFLICT DO NOTHING", folders
        )

    def _has_signed(self, folder: bytes, signature: bytes) -> bool:
        query = "SELECT 1 FROM folder WHERE location = CAST(? AS TEXT) AND signature = ?"
        return self.format >= FIRST_FORMAT and bool(self._all(query, folder, signature))
