"""Whether a database has the tables of a collection, and nothing that runs by itself.

A collection may come from a stranger. A trigger could delete what was just stored, and a view in
the place of a table could take forever to read. So what a file declares is compared with what
originid makes, before anything else is read of it.
"""

import sqlite3
from functools import cache
from pathlib import Path

from originid.errors import CollectionError

OWN = "sqlite_"  # how the names of SQLite's own tables and indices begin


def refuse_other_tables(connection: sqlite3.Connection, tables: str, folder: Path) -> None:
    """Refuse a database that declares anything that a collection does not.

    Tables of an earlier format may lack columns, and the whole may lack tables.

    Args:
        connection: of the database; nothing was read of it yet.
        tables: the statements that make the tables and indices of the newest format.
        folder: of the collection, for the error.

    Raises:
        CollectionError: if the database has a trigger, a view, a virtual table, another table or
            index, or another column.
    """
    expected = _declared(tables)
    for (kind, name), columns in _found(connection).items():
        known = expected.get((kind, name))
        if known is None:
            raise _refused(folder, f"a {kind} {name!r}")
        if not columns <= known:
            raise _refused(folder, f"another {kind} {name!r}")


_Declared = dict[tuple[str, str], frozenset[tuple[object, ...]]]
"""By kind and name, what is compared: the columns of a table, the statement of an index."""


@cache
def _declared(tables: str) -> _Declared:
    connection = sqlite3.connect(":memory:")
    try:
        connection.executescript(tables)
        return _found(connection)
    finally:
        connection.close()


def _found(connection: sqlite3.Connection) -> _Declared:
    found: _Declared = {}
    rows = connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
    for kind, name, sql in rows:
        if kind in ("table", "index") and str(name).startswith(OWN):
            continue
        statement = " ".join(str(sql).split())
        if kind == "table" and statement.upper().startswith("CREATE TABLE"):
            # The number of a column differs where it was added to an earlier format.
            query = 'SELECT name, type, "notnull", pk, hidden FROM pragma_table_xinfo(?)'
            found[kind, name] = frozenset(connection.execute(query, (name,)).fetchall())
        else:
            found[kind, name] = frozenset([(statement,)])
    return found


def _refused(folder: Path, what: str) -> CollectionError:
    return CollectionError(
        f"the database in {folder} has {what}, which no collection of originid has",
        "expected the tables of a collection, and nothing that runs by itself",
        "do not use a collection of unknown origin; if it is yours, restore it from a copy, or "
        "index the images again into a new collection",
    )
