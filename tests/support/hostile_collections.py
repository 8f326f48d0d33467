"""Collections of strangers: a sound one, changed in one place; and a program that tries them.

Run as a program, it tries the commands on each folder that is named to it, in one process whose
memory is limited, and prints a line of JSON for each command.
"""

import json
import os
import shutil
import sqlite3
import struct
import sys
import time
from collections.abc import Callable
from contextlib import closing, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

Change = Callable[[Path], object]
MEMORY = 1_500_000_000  # bytes that the program may allocate
DATABASE = "collection.sqlite"
PAGE = 16384


def sql(*statements: str) -> Change:
    """Statements that are run; SECRET in them is a folder beside the collection."""

    def change(folder: Path) -> None:
        """Change the database."""
        with closing(sqlite3.connect(folder / DATABASE)) as connection:
            for statement in statements:
                connection.execute(statement.replace("SECRET", str(folder.parent / "secret")))
            connection.commit()

    return change


def both(*changes: Change) -> Change:
    """Several changes, one after the other."""

    def change(folder: Path) -> None:
        """Make them."""
        for each in changes:
            each(folder)

    return change


def moved(path: str) -> Change:
    """References whose files lie at a path; N in it is the number of the photo."""
    text = f"'{path}'".replace("/N", "/000' || (id - 1) || '")
    return sql(
        f"UPDATE reference SET location = {text} || iif(id > 1 AND {'N' not in path}, id, '')"
    )


def content(change: Callable[[bytes], bytes], name: str = DATABASE) -> Change:
    """Other bytes of a file."""

    def rewrite(folder: Path) -> None:
        """Write the file anew."""
        file = folder / name
        file.write_bytes(change(file.read_bytes() if file.exists() else b""))

    return rewrite


