"""Second forms of references, as a table of the collection's database.

The second form of a framed reference is the picture that the frame holds. It has a vector of its
own beside that of the whole reference, and the id of that vector is of the same sequence as the
references' ids, so that an index need not know which is which.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from originid.collection.kept_codes import KeptCodes
from originid.collection.sql import SqlTables, slices
from originid.types import Box, Ids

FIRST_FORMAT = 3  # of the database: before it there were no second forms
SCHEMA_FORMS = """
-- What the frame of a reference holds (views/content.py).
CREATE TABLE form (
    id INTEGER PRIMARY KEY,             -- of its vector; no reference ever had it
    reference INTEGER NOT NULL UNIQUE,  -- the id of the reference
    "left" REAL NOT NULL,               -- where it lies, in [0, 1] of the width and the height
    "top" REAL NOT NULL,
    "right" REAL NOT NULL,
    "bottom" REAL NOT NULL
);
"""


OWN_FORM = "SELECT 1 FROM form WHERE form.id = vector.id"


@dataclass(frozen=True)
class Form:
    """What is stored of a second form.

    Args:
        box: where it lies in the reference; None where the stored one is none.
        code: its vector, as a `Codec` encodes it.
    """

    box: Box | None
    code: bytes


class FormTable(SqlTables):
    """The part of a collection's database that holds the second forms of references."""

    kept_codes: KeptCodes | None = None  # the collection knows how its vectors are stored

    def count_forms(self) -> int:
        """How many references have a second form."""
        if self.format < FIRST_FORMAT:
            return 0
        return self._count("form")

    def forms(self, ids: Sequence[int]) -> dict[int, tuple[int, Box | None]]:
        """Those of some ids of vectors that are of second forms, with reference and box."""
        found: dict[int, tuple[int, Box | None]] = {}
        if not self.count_forms():
            return found
        for some in slices(list(ids)):
            marks = ",".join("?" * len(some))
            # The file may come from somebody else: what cannot be a form is passed over.
            rows = self._all(
                f'SELECT id, reference, "left", "top", "right", "bottom" FROM form WHERE id IN'
                f" ({marks}) AND typeof(id) = 'integer' AND typeof(reference) = 'integer'",
                *some,
            )
            found |= {key: (reference, box_of(*sides)) for key, reference, *sides in rows}
        return found

    def owners(self, ids: Ids) -> Ids:
        """The reference that each of some vectors belongs to.

        Args:
            ids: of vectors, of shape (n,).

        Returns:
            Ids of references (n,): of a second form that of its reference, and otherwise the same.
        """
        forms = self.forms(ids.tolist())
        return np.array([forms[key][0] if key in forms else key for key in ids.tolist()], np.int64)

    def form_id(self, reference: int) -> int | None:
        """The id of the second form of a reference, if it has one."""
        if self.format < FIRST_FORMAT:
            return None
        found = self._one("SELECT id FROM form WHERE reference = ?", reference)[0]
        return found if isinstance(found, int) else None

    def form_of(self, reference: int) -> Form | None:
        """The second form of the reference with this id, if it has one."""
        if self.format < FIRST_FORMAT:
            return None
        rows = self._all(
            'SELECT "left", "top", "right", "bottom", code FROM form JOIN vector USING (id)'
            " WHERE reference = ? AND typeof(code) = 'blob'",
            reference,
        )
        return Form(box_of(*rows[0][:4]), self._whole(rows[0][4])) if rows else None

    def torn_forms(self) -> list[int]:
        """Ids of second forms whose vector is missing."""
        if self.format < FIRST_FORMAT:
            return []
        query = (
            "SELECT id FROM form WHERE typeof(id) = 'integer' AND NOT EXISTS"
            " (SELECT 1 FROM vector WHERE vector.id = form.id)"
        )
        return [key for (key,) in self._all(query)]

    def _add_form(self, reference: int, form: Form) -> None:
        """Store the second form of a reference that was just inserted, within a transaction."""
        if form.box is None:
            return
        # The next reference gets an id above this one: no id is ever used twice.
        key = self._next_id()
        self._add_vector(key, form.code)
        row = (key, reference, *form.box)
        self._execute("INSERT INTO form VALUES (?, ?, ?, ?, ?, ?)", row)

    def _delete_form(self, reference: int) -> None:
        """Remove the second form of a reference, within a transaction."""
        for (key,) in self._all("SELECT id FROM form WHERE reference = ?", reference):
            self._execute("DELETE FROM form WHERE id = ?", (key,))
            self._delete_vector(key)

    def _add_vector(self, key: int, code: bytes) -> None:
        """Store a vector, within a transaction."""
        stored = code if self.kept_codes is None else self.kept_codes.stored(key, code)
        row = (key, zlib.crc32(stored), stored)
        self._execute("INSERT INTO vector VALUES (?, ?, ?)", row)

    def _whole(self, stored: bytes) -> bytes:
        """The code of which this is stored; what cannot be one stays as it is."""
        kept = self.kept_codes
        if kept is None or len(stored) not in kept.sizes:
            return stored
        code: bytes = kept.read([stored])[0].tobytes()
        return code

    def _delete_vector(self, key: int) -> None:
        """Remove a vector, within a transaction, and note that it was removed."""
        self._execute("DELETE FROM vector WHERE id = ?", (key,))
        self._execute("INSERT INTO removed (id) VALUES (?)", (key,))

    @property
    def _of_references(self) -> str:
        """The condition that a vector is not of a second form."""
        return f"NOT EXISTS ({OWN_FORM})" if self.format >= FIRST_FORMAT else "true"


def box_of(left: object, top: object, right: object, bottom: object) -> Box | None:
    """The four sides as a box, or None if they are none."""
    sides = left, top, right, bottom
    if not all(isinstance(side, float) for side in sides):
        return None
    box: Box = sides  # type: ignore[assignment]
    inside = 0 <= box[0] < box[2] <= 1 and 0 <= box[1] < box[3] <= 1
    return box if inside else None
