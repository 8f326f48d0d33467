"""Decisions from a list that `originid show --decisions-csv` wrote, taken into a collection."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from originid.collection.collection import Collection
from originid.collection.deciding import code_of
from originid.collection.decisions import Decision
from originid.collection.naming import content_of_digits
from originid.collection.store import Store
from originid.errors import InputError
from originid.latents.sources import Source
from originid.system.csv_rows import read_rows

COLUMNS = (
    "decided_at",
    "decision",
    "query",
    "reference",
    "note",
    "query_sha256",
    "reference_sha256",
)
"""The columns of the list; ``reference`` is only shown."""
NEEDED = ("decision", "query_sha256", "reference_sha256")
ANSWERS = {"yes": True, "no": False}
AT_ONCE = 1000  # decisions that are stored in one transaction
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@dataclass(frozen=True)
class Taken:
    """What became of a list of decisions.

    Args:
        added: decisions that are new here, or later than the one that was here.
        known: decisions that were here already, or later ones on the same files.
        exact: of those that were added, how many hold for the same file of the query only, as it
            does not lie where the list says.
    """

    added: int = 0
    known: int = 0
    exact: int = 0


def take_decisions(collection: Collection, path: Path) -> Taken:
    """Take the decisions of a list into a collection; the later of two on the same files holds.

    A decision is kept whether or not its reference is in the collection. Where the file of its
    query lies where the list says, the decision holds for nearly the same pictures too.

    Args:
        collection: the collection.
        path: a CSV file with the columns `NEEDED`, and others of `COLUMNS`.

    Raises:
        InputError: the list cannot be used; then nothing of it is taken.
        StorageError: the collection cannot be written.
    """
    listed, database = list(_read(path)), collection.database
    held = {(each.query, each.reference): each.decided_at for each in database.decisions()}
    newest: dict[tuple[bytes, bytes], Decision] = {}
    for decision in listed:
        key = decision.query, decision.reference
        if key not in held or decision.decided_at > held[key]:
            held[key], newest[key] = decision.decided_at, decision
    made = [replace(each, code=_code(collection, each)) for each in newest.values()]
    record_decisions(database, made)
    exact = sum(not decision.code for decision in made)
    return Taken(len(made), len(listed) - len(made), exact)


def record_decisions(database: Store, decisions: Sequence[Decision]) -> None:
    """Store decisions, in place of earlier ones on the same files.

    Raises:
        StorageError: they cannot be written; those of whole batches before are stored.
    """
    for start in range(0, len(decisions), AT_ONCE):
        with database.writing():
            for decision in decisions[start : start + AT_ONCE]:
                database.record_decision(decision)


def _read(path: Path) -> Iterator[Decision]:
    rows = read_rows(path)
    _, header = next(rows, (1, []))
    missing = [name for name in NEEDED if name not in header]
    if missing:
        raise InputError(
            f"{path}: no column {' and no column '.join(missing)}",
            f"expected the columns {', '.join(COLUMNS)}",
            "give a list that originid show --decisions-csv wrote",
        )
    for line, cells in rows:
        found = dict(zip(header, cells, strict=False))
        contents = [content_of_digits(found.get(name, "")) for name in NEEDED[1:]]
        when, decided = found.get("decided_at", ""), found.get("decision")
        if None in contents or decided not in ANSWERS or not (when == "" or _TIME.fullmatch(when)):
            raise InputError(
                f"{path}, line {line}: {', '.join(cells)[:200]}",
                "expected yes or no, two SHA-256 of 64 hexadecimal digits, and a time such as "
                "2026-11-26T09:30:00Z",
                "correct the line, or write the list again",
            )
        query, reference = (content or b"" for content in contents)
        name, note = found.get("query", ""), found.get("note", "")
        yield Decision(query, reference, ANSWERS[decided], name, note, when)


def _code(collection: Collection, decision: Decision) -> bytes:
    """The vector of the query of a decision, as it is stored; empty where its file is not there."""
    try:
        sha256, code = code_of(collection, Source(decision.name))
    except InputError:
        return b""
    return code if sha256 == decision.query else b""