def endless(table: str, wide: int = 500, levels: int = 4) -> Change:
    """A table whose pages stand in it again and again: ``wide ** levels`` times its rows."""

    def change(folder: Path) -> None:
        """Put the rows of the table under pages that name the same page below each time."""
        file = folder / DATABASE
        with closing(sqlite3.connect(file)) as connection:
            query = "SELECT rootpage FROM sqlite_master WHERE name = ?"
            (root,) = connection.execute(query, (table,)).fetchone()
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        data = bytearray(file.read_bytes())
        pages = len(data) // PAGE
        leaf = bytes(data[(root - 1) * PAGE : root * PAGE])
        below = pages + 1
        for _ in range(levels):
            data += leaf
            leaf = _interior(below, wide)
            below += 1
        data[(root - 1) * PAGE : root * PAGE] = _interior(below - 1, wide)
        data[28:32] = struct.pack(">I", len(data) // PAGE)
        data[92:96] = data[24:28]
        file.write_bytes(data)

    return change


def _interior(child: int, wide: int) -> bytes:
    """A page of a table that names one page ``wide`` times."""
    page = bytearray(PAGE)
    start = PAGE - 6 * wide
    page[:12] = struct.pack(">BHHHBI", 5, 0, wide, start, 0, child)
    for number in range(wide):
        place = start + 6 * number
        page[12 + 2 * number : 14 + 2 * number] = struct.pack(">H", place)
        varint = bytes([0x80 | (number + 1) >> 7, (number + 1) & 127])
        page[place : place + 6] = struct.pack(">I", child) + varint
    return bytes(page)


OPEN: dict[str, Change] = {
    "files elsewhere": moved("SECRET/N.png"),
    "a pipe": moved("SECRET/pipe"),
    "a device": moved("/dev/zero"),
    "the memory of the process": moved("/proc/self/mem"),
    "a share of a host": moved("//host/share/N.png"),
    "out of the folder": sql(
        "UPDATE reference SET location = replace(location, '/photos/', '/photos/../secret/')"
    ),
    "out of the folder by a name": sql(
        "UPDATE reference SET location = replace(location, '/photos/', '/photos/../secret/'),"
        " name = replace(location, '/photos/', '/photos/../secret/')"
    ),
    "further names": sql(
        "INSERT INTO name SELECT 'SECRET/000' || id || '.png', 'x', id FROM reference"
    ),
    "failures": sql("INSERT INTO failure VALUES ('SECRET/0001.png', 'x', 'y')"),
    "a folder that nobody signed": both(
        sql("INSERT OR IGNORE INTO folder VALUES ('/', randomblob(32))"), moved("SECRET/N.png")
    ),
    "signatures of another folder": both(
        sql("UPDATE OR IGNORE folder SET location = 'SECRET'"), moved("SECRET/N.png")
    ),
    "a log of nothing": content(lambda _: bytes(range(256)) * 1000, f"{DATABASE}-wal"),
    "an index of nothing": content(lambda _: b"originid" + bytes(range(256)) * 1000, "index.bin"),
    "damaged codes": sql("UPDATE vector SET code = zeroblob(100000)"),
}
"""Changes after which the vectors are searched, and no file is opened that was not named."""

REFUSED: dict[str, tuple[Change, str]] = {
    "vectors without end": (endless("vector"), "cannot be read"),
    "references without end": (endless("reference"), ""),
    "removals without end": (endless("removed"), "cannot be read"),
    "a name of 50 MB": (
        sql("UPDATE reference SET name = CAST(zeroblob(50000000) AS TEXT)"),
        "too big",
    ),
    "a code of 100 MB": (sql("UPDATE vector SET code = zeroblob(100000000)"), ""),
    "a path of 50 MB": (
        sql("UPDATE reference SET location = location || hex(zeroblob(25000000))"),
        "too big",
    ),
    "a trigger": (
        sql(
            "CREATE TRIGGER t AFTER INSERT ON reference BEGIN DELETE FROM vector; END",
        ),
        "has a trigger 't'",
    ),
    "a view without end": (
        sql(
            "ALTER TABLE meta RENAME TO other",
            "CREATE VIEW meta AS WITH RECURSIVE r(value) AS (SELECT 1 UNION ALL SELECT value + 1"
            " FROM r) SELECT value AS key, value FROM r",
        ),
        "which no collection of originid has",
    ),
    "a journal": (content(lambda _: bytes(512), f"{DATABASE}-journal"), "rollback journal"),
    "no database": (content(lambda _: b"text" * 1000), "not a database"),
    "half of it": (content(lambda data: data[: len(data) // 2]), "cannot be read"),
    "an id without successor": (
        sql("UPDATE reference SET id = 9223372036854775807 WHERE id = 1"),
        "",
    ),
}
"""Changes with the words of the error; those without words may be answered or refused."""


def try_commands(folder: Path, photos: Path) -> None:
    """Run each command on a collection, and print what became of it as lines of JSON."""
    from originid import cli

    query = str(photos / "0001.png")
    opened: list[str] = []
    OPENED.append(opened)
    for command in (
        ["find", query, "--in", str(folder), "--json", "--effort", "thorough"],
        ["show", str(folder), "--verify-content", "--json"],
        ["explain", query, "--in", str(folder), "-o", str(folder.parent / "out.png")],
        ["index", str(photos), "--into", str(folder), "--json"],
    ):
        opened.clear()
        out, err, start = StringIO(), StringIO(), time.monotonic()
        with redirect_stdout(out), redirect_stderr(err):
            status = cli.run(command)
        told = {
            "command": command[0],
            "status": status,
            "out": out.getvalue(),
            "err": err.getvalue(),
            "seconds": time.monotonic() - start,
            "opened": [
                path for path in opened if "/secret/" in path or path.startswith("/dev/zero")
            ],
        }
        print(json.dumps(told), flush=True)


OPENED: list[list[str]] = []


def note_opened(event: str, arguments: tuple[object, ...]) -> None:
    """An audit hook that notes which files are opened."""
    if event == "open" and OPENED and isinstance(arguments[0], str | bytes):
        OPENED[-1].append(os.fsdecode(arguments[0]))


def sound_copy(sound: Path, folder: Path, change: Change) -> Path:
    """A copy of a sound collection with a change made in it."""
    shutil.copytree(sound, folder)
    change(folder)
    return folder


if __name__ == "__main__":
    import resource

    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    sys.addaudithook(note_opened)
    for each in sys.argv[2:]:
        try_commands(Path(each), Path(sys.argv[1]))
