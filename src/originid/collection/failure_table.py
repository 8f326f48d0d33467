"""The files that could not be used, as a table of the collection's database."""

import os

from originid.collection.folder_table import FolderTable
from originid.types import Failure

SCHEMA_FAILURES = """
CREATE TABLE failure (location TEXT PRIMARY KEY, name TEXT NOT NULL, reason TEXT NOT NULL);
"""


class FailureTable(FolderTable):
    """The part of a collection's database that holds the notes on files that were not usable."""

    def fail(self, location: str, failure: Failure) -> None:
        """Note a file that could not be used."""
        self._forget_failure(location)
        self._execute(
            "INSERT INTO failure VALUES (CAST(? AS TEXT), CAST(? AS TEXT), ?)",
            (os.fsencode(location), os.fsencode(failure.path), failure.reason),
        )

    def forget_failures(self, location: str) -> int:
        """Drop the notes on files that are this path or lie in this folder; return how many."""
        found = self._under("failure", location)
        for each in found:
            self._forget_failure(each)
        return len(found)

    def forget_vanished(self) -> None:
        """Drop the notes on files that no longer exist."""
        for (location,) in self._all(
            "SELECT location FROM failure WHERE typeof(location) = 'text'"
        ):
            if self.trusts(location) and not os.path.lexists(location):
                self._forget_failure(location)

    def failures(self) -> list[Failure]:
        """The files that could not be used, by location."""
        # The file may come from somebody else: what cannot be a name is passed over.
        rows = self._all(
            "SELECT name, reason FROM failure WHERE typeof(name) = 'text'"
            " AND typeof(reason) = 'text' ORDER BY location"
        )
        return [Failure(name, reason) for name, reason in rows]

    def _forget_failure(self, location: str) -> None:
        self._execute(
            "DELETE FROM failure WHERE location = CAST(? AS TEXT)", (os.fsencode(location),)
        )
