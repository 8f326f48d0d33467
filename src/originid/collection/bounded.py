"""A connection to a SQLite file of a stranger: what one statement may take is bounded.

A forged file can make a statement endless without any row that looks odd: a page of a table may
stand in it a thousand times, and hold another such page. So the steps of each statement are counted
(they are those of SQLite's own machine, a few for each row). What an honest statement needs grows
with the size of the file, and does not depend on how fast the disk is. So there is no clock.
"""

import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

EVERY = 100_000  # steps after which they are looked at: 2 milliseconds
LEAST_STEPS = 10_000_000  # that any statement may take: 0.3 seconds
STEPS_A_BYTE = 10  # of the file; no statement of ours takes more than one, for rows of 7 bytes
LIMITS = {
    "SQLITE_LIMIT_LENGTH": 4_000_000,  # bytes of a value or a row; the longest code has 98,304
    "SQLITE_LIMIT_SQL_LENGTH": 100_000,  # those of originid have less than 5,000
    "SQLITE_LIMIT_COLUMN": 100,
    "SQLITE_LIMIT_COMPOUND_SELECT": 10,
    "SQLITE_LIMIT_ATTACHED": 0,  # no other file is ever opened beside it
}


class BoundedConnection(sqlite3.Connection):
    """A connection that ends a statement which takes more steps than the file can explain.

    It then raises ``sqlite3.OperationalError: interrupted``.
    """

    file: Path
    """The database file; `bound` sets it."""

    def bound(self, file: Path) -> None:
        """Apply the limits.

        Args:
            file: the database file.
        """
        self.file = file
        self._steps = 0
        self.set_progress_handler(self._is_too_much, EVERY)
        if hasattr(self, "setlimit"):  # from Python 3.11 on
            for name, most in LIMITS.items():
                self.setlimit(getattr(sqlite3, name), most)

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """Run a statement, whose steps are counted anew."""
        self._steps = 0
        return super().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
        """Run a statement for each of several parameters, with steps of its own for each."""

        def counted_anew() -> Iterable[Any]:
            """Each of the parameters."""
            for each in parameters:
                self._steps = 0
                yield each

        return super().executemany(sql, counted_anew())

    def _is_too_much(self) -> bool:
        self._steps += EVERY
        return self._steps > LEAST_STEPS and self._steps > STEPS_A_BYTE * self._size()

    def _size(self) -> int:
        names = (self.file, Path(f"{self.file}-wal"))
        return sum(os.path.getsize(name) for name in names if name.exists())
