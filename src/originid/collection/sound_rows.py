"""What is read of the rows of references, and which rows are damaged.

SQLite lets any column hold any type, and the file may come from somebody else. A value that cannot
be is read as one that says nothing, so that a damaged row stops nothing else: its file counts as
changed, and `index` stores it anew. A row whose path cannot be one is passed over.
"""

from functools import cache

from originid.collection.schema import MEASURED, NOTED

CONTENT = 32  # bytes of a SHA-256
_SIDE = 2**31 - 1  # pixels; a reference that is known by its fingerprint has 0
HAS_PATH = "typeof(location) = 'text' AND instr(location, char(0)) = 0 AND location <> ''"
"""The condition that a row has a path."""
# For each column, the condition that it is sound, and what is read of it otherwise.
_COLUMNS = {
    "location": (HAS_PATH, "''"),
    "name": ("typeof(name) = 'text' AND instr(name, char(0)) = 0", "location"),
    # A content that no file has, and no two such rows share.
    "sha256": (f"typeof(sha256) = 'blob' AND length(sha256) = {CONTENT}", "CAST(id AS BLOB)"),
    "bytes": ("typeof(bytes) = 'integer' AND bytes >= 0", "-1"),
    "mtime_ns": ("typeof(mtime_ns) = 'integer'", "-1"),
    "width": (f"typeof(width) = 'integer' AND width BETWEEN 0 AND {_SIDE}", "0"),
    "height": (f"typeof(height) = 'integer' AND height BETWEEN 0 AND {_SIDE}", "0"),
    "id": ("true", "id"),
    "added_at": ("typeof(added_at) = 'text'", "''"),
}
_MEASURED = {"information": ("typeof(information) IN ('real', 'null')", "NULL")}
_NOTED = {
    column: (f"typeof({column}) IN ('integer', 'null')", "NULL") for column in ("ctime_ns", "inode")
}


@cache
def columns(format: int) -> str:
    """What is selected of the table `reference`, in the order of the fields of a `Row`.

    Args:
        format: of the database.
    """
    expressions = (
        column if sound == "true" else f"CASE WHEN {sound} THEN {column} ELSE {otherwise} END"
        for column, (sound, otherwise) in _of(format).items()
    )
    return ", ".join(expressions)


def is_damaged(format: int) -> str:
    """The condition that a row of the table `reference` has a value that cannot be.

    Args:
        format: of the database.
    """
    return f"NOT ({' AND '.join(f'({sound})' for sound, _ in _of(format).values())})"


def _of(format: int) -> dict[str, tuple[str, str]]:
    return {
        **_COLUMNS,
        **(_MEASURED if format >= MEASURED else {}),
        **(_NOTED if format >= NOTED else {}),
    }
