"""Further names of references, as a table of the collection's database.

A file may be reached by several paths: through links, and through folders that are mounted at two
places. It is one reference. One path is its location, and the others are its further names.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from originid.collection.sql import SqlTables, slices

FIRST_FORMAT = 4  # of the database: before it there were no further names
SCHEMA_NAMES = (
    """
CREATE TABLE name (
    location TEXT PRIMARY KEY,    -- absolute path
    name TEXT NOT NULL,           -- the path as the user gave it
    reference INTEGER NOT NULL    -- the id of the reference
)""",
    "CREATE INDEX name_reference ON name (reference)",
)


@dataclass(frozen=True)
class Name:
    """A path of a file; ``location`` is absolute, ``name`` as the user gave it."""

    location: str
    name: str

    @property
    def shown(self) -> str:
        """The name, where it still leads to the file from the current folder."""
        return self.name if os.path.abspath(self.name) == self.location else self.location


class NameTable(SqlTables):
    """The part of a collection's database that holds the further names of references."""

    _no_names: bool | None = None  # whether there are none, once a transaction has asked for them

    def count_names(self) -> int:
        """How many further names there are."""
        if self.format < FIRST_FORMAT:
            return 0
        return self._count("name")

    def names(self, ids: Sequence[int]) -> dict[int, list[Name]]:
        """The further names of some references, by id, in alphabetical order."""
        found: dict[int, list[Name]] = {}
        if self._has_none():
            return found
        for some in slices(list(ids)):
            marks = ",".join("?" * len(some))
            # The file may come from somebody else: what cannot be a name is passed over.
            rows = self._all(
                f"SELECT reference, location, name FROM name WHERE reference IN ({marks})"
                " AND typeof(location) = 'text' AND typeof(name) = 'text'"
                " AND instr(location, char(0)) + instr(name, char(0)) = 0 ORDER BY location",
                *some,
            )
            for key, location, name in rows:
                found.setdefault(key, []).append(Name(location, name))
        return found

    def names_under(self, location: str) -> list[str]:
        """Locations of further names that are this path, or lie in this folder."""
        return [] if self._has_none() else self._under("name", location)

    def named(self, location: str) -> int | None:
        """The id of the reference that has a location as a further name."""
        return self.all_named([location]).get(location)

    def all_named(self, locations: Sequence[str]) -> dict[str, int]:
        """The ids of the references that have some locations as further names, by those."""
        found: dict[str, int] = {}
        if self._has_none():
            return found
        for some in slices(list(locations)):
            marks = ",".join(["CAST(? AS TEXT)"] * len(some))
            query = f"SELECT location, reference FROM name WHERE location IN ({marks})"
            for location, key in self._all(query, *map(os.fsencode, some)):
                if isinstance(key, int):
                    found[location] = key
        return found

    def add_name(self, reference: int, name: Name) -> None:
        """Give a reference a further name, within a transaction."""
        self._no_names = False
        self.forget_name(name.location)
        paths = os.fsencode(name.location), os.fsencode(name.name)
        self._execute(
            "INSERT INTO name VALUES (CAST(? AS TEXT), CAST(? AS TEXT), ?)",
            (*paths, reference),
        )

    def forget_name(self, location: str) -> None:
        """Drop a further name, within a transaction; its reference stays."""
        if self._has_none():
            return
        self._execute("DELETE FROM name WHERE location = CAST(? AS TEXT)", (os.fsencode(location),))

    def _has_none(self) -> bool:
        """Whether there are no further names, as in most collections.

        Asked once in a transaction, in which nobody else can add one; otherwise it is not known.
        """
        if self.format < FIRST_FORMAT:
            return True
        if not self._in_transaction:
            return False
        if self._no_names is None:
            self._no_names = not self._all("SELECT 1 FROM name LIMIT 1")
        return self._no_names
