"""The content credentials that references carry, as a table of the database."""

import os
from collections.abc import Iterable

from originid.collection.sql import SqlTables, slices
from originid.images.manifest_store import MOST_BYTES
from originid.types import Manifest

FIRST_FORMAT = 5  # of the database: before it there were no manifests
SCHEMA_MANIFESTS = (
    """
CREATE TABLE manifest (
    id INTEGER PRIMARY KEY,  -- of the reference
    label TEXT NOT NULL,     -- of the active manifest
    store BLOB NOT NULL
)""",
    "CREATE INDEX manifest_label ON manifest (label)",
)
LONGEST_LABEL = 200  # characters; those of the C2PA have about 50


class ManifestTable(SqlTables):
    """The part of a collection's database that holds manifest stores of content credentials.

    A label stands for one store: who signs a picture can choose any label, also that of somebody
    else's manifest, so the first store under a label counts, and another one is not kept.
    """

    def count_manifests(self) -> int:
        """How many references have content credentials."""
        if self.format < FIRST_FORMAT:
            return 0
        return int(self._one("SELECT count(*) FROM manifest")[0])

    def labels_at(self, locations: Iterable[str]) -> dict[str, str]:
        """The labels of the active manifests of references, by those of some locations."""
        found: dict[str, str] = {}
        if self.format < FIRST_FORMAT:
            return found
        for some in slices(list(locations)):
            marks = ",".join("CAST(? AS TEXT)" for _ in some)
            where = f"WHERE location IN ({marks}) ORDER BY id"
            query = f"SELECT location, label FROM manifest JOIN reference USING (id) {where}"
            found |= dict(self._all(query, *map(os.fsencode, some)))
        return {location: label for location, label in found.items() if is_label(label)}

    def store_of(self, label: str) -> bytes | None:
        """The manifest store whose active manifest has a label."""
        if self.format < FIRST_FORMAT:
            return None
        query = "SELECT store FROM manifest WHERE label = ? AND length(store) <= ? ORDER BY id"
        rows = self._all(f"{query} LIMIT 1", label, MOST_BYTES)
        return rows[0][0] if rows and isinstance(rows[0][0], bytes) else None

    def manifest_of(self, reference: int) -> Manifest | None:
        """The content credentials of a reference, if it has some."""
        if self.format < FIRST_FORMAT:
            return None
        rows = self._all("SELECT label FROM manifest WHERE id = ?", reference)
        # The file may come from somebody else.
        label = rows[0][0] if rows and is_label(rows[0][0]) else None
        store = None if label is None else self.store_of(label)
        return None if label is None or store is None else Manifest(label, store)

    def keep_manifest(self, reference: int, manifest: Manifest) -> None:
        """Store the content credentials of a reference, within a transaction."""
        known = self.store_of(manifest.label)
        if is_label(manifest.label) and known in (None, manifest.store):
            self._put("manifest", reference, manifest.label, manifest.store)

    def _delete_manifest(self, reference: int) -> None:
        if self.format >= FIRST_FORMAT:
            self._execute("DELETE FROM manifest WHERE id = ?", (reference,))


def is_label(label: object) -> bool:
    """Whether something may be the label of a manifest: printable ASCII without spaces."""
    return (
        isinstance(label, str)
        and 0 < len(label) <= LONGEST_LABEL
        and all("!" <= character <= "~" for character in label)
        and "/" not in label
    )
