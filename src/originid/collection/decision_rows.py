"""Decisions as they are shown: by the command line, and by the service."""

from originid.collection.collection import Collection
from originid.collection.decisions import Decision
from originid.images.find_files import tidiest


def decision_row(collection: Collection, decision: Decision) -> dict[str, str | None]:
    """Return a decision as ``--json`` shows it; the reference is None if it is not there any more.

    Args:
        collection: the collection that holds the decision.
        decision: the decision.
    """
    copies = collection.database.with_content(decision.reference)
    return {
        "query": decision.name,
        "query_sha256": decision.query.hex(),
        "reference": tidiest(row.shown for row in copies) if copies else None,
        "reference_sha256": decision.reference.hex(),
        "decision": "yes" if decision.confirmed else "no",
        "note": decision.note,
        "decided_at": decision.decided_at,
    }
