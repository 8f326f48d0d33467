"""The files that a command is told to write: their endings and their folders."""

from collections.abc import Sequence
from pathlib import Path

from originid.errors import UsageError
from originid.system.text import quoted


def refuse_other_output(path: Path, what: str, suffixes: Sequence[str], todo: str) -> None:
    """Refuse a file that has another ending, or whose folder does not exist.

    Args:
        path: the file; it need not exist.
        what: what it is called in the error, such as ``the report``.
        suffixes: the endings that it may have, in small letters, at least two.
        todo: what a person can do about another ending.

    Raises:
        UsageError: it ends otherwise, in small or capital letters, or has no folder.
    """
    if path.suffix.lower() not in suffixes:
        raise UsageError(
            f"{what} {path}",
            f"expected a name that ends in {', '.join(suffixes[:-1])} or {suffixes[-1]}",
            todo,
        )
    if not path.parent.is_dir():
        raise UsageError(
            f"{what} {path}",
            f"expected a folder {path.parent} that exists",
            f"make it first: mkdir -p {quoted(path.parent)}",
        )
