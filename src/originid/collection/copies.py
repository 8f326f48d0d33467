"""What a copy of a collection says of itself, until it is complete and from then on."""

from originid.collection.store import Store
from originid.errors import InputError

COPY = "copy"  # the name of the value that says it: one of these words, and of which collection
BEGUN, COMPLETE = "begun", "complete"


def is_incomplete_copy(database: Store) -> bool:
    """Whether a collection is a copy of which a part is missing yet."""
    return database.meta(COPY).startswith(BEGUN)


def refuse_incomplete_copy(database: Store) -> None:
    """Refuse to add to a copy that is not complete: it is to hold what its source holds.

    Raises:
        InputError: it is one.
    """
    if is_incomplete_copy(database):
        raise InputError(
            f"{database.place}, a copy that is not complete yet",
            "expected a collection, or a copy that is complete",
            "give the command originid copy again, then add to it",
        )
