"""All tables of a collection, whichever SQL database holds them.

Everything else in a collection can be made again from them. Ids are never used twice, so an index
that saw ids up to n catches up by reading what is above n and what was removed.
"""

import os
from collections.abc import Iterable, Sequence

from originid.collection.cohort_table import CohortTable
from originid.collection.decisions import DecisionTable
from originid.collection.detail_table import DetailTable
from originid.collection.failure_table import FailureTable
from originid.collection.form_table import Form
from originid.collection.manifest_table import ManifestTable
from originid.collection.name_table import Name
from originid.collection.reference_table import ReferenceTable
from originid.collection.row import INSERT, Row
from originid.collection.schema import NOTED
from originid.details.features import Features
from originid.system.file_status import FileStatus
from originid.types import NOT_DESCRIBED, Description, Manifest


class Tables(ReferenceTable, DecisionTable, CohortTable, DetailTable, FailureTable, ManifestTable):
    """The references of a collection, the files that could not be used, and the decisions."""

    def version(self) -> tuple[int, int]:
        """The last id given and the last place in the list of removals, 0 before the first."""
        row = self._one(
            "SELECT (SELECT coalesce(max(id), 0) FROM vector),"
            " (SELECT coalesce(max(place), 0) FROM removed)"
        )
        return int(row[0]), int(row[1])

    def prepare(self, locations: Iterable[str], contents: Iterable[bytes] = ()) -> None:
        """Nothing: a question takes microseconds."""

    def insert(
        self,
        row: Row,
        code: bytes,
        form: Form | None = None,
        features: Features | None = None,
        names: Sequence[Name] = (),
        description: Description = NOT_DESCRIBED,
        thumbnail: bytes | None = None,
        manifest: Manifest | None = None,
    ) -> bool:
        """Add a reference; return whether the location was that of another one.

        Args:
            row: the reference; it gets an id.
            code: its vector.
            form: its second form, if it has one.
            features: its local features, if they are to be stored.
            names: its further names. Those that the reference had which makes place for it, and
                that are not among them, keep that reference.
            description: what its file says. What it does not say stays as it was for the reference
                at this location.
            thumbnail: a small picture, if it is to be stored.
            manifest: the content credentials of its file, if they are to be stored.
        """
        for name in names:
            self.forget_name(name.location)
        self.forget_name(row.location)
        status = row.status
        values = (os.fsencode(row.location), os.fsencode(row.name), row.sha256, status.bytes,
                  status.mtime_ns, row.width, row.height, row.information, status.ctime_ns,
                  status.inode)  # fmt: skip
        new_id = self._insert_reference(INSERT, values)
        known, replaced = NOT_DESCRIBED, new_id is None
        if new_id is None:
            known = self._described_at(row.location)
            self.free(row.location)
            new_id = self._insert_reference(INSERT, values) or 0
        self._add_vector(new_id, code)
        if form is not None:
            self._add_form(new_id, form)
        if features is not None:
            self._add_details(new_id, features)
        for name in names:
            self.add_name(new_id, name)
        for each in (known, description):
            if each:
                self.describe(new_id, each)
        if thumbnail is not None:
            self.keep_thumbnail(new_id, thumbnail)
        if manifest is not None:
            self.keep_manifest(new_id, manifest)
        self._forget_failure(row.location)
        return replaced

    def _described_at(self, location: str) -> Description:
        row = self.at(location)
        found = self.descriptions([row.id]) if row else {}
        return found[row.id] if row and row.id in found else NOT_DESCRIBED

    def free(self, location: str) -> bool:
        """Take a path away from the reference that has it; return whether it was its location.

        A reference that has further names keeps the first of them as its location, unless its
        vector is damaged. Any other is removed. One whose further name this is stays.
        """
        self.forget_name(location)
        row = self.at(location)
        if row is None:
            return False
        names = self.names([row.id]).get(row.id, [])
        if names and self._is_whole(row.id):
            self.relocate(row, names[0], row.status)
        else:
            self.delete(row.id)
        return True

    def remove(self, location: str) -> int:
        """Remove the names that are this path, or lie in this folder; return how many.

        A reference is removed with the last of its names.
        """
        names, locations = self.names_under(location), self.under(location)
        for name in names:
            self.forget_name(name)
        for each in locations:
            self.free(each)
        return len(names) + len(locations)

    def delete(self, old_id: int) -> None:
        """Remove a reference with all that is stored of it."""
        self._delete_form(old_id)
        self._delete_details(old_id)
        self._delete_description(old_id)
        self._delete_manifest(old_id)
        if self.format >= NOTED:
            self._execute("DELETE FROM name WHERE reference = ?", (old_id,))
        self._execute("DELETE FROM reference WHERE id = ?", (old_id,))
        self._delete_vector(old_id)

    def relocate(self, row: Row, name: Name, status: FileStatus) -> None:
        """Note where a reference whose content is unchanged is found."""
        self._execute(
            "UPDATE reference SET location = CAST(? AS TEXT), name = CAST(? AS TEXT) WHERE id = ?",
            (os.fsencode(name.location), os.fsencode(name.name), row.id),
        )
        self.forget_name(name.location)
        self.note_status(row.id, status)
        self._forget_failure(name.location)

    def note_status(self, reference: int, status: FileStatus) -> None:
        """Note the state of the file of a reference whose content is unchanged."""
        self._execute(
            "UPDATE reference SET mtime_ns = ?, ctime_ns = ?, inode = ? WHERE id = ?",
            (status.mtime_ns, status.ctime_ns, status.inode, reference),
        )
