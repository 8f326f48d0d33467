"""Second forms of references of a collection on a Milvus server.

A second form belongs to the reference that has its path and its content, whatever the ids: so it
is right also where two processes stored the same picture at once.
"""

import zlib
from collections.abc import Sequence

import numpy as np

from originid.collection.engines.milvus.entity import Entity, Kind, key_of, read_path
from originid.collection.engines.milvus.tables import MilvusTables
from originid.collection.form_table import Form, box_of
from originid.types import Box, Ids


class FormTable(MilvusTables):
    """The part of a collection on a Milvus server that holds the second forms of references."""

    def count_forms(self) -> int:
        """As `Store.count_forms`."""
        return self._connection.count(f"kind == {int(Kind.FORM)}", True)

    def forms(self, ids: Sequence[int]) -> dict[int, tuple[int, Box | None]]:
        """As `Store.forms`."""
        found = self._find(Kind.FORM, "id", set(ids)) if len(ids) else []
        keys = [key_of(Kind.REFERENCE, read_path(form.place)) for form in found]
        owners = self._get(keys, Kind.REFERENCE) if keys else {}
        return {
            form.id: (owners[key].id, _box(form))
            for form, key in zip(found, keys, strict=True)
            if key in owners and owners[key].content == form.content
        }

    def owners(self, ids: Ids) -> Ids:
        """As `Store.owners`."""
        forms = self.forms(ids.tolist())
        return np.array([forms[key][0] if key in forms else key for key in ids.tolist()], np.int64)

    def form_id(self, reference: int) -> int | None:
        """As `Store.form_id`."""
        form = self._form(reference)
        return form.id if form else None

    def form_of(self, reference: int) -> Form | None:
        """As `Store.form_of`."""
        form = self._form(reference, data=True)
        return Form(_box(form), form.data) if form else None

    def _form(self, reference: int, data: bool = False) -> Entity | None:
        owners = self._find(Kind.REFERENCE, "id", [reference])
        keys = [key_of(Kind.FORM, read_path(owner.place)) for owner in owners]
        found = self._get(keys, Kind.FORM, data)
        same = (found[k] for k, owner in zip(keys, owners, strict=True) if k in found
                and found[k].content == owner.content)  # fmt: skip
        return next(same, None)

    def _add_form(self, reference: Entity, form: Form) -> None:
        """Store the second form of a reference that is just written, within a batch."""
        if form.box is None:
            return
        value = {"box": list(form.box), "crc32": zlib.crc32(form.code)}
        key = key_of(Kind.FORM, read_path(reference.place))
        self._in_batch().put(
            Entity(
                Kind.FORM,
                key,
                self._new_id(),
                reference.place,
                reference.content,
                value=value,
                data=form.code,
            )
        )


def _box(form: Entity) -> Box | None:
    sides = form.value.get("box")
    if not isinstance(sides, list) or len(sides) != 4:
        return None
    return box_of(*(float(side) if isinstance(side, int) else side for side in sides))
