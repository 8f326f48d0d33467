"""What their holder says of references, and small pictures of them, as tables of the database.

A reference is described by its file (see `originid.images.captions`), or by a table of the user's.
A small picture is stored where the user asked for it (``index --thumbnails``), so that it can be
shown when the file is not at hand.
"""

from collections.abc import Sequence
from dataclasses import astuple, replace

from originid.collection.sql import SqlTables, slices
from originid.images.captions import clean
from originid.types import Description

FIRST_FORMAT = 5  # of the database: before it there were no descriptions
SCHEMA_DESCRIPTIONS = """
CREATE TABLE description (
    id INTEGER PRIMARY KEY,  -- of the reference
    caption TEXT NOT NULL,
    credit TEXT NOT NULL,
    licence TEXT NOT NULL,
    date TEXT NOT NULL,
    link TEXT NOT NULL
)"""
SCHEMA_THUMBNAILS = "CREATE TABLE thumbnail (id INTEGER PRIMARY KEY, jpeg BLOB NOT NULL)"
MOST_BYTES = 1_000_000  # of a small picture; a larger one is none that originid made


class DescriptionTable(SqlTables):
    """The part of a collection's database that holds descriptions and small pictures."""

    def count_described(self) -> int:
        """How many references have a description."""
        return self._count_of("description")

    def count_thumbnails(self) -> int:
        """How many references have a small picture."""
        return self._count_of("thumbnail")

    def descriptions(self, ids: Sequence[int]) -> dict[int, Description]:
        """The descriptions of those references that have one."""
        found: dict[int, Description] = {}
        if self.format < FIRST_FORMAT:
            return found
        for some in slices(list(ids)):
            marks = ",".join("?" * len(some))
            query = f"SELECT * FROM description WHERE id IN ({marks})"
            for key, *texts in self._all(query, *some):
                # The file may come from somebody else.
                if isinstance(key, int) and all(isinstance(text, str) for text in texts):
                    found[key] = clean(Description(*texts))
        return found

    def describe(self, reference: int, description: Description) -> None:
        """Say of a reference what a description says, within a transaction.

        What it had in a field of which the description says nothing stays.
        """
        before = self.descriptions([reference]).get(reference, Description())
        said = {field: text for field, text in vars(clean(description)).items() if text}
        if said:
            self._put("description", reference, *astuple(replace(before, **said)))

    def thumbnail(self, reference: int) -> bytes | None:
        """The small picture of a reference, the bytes of a JPEG file, if it is stored."""
        if self.format < FIRST_FORMAT:
            return None
        query = "SELECT jpeg FROM thumbnail WHERE id = ? AND length(jpeg) <= ?"
        rows = self._all(query, reference, MOST_BYTES)
        is_jpeg = bool(rows) and isinstance(rows[0][0], bytes) and rows[0][0][:2] == b"\xff\xd8"
        return rows[0][0] if is_jpeg else None

    def keep_thumbnail(self, reference: int, jpeg: bytes) -> None:
        """Store a small picture of a reference, within a transaction."""
        self._put("thumbnail", reference, jpeg)

    def has_thumbnail(self, sha256: bytes) -> bool:
        """Whether a reference with this content has a small picture stored."""
        query = "SELECT 1 FROM reference JOIN thumbnail USING (id) WHERE sha256 = ? LIMIT 1"
        return self.format >= FIRST_FORMAT and bool(self._all(query, sha256))

    def _delete_description(self, reference: int) -> None:
        if self.format >= FIRST_FORMAT:
            for table in ("description", "thumbnail"):
                self._execute(f"DELETE FROM {table} WHERE id = ?", (reference,))

    def _count_of(self, table: str) -> int:
        if self.format < FIRST_FORMAT:
            return 0
        return int(self._one(f"SELECT count(*) FROM {table}")[0])
