"""What a collection on a Milvus server holds beside its references: failures, decisions, cohort."""

import functools
import json
import os
import time
from datetime import datetime, timezone
from typing import Any

import numpy as np
from numpy.typing import NDArray

from originid.collection.cohort_table import SEEN, StoredCohort
from originid.collection.decisions import Decision
from originid.collection.engines.milvus.blobs import BlobTable
from originid.collection.engines.milvus.entity import (
    Entity,
    Kind,
    key_of,
    read_path,
    read_text,
    written,
)
from originid.collection.engines.milvus.folders import FolderTable
from originid.types import Failure
from originid.verdict.cohort import KEPT, Cohort, empty_cohort

_COHORT, _COHORT_SEEN, _SECOND_LOOKS = "cohort", "cohort seen", "second looks"
_SEEN_BYTES = 64  # in front of a cohort
_MEMBER = np.dtype([("id", "<i8"), ("cut", "u1"), ("scores", "<f4", KEPT), ("others", "<i8", KEPT)])


class NoteTable(BlobTable, FolderTable):
    """The part of a collection on a Milvus server that holds what is noted beside references."""

    def fail(self, location: str, failure: Failure) -> None:
        """As `Store.fail`."""
        value = {"name": written(failure.path), "reason": written(failure.reason)}
        key = key_of(Kind.FAILURE, location)
        self._in_batch().put(Entity(Kind.FAILURE, key, place=written(location), value=value))

    def forget_failures(self, location: str) -> int:
        """As `Store.forget_failures`."""
        found = self._under(Kind.FAILURE, location)
        for entity in found:
            self._in_batch().drop(entity.key)
        return len(found)

    def forget_vanished(self) -> None:
        """As `Store.forget_vanished`."""
        for entity in self._all_of(Kind.FAILURE):
            location = read_path(entity.place)
            if self.trusts(location) and not os.path.lexists(location):
                self._in_batch().drop(entity.key)

    def failures(self) -> list[Failure]:
        """As `Store.failures`."""
        found = sorted(self._all_of(Kind.FAILURE), key=lambda entity: read_path(entity.place))
        texts = [(e.value.get("name"), e.value.get("reason")) for e in found]
        return [Failure(read_path(name), read_text(reason)) for name, reason in texts if name]

    def _forget_failure(self, location: str) -> None:
        self._in_batch().drop(key_of(Kind.FAILURE, location))

    def record_decision(self, decision: Decision) -> None:
        """As `Store.record_decision`."""
        at = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        value = {
            "reference": decision.reference.hex(),
            "confirmed": decision.confirmed,
            "name": written(decision.name),
            "note": written(decision.note),
            "decided_at": decision.decided_at or at,
        }
        self._in_batch().put(
            Entity(
                Kind.DECISION,
                key_of(Kind.DECISION, decision.query, decision.reference),
                time.time_ns(),
                content=decision.query.hex(),
                value=value,
                data=decision.code,
            )
        )

    def forget_decision(self, query: bytes, reference: bytes) -> bool:
        """As `Store.forget_decision`."""
        key = key_of(Kind.DECISION, query, reference)
        there = bool(self._get([key], Kind.DECISION))
        self._in_batch().drop(key)
        return there

    def decisions(self) -> list[Decision]:
        """As `Store.decisions`."""
        stored = sorted(self._all_of(Kind.DECISION, data=True), key=lambda each: each.id)
        found = filter(None, map(_decision, stored))
        return sorted(found, key=lambda decision: decision.decided_at)

    def decisions_on(self, query: bytes) -> list[Decision]:
        """As `Store.decisions_on`."""
        return [decision for decision in self.decisions() if decision.query == query]

    def cohort(self) -> StoredCohort:
        """As `Store.cohort`."""
        stored = self._blob(_COHORT) or b""
        seen, rows = _seen(stored[:_SEEN_BYTES]), stored[_SEEN_BYTES:]
        if seen == (0, 0) or len(rows) % _MEMBER.itemsize:
            return StoredCohort(empty_cohort(np.empty(0, np.int64)), (0, 0))
        table = np.frombuffer(rows, _MEMBER)
        cohort = Cohort(
            _own(table["id"]), _own(table["scores"]), _own(table["others"]), table["cut"] != 0
        )
        cosines = (np.abs(cohort.scores) < 1.01).all(axis=1)  # false for what is not a number
        return StoredCohort(cohort.only(cohort.members[cosines]).ordered(), seen)

    def cohort_seen(self) -> tuple[int, int]:
        """As `Store.cohort_seen`."""
        ask = functools.partial(self._blob, _COHORT_SEEN)
        return _seen(self._connection.recent(_COHORT_SEEN, ask))

    def put_cohort(self, stored: StoredCohort) -> None:
        """As `Store.put_cohort`."""
        cohort = stored.cohort
        table = np.zeros(len(cohort.members), _MEMBER)
        table["id"], table["cut"] = cohort.members, cohort.cut
        table["scores"], table["others"] = cohort.scores, cohort.others
        seen = " ".join(map(str, stored.seen)).ljust(_SEEN_BYTES).encode()
        self._put_blob(_COHORT, seen + table.tobytes())
        self._put_blob(_COHORT_SEEN, seen)

    def second_looks(self) -> dict[int, tuple[float, int]]:
        """As `Store.second_looks`."""
        try:
            rows = json.loads(self._blob(_SECOND_LOOKS) or b"[]")
            found = {int(key): (float(lead), int(among)) for key, lead, among in rows[:10_000]}
        except (ValueError, TypeError):  # the server may be somebody else's
            return {}
        return {k: (lead, n) for k, (lead, n) in found.items() if abs(lead) < 1e6 and n > 0}

    def put_second_looks(self, leads: dict[int, float], among: int) -> None:
        """As `Store.put_second_looks`."""
        rows = [(int(key), float(lead), int(among)) for key, lead in leads.items()]
        self._put_blob(_SECOND_LOOKS, json.dumps(rows).encode())


def _seen(stored: bytes | None) -> tuple[int, int]:
    """The two numbers of a version; (0, 0) where there are none."""
    numbers = SEEN.fullmatch((stored or b"").decode("ascii", "replace").strip())
    return (int(numbers[1]), int(numbers[2])) if numbers else (0, 0)


def _own(column: NDArray[Any]) -> NDArray[Any]:
    """A column as an array of its own, in the byte order of the machine."""
    return np.ascontiguousarray(column).astype(column.dtype.newbyteorder("="))


def _decision(entity: Entity) -> Decision | None:
    value = entity.value
    try:
        return Decision(
            bytes.fromhex(entity.content),
            bytes.fromhex(str(value.get("reference"))),
            value.get("confirmed") is True,
            read_text(value.get("name")),
            read_text(value.get("note")),
            str(value.get("decided_at", "")),
            entity.data,
        )
    except ValueError:  # the server may be somebody else's
        return None
