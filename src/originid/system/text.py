"""Turns file names into text that is safe to show, and into commands that a shell takes."""

import difflib
import os
import re
import shlex
from collections.abc import Iterable
from pathlib import Path

from originid.system.server_url import ServerUrl

_ESCAPED = re.compile(r"\\(?:x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}|[nrt])")


def printable(text: str) -> str:
    """Escape what a terminal should not get: control characters and bytes that are not UTF-8.

    Args:
        text: any text, such as a file name; bytes that could not be decoded are in it as
            surrogates, as `os.fsdecode` leaves them.

    Returns:
        The text, in which each such character is written as ``\\x1b`` or ``\\udcff``.
    """
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )


def as_it_was(text: str) -> str:
    """The text that `printable` printed, where no backslash in it was one before.

    So that a person can give a path as it was printed. A path with a real backslash may read as
    another one: look for it as it is first.
    """
    return _ESCAPED.sub(lambda found: found[0].encode("ascii").decode("unicode_escape"), text)


def counted(count: int, noun: str) -> str:
    """Return a number with its noun: ``1 pair``, ``2 pairs``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


ALIKE = 0.7  # of two names: one may be a slip of the other; report and effort have 0.67


def closest(given: str, known: Iterable[str], otherwise: str) -> str:
    """Ask whether a name was misspelt.

    Args:
        given: the name.
        known: the names that there are.
        otherwise: what is said if none of them is like the given name.

    Returns:
        For example ``did you mean default?``.
    """
    # Dashes count for nothing: all options begin with two, which makes any two of them alike.
    by_key = {name.lstrip("-").casefold(): name for name in known}
    found = difflib.get_close_matches(given.lstrip("-").casefold(), by_key, 1, ALIKE)
    return f"did you mean {by_key[found[0]]}?" if found else otherwise


def shell_command(*words: str | Path | ServerUrl) -> str:
    """Write a command of originid so that it can be copied into a shell.

    Args:
        words: the words behind ``originid``. One that names a file is a ``Path``, so that a name
            which begins with a dash is not taken for an option; a URL is written without secrets.

    Returns:
        The command, with each word quoted where a shell needs it. A word with control characters
        or bytes that are not UTF-8 is written as ``$'\\x1b'``, as bash and zsh read it.
    """
    return " ".join(["originid", *map(quoted, words)])


def quoted(word: str | Path | ServerUrl) -> str:
    """Quote one word for a shell, as `shell_command` does with each of its words."""
    text = str(word)
    if isinstance(word, Path) and text.startswith("-"):
        text = os.path.join(os.curdir, text)
    if text.isprintable():
        return shlex.quote(text)
    escaped = "".join(c if c.isprintable() and c not in "\\'" else _escaped_bytes(c) for c in text)
    return f"$'{escaped}'"


def _escaped_bytes(character: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in os.fsencode(character))
