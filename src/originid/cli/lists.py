"""Lists of paths, as ``index -``, ``remove -`` and ``find --list`` read them.

A list is UTF-8 with a path a line, or with NUL between the paths after ``-0``. Nothing is guessed.
"""

import codecs
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

NullOption = Annotated[
    bool,
    typer.Option(
        "-0", "--null", help="Expect NUL between the paths of a list, as after find -print0."
    ),
]
YesOption = Annotated[
    bool,
    typer.Option("--yes", help="Take folders on a list too that hold more than 10,000 files."),
]
STDIN = "-"
MOST_FILES = 10_000  # in a folder on a list; a line such as / would take the whole disk
COUNTING = 5.0  # seconds for counting the files in such a folder
# The one of 32 bits begins as that of 16 bits.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def with_lists(
    arguments: Sequence[str], null: bool, yes: bool, size: Callable[[str], str | None] | None = None
) -> list[str]:
    """Return arguments, with - replaced by the paths that standard input lists.

    Args:
        arguments: of the command line.
        null: as for `read_list`.
        yes: as for `read_list`.
        size: as for `read_list`.

    Raises:
        typer.BadParameter: an argument is empty, as from a script with an unset variable, or there
            is no list.
        InputError: the list cannot be used.
    """
    refuse_empty(arguments)
    if null and STDIN not in arguments:
        raise typer.BadParameter("-0 says how a list is written: name - to read one")
    paths: list[str] = []
    for argument in arguments:
        paths += read_list(STDIN, null, yes, size) if argument == STDIN else [argument]
    return paths


def refuse_empty(arguments: Sequence[str]) -> None:
    """Raise BadParameter if an argument is empty, as from a script with an unset variable."""
    if "" in arguments:
        raise typer.BadParameter("an empty name: expected files or folders")


def read_list(
    name: str, null: bool, yes: bool, size: Callable[[str], str | None] | None = None
) -> list[str]:
    """Read a list of paths.

    Args:
        name: the path of the list; - stands for standard input.
        null: whether NUL stands between the paths, and not the end of a line.
        yes: whether folders may hold more than `MOST_FILES` files.
        size: a function that says what a path holds if that is more, such as ``12,345 files``. By
            default it counts the files of a folder.

    Raises:
        InputError: the list cannot be read, is no text, or has a path that cannot be used.
    """
    from originid.errors import InputError

    shown = "the list on standard input" if name == STDIN else f"the list {name}"
    if name == STDIN:
        data = sys.stdin.buffer.read() if sys.stdin else b""
    else:
        try:
            data = Path(name).read_bytes()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise InputError(
                f"{shown}: {reason}", "expected a file with a path a line", "check its name"
            ) from error
    paths = list(_paths(data, shown, null))
    for path in () if yes else paths:
        held = (size or _files_in)(path)
        if held:
            raise InputError(
                f"{path} on {shown} holds {held}",
                f"expected files, and folders with at most {MOST_FILES:,} files",
                "take it off the list, or add --yes if all of them are meant",
            )
    return paths


def looks_like_list(data: bytes) -> bool:
    """Whether some bytes, which are no image, look like a list of paths.

    Args:
        data: what arrived in the place of an image.
    """
    from originid.errors import InputError
    from originid.images.find_files import IMAGE_SUFFIXES

    try:
        paths = list(_paths(data, "", null=b"\0" in data[:4096] and not data.startswith(b"\xff")))
    except InputError:
        return False
    first = paths[0] if paths else ""
    known = os.path.splitext(first)[1].lower() in IMAGE_SUFFIXES and first.isprintable()
    return bool(first) and (known or os.path.exists(first))


def _paths(data: bytes, shown: str, null: bool) -> Iterator[str]:
    from originid.errors import InputError

    unit = "path" if null else "line"
    for number, line in enumerate(_in_utf8(data, shown).split(b"\0" if null else b"\n"), start=1):
        path = line if null else line.removesuffix(b"\r")
        if not (path if null else path.strip()):
            continue
        if b"\0" in path:
            raise InputError(
                f"{shown} has a NUL character in line {number}",
                "expected a path a line",
                "add -0 if NUL stands between the paths, as after find -print0; save other "
                "lists as UTF-8",
            )
        # A file name may be any bytes, so that a line need not be text.
        if not _is_utf8(path) and not (os.name == "posix" and os.path.lexists(path)):
            raise InputError(
                f"{unit} {number} of {shown} is not UTF-8, and there is no file of that name: "
                f"{path.decode('utf-8', 'backslashreplace')}",
                "expected paths in UTF-8, or the very bytes of a file's name",
                "save the list as UTF-8, or take that path off it",
            )
        yield os.fsdecode(path) if os.name == "posix" else path.decode("utf-8")


def _in_utf8(data: bytes, shown: str) -> bytes:
    """The bytes of a list without a byte order mark, in UTF-8 if they have one."""
    from originid.errors import InputError

    for mark, encoding in _MARKS:
        if data.startswith(mark):
            try:
                if mark == codecs.BOM_UTF8:
                    return data[len(mark) :]  # names in it may be any bytes
                return data.decode(encoding).encode("utf-8")
            except UnicodeError as error:
                raise InputError(
                    f"{shown} is not whole: it begins as {encoding.upper()}, and then has {error}",
                    "expected paths in UTF-8, or in UTF-16 with a byte order mark",
                    "save the list as UTF-8",
                ) from error
    return data


def _is_utf8(path: bytes) -> bool:
    try:
        path.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _files_in(path: str) -> str | None:
    """How many files a folder holds, in words; None if there are at most `MOST_FILES`."""
    count, until = 0, time.monotonic() + COUNTING
    for _, _, files in os.walk(path):
        count += len(files)
        if count > MOST_FILES and time.monotonic() > until:
            return f"more than {count:,} files"
    return too_many(count, "files")


def too_many(count: int, unit: str) -> str | None:
    """Say how many there are in a folder on a list, or None if it is at most `MOST_FILES`."""
    return f"{count:,} {unit}" if count > MOST_FILES else None
